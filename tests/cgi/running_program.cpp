// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "running_program.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {

namespace {

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

// Waits until `d` can be read or written.
void await(const descriptor& d, short what, std::chrono::milliseconds patience)
{
    pollfd p{d.get(), what, 0};
    int ready = 0;
    do
        ready = ::poll(&p, 1, static_cast<int>(patience.count()));
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        throw std::runtime_error(what == POLLIN ? "nothing comes from the program"
                                                : "the program does not read");
}

// One for all that run at the same time: the log must not be changed under a running program.
std::shared_ptr<log_capture> shared_log()
{
    static std::weak_ptr<log_capture> current;
    auto log = current.lock();
    if (!log)
        current = log = std::make_shared<log_capture>();
    return log;
}

} // namespace

void descriptor::close() noexcept
{
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
}

descriptor descriptor::duplicate() const
{
    const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 3);
    if (copy < 0)
        fail("F_DUPFD_CLOEXEC");
    return descriptor(copy);
}

channel pipe_from_program()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        fail("pipe2");
    return {descriptor(ends[0]), descriptor(ends[1])};
}

channel pipe_to_program()
{
    auto c = pipe_from_program();
    return {std::move(c.theirs), std::move(c.ours)};
}

channel socket_pair(std::size_t buffer)
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        fail("socketpair");
    if (const int size = static_cast<int>(buffer); size > 0)
        ::setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return {descriptor(ends[0]), descriptor(ends[1])};
}

descriptor open_file(const std::string& path, int flags)
{
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(path.c_str());
    return descriptor(fd);
}

bool is_nonblocking(const descriptor& d)
{
    const int flags = ::fcntl(d.get(), F_GETFL);
    if (flags < 0)
        fail("F_GETFL");
    return (flags & O_NONBLOCK) != 0;
}

void set_nonblocking(const descriptor& d, bool on)
{
    const int flags = ::fcntl(d.get(), F_GETFL);
    if (flags < 0 || ::fcntl(d.get(), F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) != 0)
        fail("F_SETFL");
}

std::size_t fill(const descriptor& d)
{
    const bool before = is_nonblocking(d);
    set_nonblocking(d, true);
    const std::string piece(4096, 'f');
    std::size_t all = 0;
    for (ssize_t n = 0; (n = ::write(d.get(), piece.data(), piece.size())) > 0;)
        all += static_cast<std::size_t>(n);
    set_nonblocking(d, before);
    return all;
}

std::string read_some(const descriptor& d, std::chrono::milliseconds patience)
{
    await(d, POLLIN, patience);
    std::string bytes(65536, '\0');
    const auto n = ::read(d.get(), bytes.data(), bytes.size());
    if (n < 0)
        fail("read");
    bytes.resize(static_cast<std::size_t>(n));
    return bytes;
}

std::string read_to_end(const descriptor& d)
{
    return read_bytes(d, static_cast<std::size_t>(-1));
}

std::string read_bytes(const descriptor& d, std::size_t bytes)
{
    std::string all;
    while (all.size() < bytes) {
        const auto piece = read_some(d);
        if (piece.empty())
            break;
        all += piece;
    }
    return all;
}

void write_all(const descriptor& d, std::string_view bytes)
{
    set_nonblocking(d, true);
    while (!bytes.empty()) {
        await(d, POLLOUT, std::chrono::seconds(10));
        const auto n = ::write(d.get(), bytes.data(), bytes.size());
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            fail("write");
        bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
}

running_program::running_program(application app, setup s) : log_(shared_log()), setup_(std::move(s))
{
    std::signal(SIGPIPE, SIG_IGN);
    std::vector<std::string> base{"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=" + setup_.method,
                                  "SCRIPT_NAME=/app",          "PATH_INFO=/page",
                                  "REQUEST_URI=/app/page",     "QUERY_STRING=",
                                  "SERVER_NAME=localhost",     "SERVER_PORT=80",
                                  "SERVER_PROTOCOL=HTTP/1.1"};
    setup_.variables.insert(setup_.variables.begin(), base.begin(), base.end());
    for (const auto& v : setup_.variables)
        variables_.push_back(v.c_str());
    variables_.push_back(nullptr);
    for (auto* d : {&setup_.in, &setup_.out, &setup_.err}) {
        if (d->get() < 0)
            *d = open_file("/dev/null", O_RDWR);
    }
    const cgi::program_io io{setup_.in.get(), setup_.out.get(), setup_.err.get(), variables_.data()};
    program_.emplace(std::move(app), setup_.limits, normalize_options{}, io);
    std::promise<int> status;
    status_ = status.get_future();
    thread_ = std::thread([this, given = std::move(status)]() mutable {
        int result = -1;
        try {
            result = program_->run();
        } catch (const std::exception& e) {
            std::fprintf(stderr, "the program threw: %s\n", e.what());
        }
        setup_.in.close(); // as the end of a process does
        setup_.out.close();
        setup_.err.close();
        given.set_value(result);
    });
}

running_program::~running_program()
{
    if (!wait(std::chrono::seconds(0))) {
        program_->terminate();
        if (!wait()) {
            std::fprintf(stderr, "the program does not end\n");
            std::abort();
        }
    }
}

std::optional<int> running_program::wait(std::chrono::milliseconds patience)
{
    if (!ended_ && status_.wait_for(patience) == std::future_status::ready) {
        ended_ = status_.get();
        thread_.join();
    }
    return ended_;
}

std::size_t running_program::held_at_most() const
{
    constexpr std::string_view label = "held at most ";
    const auto text = log();
    const auto at = text.find(label);
    if (at == text.npos)
        throw std::runtime_error("no line says what was held: " + text);
    return std::stoul(text.substr(at + label.size()));
}

} // namespace sluice::test
