// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fcgi/socket_peer.hpp"

#include "support/catch.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::test {

namespace {

using clock = std::chrono::steady_clock;

constexpr service_facts driven_facts{"fastcgi"};

int must(int result, const char* what)
{
    if (result < 0)
        throw std::system_error(errno, std::generic_category(), what);
    return result;
}

// Returns when `fd` is ready, or after a moment.
void wait_a_moment(int fd, short events)
{
    pollfd p{fd, events, 0};
    ::poll(&p, 1, 5);
}

} // namespace

void shrink_buffers(int fd, int bytes)
{
    must(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), "SO_SNDBUF");
    must(::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), "SO_RCVBUF");
}

// The peer

socket_peer::socket_peer(int fd) : fd_(fd)
{
    must(::fcntl(fd_, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
}

socket_peer::socket_peer(socket_peer&& other) noexcept
    : received(std::move(other.received)), ended(other.ended), broken(other.broken),
      fd_(std::exchange(other.fd_, -1))
{}

socket_peer& socket_peer::operator=(socket_peer&& other) noexcept
{
    std::swap(fd_, other.fd_);
    std::swap(received, other.received);
    std::swap(ended, other.ended);
    std::swap(broken, other.broken);
    return *this;
}

socket_peer socket_peer::connect(const std::string& address, int buffer)
{
    sockaddr_storage where{};
    socklen_t size = 0;
    if (address.starts_with("unix:")) {
        auto& a = reinterpret_cast<sockaddr_un&>(where);
        a.sun_family = AF_UNIX;
        std::strncpy(a.sun_path, address.c_str() + 5, sizeof a.sun_path - 1);
        size = sizeof a;
    } else {
        auto& a = reinterpret_cast<sockaddr_in&>(where);
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        size = sizeof a;
    }
    const int fd = must(::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    if (buffer > 0)
        shrink_buffers(fd, buffer);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&where), size) != 0) {
        const int why = errno;
        ::close(fd);
        throw std::system_error(why, std::generic_category(), "connect " + address);
    }
    return socket_peer(fd);
}

std::size_t socket_peer::try_send(std::string_view bytes)
{
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        broken = true;
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t socket_peer::try_receive(std::size_t most)
{
    static thread_local std::array<char, 65536> buffer; // peers live in several threads
    std::size_t all = 0;
    while (all < most && fd_ >= 0) {
        const auto n = ::recv(fd_, buffer.data(), std::min(buffer.size(), most - all), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            ended = broken = true;
        if (n == 0)
            ended = true;
        if (n <= 0)
            break;
        received.append(buffer.data(), static_cast<std::size_t>(n));
        all += static_cast<std::size_t>(n);
    }
    return all;
}

void socket_peer::close()
{
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
}

void socket_peer::reset()
{
    const linger now{1, 0};
    must(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now), "SO_LINGER");
    close();
}

void socket_peer::half_close()
{
    must(::shutdown(fd_, SHUT_WR), "shutdown");
}

bool socket_peer::send(std::string_view bytes)
{
    const auto deadline = clock::now() + patience;
    for (;;) {
        bytes.remove_prefix(try_send(bytes));
        if (bytes.empty())
            return true;
        if (broken || clock::now() > deadline)
            return false;
        wait_a_moment(fd_, POLLOUT);
    }
}

bool socket_peer::receive_until(const std::function<bool()>& done)
{
    const auto deadline = clock::now() + patience;
    while (!done()) {
        if (ended || clock::now() > deadline)
            return false;
        if (try_receive() == 0 && !ended)
            wait_a_moment(fd_, POLLIN);
    }
    return true;
}

bool socket_peer::receive_reply(id_type id, int then)
{
    return receive_until([&] {
        int ends = 0;
        for (const auto& r : parse_records(received).all)
            ends += r.id == id && r.type == fcgi::record_type::end_request;
        return ends > then;
    });
}

// The driven loop

driven_loop::driven_loop(application app, const limits& l) : loop_(app, l, {}, driven_facts) {}

driven_loop::driven_loop(const limits& l)
    : driven_loop(application([this](request& req, responder respond) -> task<void> {
                      requests.emplace_back(req, std::move(respond));
                      co_return;
                  }),
                  l)
{}

driven_loop::~driven_loop()
{
    requests.clear();
    // Whatever the test did: its peers are gone, so is all that was held for them.
    CHECK(until([&] { return in_use() == 0 && stats().active == 0; }));
}

socket_peer driven_loop::connect(int buffer)
{
    int ends[2];
    must(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), "socketpair");
    if (buffer > 0)
        for (const int fd : ends)
            shrink_buffers(fd, buffer);
    socket_peer peer(ends[1]);
    loop_.adopt(ends[0]);
    return peer;
}

socket_peer driven_loop::connect_tcp(int buffer)
{
    const auto listener = fcgi::listener::open("tcp:127.0.0.1:0");
    if (buffer > 0)
        shrink_buffers(listener.fd(), buffer);
    auto peer = socket_peer::connect(listener.address(), buffer);
    wait_a_moment(listener.fd(), POLLIN);
    loop_.adopt(must(listener.accept(), "accept"));
    return peer;
}

bool driven_loop::until(const std::function<bool()>& done)
{
    const auto deadline = clock::now() + patience;
    for (;;) {
        loop_.context().restart();
        // Not `poll`: with a peer that reads as fast as an app writes there is always something ready.
        for (int i = 0; i < 16 && loop_.context().poll_one() > 0; ++i) {
        }
        if (done())
            return true;
        if (clock::now() > deadline)
            return false;
        loop_.context().run_one_for(std::chrono::milliseconds(2));
    }
}

void driven_loop::settle()
{
    loop_.context().restart();
    while (loop_.context().poll() > 0) {
    }
}

statistics driven_loop::stats() const
{
    statistics s;
    const_cast<fcgi::loop&>(loop_).resources().add_to(s);
    return s;
}

// The server

running_server::running_server(application app, const fcgi::server_options& options, fcgi::listener l)
    : address_(l.address())
{
    server_.emplace(std::move(l), std::move(app), options);
    thread_ = std::thread([this] {
        server_->run();
        ended_ = true;
    });
}

bool running_server::until(const std::function<bool(const statistics&)>& done) const
{
    const auto deadline = clock::now() + patience;
    while (!done(stats())) {
        if (clock::now() > deadline)
            return false;
        wait_a_moment(-1, 0);
    }
    return true;
}

bool running_server::wait_for_end()
{
    return until([&](const statistics&) { return ended_.load(); });
}

void running_server::stop()
{
    if (!thread_.joinable())
        return;
    server_->stop();
    thread_.join();
}

} // namespace sluice::test
