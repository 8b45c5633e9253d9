// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/listener.hpp>

#include "fcgi/socket_peer.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::test;
using fcgi::listener;
namespace fs = std::filesystem;

namespace {

/// True when a connection to `address` gets through to `l`.
bool takes_connections(const listener& l, const std::string& address)
{
    const auto peer = socket_peer::connect(address);
    pollfd p{l.fd(), POLLIN, 0};
    ::poll(&p, 1, 10'000);
    const int fd = l.accept();
    if (fd < 0)
        return false;
    // As promised: close-on-exec and non-blocking.
    CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    ::close(fd);
    return true;
}

/// The text of the exception that opening `address` throws; its kind in front.
std::string why_not(const std::string& address)
{
    try {
        listener::open(address);
    } catch (const std::invalid_argument& e) {
        return std::string("invalid: ") + e.what();
    } catch (const std::system_error& e) {
        return std::string("system: ") + e.what();
    }
    return "it opened";
}

int open_descriptors()
{
    int n = 0;
    for (int fd = 0; fd < 256; ++fd)
        n += ::fcntl(fd, F_GETFD) >= 0;
    return n;
}

} // namespace

TEST_CASE("listener: TCP, a free port taken, its address told in the form that is taken")
{
    for (const std::string given : {"tcp:127.0.0.1:0", "tcp::0", "tcp:localhost:0"}) {
        INFO(given);
        const auto l = listener::open(given);
        CHECK(listener::is_listening(l.fd()));
        CHECK((::fcntl(l.fd(), F_GETFD) & FD_CLOEXEC) != 0);
        CHECK(l.address().starts_with("tcp:"));
        const auto port = l.address().substr(l.address().rfind(':') + 1);
        CHECK(std::stoi(port) > 0);
        if (l.address().find('[') == std::string::npos)
            CHECK(takes_connections(l, l.address()));
        CHECK(l.accept() == -1);
        CHECK((errno == EAGAIN || errno == EWOULDBLOCK));
        // Taken now, so a second listener is refused, with the address in the text.
        const auto why = why_not(l.address());
        CHECK(why.starts_with("system: "));
        CHECK(why.find(port) != std::string::npos);
    }
}

TEST_CASE("listener: IPv6 in brackets")
{
    std::optional<listener> l;
    try {
        l.emplace(listener::open("tcp:[::1]:0"));
    } catch (const std::exception& e) {
        WARN("no IPv6 here: " << e.what());
        return;
    }
    CHECK(l->address().starts_with("tcp:[::1]:"));
    CHECK(listener::is_listening(l->fd()));
}

TEST_CASE("listener: a port can be listened on again at once after its server has gone")
{
    std::string address;
    {
        const auto l = listener::open("tcp:127.0.0.1:0");
        address = l.address();
        auto peer = socket_peer::connect(address);
        pollfd p{l.fd(), POLLIN, 0};
        ::poll(&p, 1, 10'000);
        const int fd = l.accept();
        ::close(fd); // we close first: the kernel keeps the pair for a while
        peer.receive_end();
    }
    CHECK(takes_connections(listener::open(address), address));
}

TEST_CASE("listener: a unix socket is made, and its file removed at the end")
{
    const temp_dir dir;
    const auto path = dir / "socket";
    const auto address = "unix:" + path.string();
    {
        auto l = listener::open(address);
        CHECK(l.address() == address);
        CHECK(fs::is_socket(path));
        CHECK(takes_connections(l, address));
        // Moving hands the file and the descriptor on; they go once.
        auto moved = std::move(l);
        CHECK(takes_connections(moved, address));
        auto other = listener::open("unix:" + (dir / "other").string());
        other = std::move(moved);
        CHECK_FALSE(fs::exists(dir / "other"));
        CHECK(takes_connections(other, address));
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("listener: a socket that another process has put in the place of ours stays")
{
    const temp_dir dir;
    const auto path = dir / "socket";
    const auto address = "unix:" + path.string();
    auto first = listener::open(address);
    fs::remove(path);
    const auto second = listener::open(address);
    first.close();
    CHECK(fs::is_socket(path));
    CHECK(takes_connections(second, address));
}

TEST_CASE("listener: a unix socket nobody listens on any more is replaced - one in use is refused and stays")
{
    const temp_dir dir;
    const auto path = dir / "socket";
    const auto address = "unix:" + path.string();
    {
        // A server that was killed leaves its file.
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        path.string().copy(a.sun_path, sizeof a.sun_path - 1);
        REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
        REQUIRE(::listen(fd, 1) == 0);
        ::close(fd);
    }
    REQUIRE(fs::is_socket(path));
    const auto l = listener::open(address);
    CHECK(takes_connections(l, address));

    const auto why = why_not(address);
    CHECK(why.starts_with("invalid: "));
    CHECK(why.find("listening there already") != std::string::npos);
    CHECK(takes_connections(l, address));
    pollfd p{l.fd(), POLLIN, 0};
    while (::poll(&p, 1, 0) > 0) { // the probe's connection
        const int fd = l.accept();
        REQUIRE(fd >= 0);
        ::close(fd);
    }
}

TEST_CASE(
    "listener: a unix socket gets the mode and the owner that were asked for, before anybody can connect")
{
    const temp_dir dir;
    const auto path = (dir / "socket").string();
    fcgi::listener_options options;
    options.mode = 0620;
    options.owner = std::to_string(::geteuid()) + ":" + std::to_string(::getegid());
    {
        const auto l = listener::open("unix:" + path, options);
        struct stat st {};
        REQUIRE(::stat(path.c_str(), &st) == 0);
        CHECK((st.st_mode & 07777) == 0620);
        CHECK(st.st_uid == ::geteuid());
        CHECK(st.st_gid == ::getegid());
    }
    for (const char* wrong : {"nobody-of-this-name", ":nobody-of-this-name", "root:nobody-of-this-name"}) {
        options.owner = wrong;
        CHECK_THROWS_AS(listener::open("unix:" + path, options), std::invalid_argument);
        CHECK_FALSE(fs::exists(path)); // nothing was made
    }
}

TEST_CASE("listener: one in use whose queue is full is refused too")
{
    const temp_dir dir;
    const auto address = "unix:" + (dir / "socket").string();
    const auto l = listener::open(address, {.backlog = 0, .mode = {}, .owner = {}});
    const auto first = socket_peer::connect(address); // a queue of 0 holds one
    CHECK(why_not(address).find("listening there already") != std::string::npos);
    CHECK(fs::exists(dir / "socket"));
}

TEST_CASE("listener: what is no socket is neither removed nor listened on")
{
    const temp_dir dir;
    dir.write("file", "precious");
    fs::create_directory(dir / "folder");
    fs::create_symlink(dir / "nowhere", dir / "link");
    for (const auto* name : {"file", "folder", "link"}) {
        const auto why = why_not("unix:" + (dir / name).string());
        INFO(why);
        CHECK(why.starts_with("invalid: "));
        CHECK(why.find("no socket") != std::string::npos);
        CHECK(why.find(name) != std::string::npos);
    }
    CHECK(fs::file_size(dir / "file") == 8);
    CHECK(fs::is_symlink(dir / "link"));
}

TEST_CASE("listener: a wrong address is refused with a text that says what to do")
{
    const auto descriptors = open_descriptors();
    for (const std::string bad : {"", "9000", "127.0.0.1:9000", "tcp:", "tcp:9000", "tcp:host:", "unix",
                                  "http:localhost:80", "TCP:127.0.0.1:0"})
    {
        const auto why = why_not(bad);
        INFO(why);
        CHECK(why.starts_with("invalid: '" + bad + "' is no address"));
        CHECK(why.find("unix:/") != std::string::npos);
        CHECK(why.find("tcp:host:port") != std::string::npos);
    }
    for (const std::string& bad : {std::string("unix:"), "unix:/" + std::string(200, 'p')}) {
        const auto why = why_not(bad);
        INFO(why);
        CHECK(why.starts_with("invalid: "));
        CHECK(why.find("107") != std::string::npos); // how long it may be
    }
    CHECK(why_not("tcp:127.0.0.1:no-such-service").starts_with("invalid: tcp:127.0.0.1:no-such-service"));
    CHECK(why_not("tcp:192.0.2.1:0").starts_with("system: ")); // not an address of this machine
    CHECK(why_not("unix:/no/such/folder/s").starts_with("system: "));
    CHECK(open_descriptors() == descriptors);
}

TEST_CASE("listener: an inherited socket is told from anything else, and does not block from then on")
{
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    int pipe[2];
    REQUIRE(::pipe(pipe) == 0);
    const int not_yet = ::socket(AF_INET, SOCK_STREAM, 0);
    for (const int fd : {pair[0], pipe[0], not_yet, 9999, -1}) {
        CHECK_FALSE(listener::is_listening(fd));
        CHECK_THROWS_AS(listener::inherit(fd), std::invalid_argument);
    }
    for (const int fd : {pair[0], pair[1], pipe[0], pipe[1]})
        ::close(fd);

    REQUIRE(::listen(not_yet, 1) == 0);
    CHECK(listener::is_listening(not_yet));
    for (const int flags : {0, O_NONBLOCK}) {
        REQUIRE(::fcntl(not_yet, F_SETFL, flags) == 0);
        // Who shares the open file sees its flags: as a sibling process does.
        const int shared = ::dup(not_yet);
        {
            auto l = listener::inherit(::dup(not_yet));
            CHECK((::fcntl(shared, F_GETFL) & O_NONBLOCK) != 0);
            CHECK((::fcntl(l.fd(), F_GETFD) & FD_CLOEXEC) != 0);
            CHECK(l.accept() == -1); // does not wait
            const auto moved = std::move(l);
            CHECK((::fcntl(shared, F_GETFL) & O_NONBLOCK) != 0);
        }
        CHECK((::fcntl(shared, F_GETFL) & O_NONBLOCK) != 0); // the others must not block either
        CHECK(listener::is_listening(shared));               // and it still listens for them
        ::close(shared);
    }
    ::close(not_yet);
}

TEST_CASE("listener: of two servers on one inherited socket the second goes on when the first ends")
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::listen(fd, 10) == 0);
    sockaddr_in where{};
    socklen_t size = sizeof where;
    REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) == 0);
    const auto address = "tcp:127.0.0.1:" + std::to_string(ntohs(where.sin_port));
    const application app = [](request&) { return response{204, {}, {}, {}}; };
    running_server stays(app, {}, listener::inherit(::dup(fd)));
    {
        running_server goes(app, {}, listener::inherit(::dup(fd)));
        goes.server().drain();
        CHECK(goes.wait_for_end());
    }
    for (int i = 0; i < 3; ++i) {
        // It takes one, and looks for another: that must not wait.
        auto peer = socket_peer::connect(address);
        CHECK(peer.send(get(1, false)));
        CHECK(peer.receive_end());
        CHECK_FALSE(peer.received.empty());
    }
    stays.server().drain();
    CHECK(stays.wait_for_end());
    ::close(fd);
}
