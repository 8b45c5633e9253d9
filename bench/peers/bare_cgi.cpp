// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a gateway for CGI programs could do at most: no protocol, no limits, only the system calls that nobody can do
// without.
//
//   bare_cgi spawn --seconds S --at-once N --expect-body TEXT PROGRAM    posix_spawn, read the pipe, waitpid
//   bare_cgi discard --bytes N PROGRAM                                   the bytes of one program, thrown away
//   bare_cgi copy --socket PATH --bytes N PROGRAM                        for each connection: pipe to socket
//
// The first two print one JSON object. `copy` writes HTTP's status line before what the program says, so that its
// client can check the answer.

#include "../load/report.hpp"
#include "../load/socket.hpp"
#include "../load/wire.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

using namespace bench;

constexpr std::size_t read_size = 65536;

struct arguments {
    std::string mode;
    std::string program;
    double seconds = 1;
    unsigned at_once = 1;
    std::uint64_t bytes = 0;
    std::string expect_body;
    std::string socket;
};

[[noreturn]] void throw_errno(const char* what)
{
    throw std::system_error{errno, std::generic_category(), what};
}

// What a gateway gives its programs: the variables of the request.
class variables {
public:
    explicit variables(const arguments& args)
    {
        wire::request_target target;
        target.path = "/program";
        if (args.bytes != 0)
            target.path += "?bytes=" + std::to_string(args.bytes);
        target.script = args.program;
        for (const auto& [name, value] : wire::nginx_parameters(target))
            if (!value.empty())
                texts_.push_back(name + "=" + value);
        texts_.emplace_back("PATH=/usr/local/bin:/usr/bin:/bin");
        for (auto& text : texts_)
            pointers_.push_back(text.data());
        pointers_.push_back(nullptr);
    }

    [[nodiscard]] char* const* get() const { return pointers_.data(); }

private:
    std::vector<std::string> texts_;
    std::vector<char*> pointers_;
};

// A program with its output in a pipe and an empty input.
class running {
public:
    running(const arguments& args, const variables& environment)
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw_errno("pipe2");
        output_ = unique_fd{ends[0]};
        const unique_fd write_end{ends[1]};
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
        char* const argv[] = {const_cast<char*>(args.program.c_str()), nullptr};
        errno = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv, environment.get());
        ::posix_spawn_file_actions_destroy(&actions);
        if (errno != 0)
            throw_errno(argv[0]);
    }

    [[nodiscard]] int output() const { return output_.get(); }

    // The bytes that came; 0 at the end of the output.
    std::size_t read(char* data, std::size_t size) const
    {
        for (;;) {
            const ssize_t n = ::read(output_.get(), data, size);
            if (n >= 0)
                return static_cast<std::size_t>(n);
            if (errno != EINTR)
                throw_errno("read");
        }
    }

    // Waits for its end, which must be a good one.
    void wait()
    {
        int status = 0;
        output_.reset();
        while (::waitpid(pid_, &status, 0) < 0)
            if (errno != EINTR)
                throw_errno("waitpid");
        if (status != 0)
            throw std::runtime_error{"the program failed"};
    }

private:
    pid_t pid_ = -1;
    unique_fd output_;
};

void spawn(const arguments& args)
{
    struct one_program {
        running process;
        std::string said;
    };
    const variables environment{args};
    const std::uint64_t from = now_ns();
    const auto end = from + static_cast<std::uint64_t>(args.seconds * 1e9);
    std::vector<one_program> programs;
    std::vector<pollfd> outputs;
    std::vector<char> buffer(read_size);
    std::uint64_t count = 0;
    std::uint64_t now = from;
    do {
        while (now < end && programs.size() < args.at_once)
            programs.push_back({running{args, environment}, {}});
        outputs.clear();
        for (const auto& one : programs)
            outputs.push_back({one.process.output(), POLLIN, 0});
        if (outputs.size() > 1 && ::poll(outputs.data(), outputs.size(), -1) < 0 && errno != EINTR)
            throw_errno("poll");
        for (std::size_t i = programs.size(); i-- > 0;) {
            if (outputs.size() > 1 && outputs[i].revents == 0)
                continue;
            auto& one = programs[i];
            if (const std::size_t n = one.process.read(buffer.data(), buffer.size()); n > 0) {
                one.said.append(buffer.data(), n);
                continue;
            }
            one.process.wait();
            if (!one.said.ends_with("\r\n\r\n" + args.expect_body))
                throw std::runtime_error{"wrong output: " + one.said.substr(0, 200)};
            ++count;
            programs.erase(programs.begin() + static_cast<std::ptrdiff_t>(i));
        }
        now = now_ns();
    } while (now < end || !programs.empty());
    const double elapsed = static_cast<double>(now - from) * 1e-9;
    report out;
    out.add("mode", "spawn");
    out.add("requests", count);
    out.add("seconds", elapsed);
    out.add("requests_per_s", static_cast<double>(count) / elapsed);
    std::puts(out.str().c_str());
}

void discard(const arguments& args)
{
    const variables environment{args};
    std::vector<char> buffer(read_size);
    const std::uint64_t from = now_ns();
    running process{args, environment};
    std::uint64_t bytes = 0;
    while (const std::size_t n = process.read(buffer.data(), buffer.size()))
        bytes += n;
    process.wait();
    const double elapsed = static_cast<double>(now_ns() - from) * 1e-9;
    if (bytes < args.bytes || bytes > args.bytes + 1024) // the program's head is among them
        throw std::runtime_error{"wrong number of bytes: " + std::to_string(bytes)};
    report out;
    out.add("mode", "discard");
    out.add("body_bytes", args.bytes);
    out.add("gib_per_s", static_cast<double>(args.bytes) / elapsed / (1024.0 * 1024 * 1024));
    out.add("seconds", std::vector<double>{elapsed});
    std::puts(out.str().c_str());
}

void copy_to(int fd, const arguments& args, const variables& environment, std::vector<char>& buffer)
{
    constexpr std::string_view status_line = "HTTP/1.1 200 OK\r\n";
    if (::recv(fd, buffer.data(), buffer.size(), 0) <= 0)
        return; // somebody who only looked whether there is a listener
    running process{args, environment};
    send_all(fd, status_line.data(), status_line.size());
    while (const std::size_t n = process.read(buffer.data(), buffer.size()))
        send_all(fd, buffer.data(), n);
    process.wait();
}

[[noreturn]] void copy(const arguments& args)
{
    const variables environment{args};
    std::vector<char> buffer(read_size);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (args.socket.empty() || args.socket.size() >= sizeof address.sun_path)
        throw std::runtime_error{"--socket wants a path that fits into an address"};
    std::memcpy(address.sun_path, args.socket.c_str(), args.socket.size() + 1);
    const unique_fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener.get(), 128) != 0)
        throw_errno("listen");
    for (;;) {
        const unique_fd fd{::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        if (fd)
            copy_to(fd.get(), args, environment, buffer);
    }
}

arguments parse(int argc, char** argv)
{
    arguments out;
    if (argc < 3)
        throw std::invalid_argument{"bare_cgi spawn|discard|copy [options] PROGRAM"};
    out.mode = argv[1];
    out.program = argv[argc - 1];
    for (int i = 2; i + 2 < argc; i += 2) {
        const std::string_view name = argv[i];
        const char* const value = argv[i + 1];
        if (name == "--seconds")
            out.seconds = std::strtod(value, nullptr);
        else if (name == "--at-once")
            out.at_once = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
        else if (name == "--bytes")
            out.bytes = std::strtoull(value, nullptr, 10);
        else if (name == "--expect-body")
            out.expect_body = value;
        else if (name == "--socket")
            out.socket = value;
        else
            throw std::invalid_argument{"unknown option " + std::string{name}};
    }
    if (out.at_once == 0)
        throw std::invalid_argument{"--at-once must be at least 1"};
    return out;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        const arguments args = parse(argc, argv);
        if (args.mode == "copy")
            copy(args);
        end_after(120);
        if (args.mode == "spawn")
            spawn(args);
        else if (args.mode == "discard")
            discard(args);
        else
            throw std::invalid_argument{"no mode " + args.mode};
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bare_cgi: %s\n", error.what());
        return 1;
    }
}
