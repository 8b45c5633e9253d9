// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/file.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sluice/application.hpp>

#include <boost/asio/co_spawn.hpp>

#include <cerrno>
#include <cstdint>
#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::test;

namespace {

response with_body(response_body b)
{
    return {200, {{"Content-Type", "text/plain"}}, std::move(b), {}};
}

/// The system's error of an attempt, 0 when there was none.
int error_of(const std::string& path)
{
    error_code ec;
    const auto f = file::open(path, ec);
    CHECK(f.is_open() == !ec);
    return ec.value();
}

int error_beneath(const std::string& root, std::string_view path)
{
    error_code ec;
    const auto f = file::open_beneath(root, path, ec);
    CHECK(f.is_open() == !ec);
    return ec.value();
}

/// Descriptors of this process.
std::ptrdiff_t open_descriptors()
{
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

/// A request that is answered with a file, its client reading nothing until told.
struct file_exchange {
    explicit file_exchange(response_body body)
        : body_(std::move(body)), loop([this](request&) { return with_body(std::move(body_)); }), client(loop)
    {
        client.stall();
        client.request();
        loop.poll();
    }

    /// The client reads all that comes, until the end.
    bool read_to_end()
    {
        client.take_all();
        return loop.poll_until([this] { return client.ended(); });
    }

private:
    response_body body_;

public:
    fake_loop loop;
    fake_host client;
};

constexpr std::size_t some_size = 1'000'003;

} // namespace

TEST_CASE("R29: a file is opened when it is a regular one, and its size and time are known")
{
    const temp_dir folder;
    const std::string path = folder.write("some file.txt", "content");
    timespec times[] = {{1'000'000, 0}, {784111777, 5}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);

    const auto f = file::open(path);
    CHECK(f.is_open());
    CHECK(f.path() == path);
    CHECK(f.size() == 7);
    CHECK(f.last_modified().tv_sec == 784111777);
    CHECK(f.last_modified().tv_nsec == 5);
    CHECK((::fcntl(f.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("R29: what is no regular file is refused at once, and says what it is by the error")
{
    const temp_dir folder;
    const auto before = open_descriptors();
    const std::string fifo = folder / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const std::string path = folder / "socket";
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    ::close(socket);

    CHECK(error_of(fifo) == ENOTSUP); // and nobody waits for its writer
    CHECK(error_of(path) == ENOTSUP);
    CHECK(error_of("/dev/null") == ENOTSUP);
    CHECK(error_of(folder.path()) == EISDIR);
    CHECK(error_of(folder / "none") == ENOENT);
    CHECK(error_of(std::string(folder.write("file", "x")) + "/below") == ENOTDIR);
    CHECK(error_of(std::string("/etc/passwd\0.txt", 16)) == EINVAL);
    CHECK(error_of("") == ENOENT);
    CHECK(open_descriptors() == before);

    CHECK_THROWS_WITH(file::open(folder / "none"),
                      Catch::Contains("none'") && Catch::Contains("No such file or directory"));
}

TEST_CASE("R29: below a root nothing leaves it, neither by dots nor by links")
{
    const temp_dir outside;
    outside.write("secret", "secret");
    const temp_dir folder;
    const std::string root = folder / "root";
    folder.write("root/sub/file", "inside");
    folder.write("secret", "secret");
    namespace fs = std::filesystem;
    fs::create_symlink("sub/file", root + "/good");
    fs::create_symlink("../secret", root + "/up");
    fs::create_symlink(outside / "secret", root + "/absolute");
    fs::create_symlink(outside.path(), root + "/elsewhere");
    fs::create_symlink("loop", root + "/loop");

    for (const auto* path :
         {"sub/file", "/sub/file", "//sub//file", "sub/../sub/file", "./sub/./file", "good"}) {
        CAPTURE(path);
        CHECK(error_beneath(root, path) == 0);
        CHECK(error_beneath(root + "/", path) == 0);
    }
    for (const auto* path :
         {"../secret", "/../secret", "sub/../../secret", "up", "absolute", "elsewhere/secret", "/..", ".."})
    {
        CAPTURE(path);
        CHECK(error_beneath(root, path) == EXDEV);
    }
    CHECK(error_beneath(root, "loop") == ELOOP);
    CHECK(error_beneath(root, "") == EISDIR);
    CHECK(error_beneath(root, "/") == EISDIR);
    CHECK(error_beneath(root, "sub") == EISDIR);
    CHECK(error_beneath(root, "none") == ENOENT);
    CHECK(error_beneath(root, std::string_view("sub/file\0", 9)) == EINVAL);
    CHECK(error_beneath(root, std::string(5000, 'x')) == ENAMETOOLONG);
    CHECK(error_beneath(folder / "no root", "file") == ENOENT);
    CHECK(error_beneath(folder / "secret", "file") == ENOTDIR);
}

TEST_CASE("R29: a file arrives whole, or the part of it that is wanted, with its length announced")
{
    const temp_dir folder;
    const auto text = text_of_size(some_size);
    const std::string path = folder.write("file", text);
    const auto before = open_descriptors();
    SECTION("whole")
    {
        file_exchange x(file::open(path));
        CHECK(x.read_to_end());
        CHECK(x.client.ended_well());
        CHECK(x.client.header("Content-Length") == std::to_string(some_size));
        CHECK((x.client.body() == text));
    }
    SECTION("parts")
    {
        struct part {
            std::uint64_t offset, length;
        };
        for (const auto& p : {part{0, 0}, part{0, 1}, part{some_size, 0}, part{some_size - 1, 1},
                              part{16'383, 16'385}, part{1, some_size - 2}})
        {
            CAPTURE(p.offset, p.length);
            file_exchange x(response_body(file::open(path), p.offset, p.length));
            CHECK(x.read_to_end());
            CHECK(x.client.ended_well());
            CHECK(x.client.header("Content-Length") == std::to_string(p.length));
            CHECK((x.client.body() == text.substr(p.offset, p.length)));
        }
    }
    SECTION("empty")
    {
        file_exchange x(file::open(folder.write("empty", "")));
        CHECK(x.read_to_end());
        CHECK(x.client.ended_well());
        CHECK(x.client.header("Content-Length") == "0");
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("R29: a file is closed when its client leaves")
{
    const temp_dir folder;
    const std::string path = folder.write("file", text_of_size(some_size));
    const auto before = open_descriptors();
    file_exchange x(file::open(path));
    CHECK(open_descriptors() == before + 1);
    x.client.leave();
    x.loop.poll();
    CHECK(open_descriptors() == before);
}

TEST_CASE("R29: where the file system cannot tell whether it would wait, a thread reads")
{
    // Kept in memory, where Linux knows no RWF_NOWAIT (6.18 does not). Where it does, this shows no less, but of the other way.
    const int memory = ::memfd_create("sluice-test", MFD_CLOEXEC);
    REQUIRE(memory >= 0);
    const auto text = text_of_size(some_size);
    REQUIRE(::write(memory, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    {
        file_exchange x(file::open("/proc/self/fd/" + std::to_string(memory)));
        CHECK(x.read_to_end());
        CHECK(x.client.ended_well());
        CHECK((x.client.body() == text));
        CHECK(x.client.peak_held() <= 64 * 1024);
    }
    {
        // The client leaves while a thread reads.
        file_exchange x(file::open("/proc/self/fd/" + std::to_string(memory)));
        x.client.leave();
    }
    ::close(memory);
}

TEST_CASE("R29: an app reads a file where it likes, and meets its end")
{
    const temp_dir folder;
    auto f = file::open(folder.write("file", "0123456789"));
    fake_loop loop([](request&) { return response{}; });
    std::string got;
    bool done = false;
    boost::asio::co_spawn(
        loop.context(),
        [&]() -> task<void> {
            char piece[4];
            for (const std::uint64_t at : {8u, 4u, 0u, 10u, 11u, 1'000'000u}) {
                const auto n = co_await f.read_at(at, boost::asio::buffer(piece));
                got.append(piece, n) += '|';
            }
            done = true;
        },
        [](std::exception_ptr) {});
    CHECK(loop.poll_until([&] { return done; }));
    CHECK(got == "89|4567|0123||||");
    CHECK_FALSE(f.try_read_at(10, boost::asio::mutable_buffer(got.data(), 1)));
}

TEST_CASE("F28: a file that shrinks while it is sent ends its response visibly, and nobody hangs")
{
    for (const std::uint64_t left : {0u, 1u, 20'000u, 500'000u, 999'000u}) {
        CAPTURE(left);
        const temp_dir folder;
        const std::string path = folder.write("file", text_of_size(some_size));
        file_exchange x(file::open(path));
        x.client.take(10'000);
        x.loop.poll();
        REQUIRE(::truncate(path.c_str(), static_cast<off_t>(left)) == 0);
        CHECK(x.read_to_end());
        CHECK_FALSE(x.client.ended_well());
        CHECK(x.client.body().size() < some_size);
        CHECK(x.client.body().size() + 64 * 1024 >= left);
        CHECK(x.client.header("Content-Length") == std::to_string(some_size));
        CHECK(x.loop.log().contains("error #"));
        CHECK(x.loop.log().contains("'" + path + "' has shrunk while it was sent"));
        CHECK(x.loop.statistics().pool_in_use == 0);
    }
}

TEST_CASE("F28: a file that grows while it is sent is cut at the announced length")
{
    const temp_dir folder;
    const auto text = text_of_size(some_size);
    const std::string path = folder.write("file", text);
    file_exchange x(file::open(path));
    x.client.take(10'000);
    x.loop.poll();
    folder.write("file", text + text);
    CHECK(x.read_to_end());
    CHECK(x.client.ended_well());
    CHECK(x.client.header("Content-Length") == std::to_string(some_size));
    CHECK((x.client.body() == text));
}

TEST_CASE("R40: a disk that fails in mid-file ends the response visibly, with a line in the log")
{
    // Memory that is not mapped reads as a disk does that fails: EIO.
    const int broken = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    REQUIRE(broken >= 0);
    const temp_dir folder;
    const std::string path = folder.write("file", text_of_size(some_size));
    auto f = file::open(path);
    const int fd = f.native_handle();
    file_exchange x(std::move(f));
    x.client.take(10'000);
    x.loop.poll();
    REQUIRE(::dup3(broken, fd, O_CLOEXEC) == fd);
    ::close(broken);
    CHECK(x.read_to_end());
    CHECK_FALSE(x.client.ended_well());
    CHECK(x.client.body().size() < some_size);
    CHECK(x.loop.log().contains("reading the file '" + path + "' at byte"));
    CHECK(x.loop.log().contains("Input/output error"));
}

TEST_CASE("F1: a file costs its response one window, however slowly it goes")
{
    const temp_dir folder;
    const std::string path = folder.write("file", text_of_size(some_size));
    file_exchange x(file::open(path));
    x.client.forget_content();
    for (int i = 0; i < 900; ++i) {
        x.client.take(1009);
        x.loop.poll();
    }
    CHECK_FALSE(x.client.ended());
    CHECK(x.read_to_end());
    CHECK(x.client.ended_well());
    CHECK(x.client.received_bytes() > some_size);
    CHECK(x.client.peak_held() <= 64 * 1024);
}
