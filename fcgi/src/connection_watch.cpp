// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/connection_watch.hpp>

#include <sluice/log.hpp>

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/epoll.h>
#include <sys/socket.h>

namespace sluice::fcgi {

connection_watch::connection_watch(boost::asio::io_context& context, sluice::detail::turn& turn)
    : turn_(turn), set_(context)
{
    const int fd = ::epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0) {
        log::error("cannot watch connections for their end: {}", std::strerror(errno));
        return;
    }
    set_.assign(fd);
    wait();
}

void connection_watch::add(watched_connection& c, int fd)
{
    // A unix socket tells a peer that has gone (always reported) from one that only stopped sending.
    int domain = 0;
    socklen_t size = sizeof domain;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
    epoll_event event{};
    event.events = EPOLLONESHOT;
    if (domain != AF_UNIX)
        event.events |= EPOLLRDHUP;
    event.data.ptr = &c;
    if (set_.is_open() && ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, fd, &event) != 0)
        log::error("cannot watch connection {} for its end: {}", fd, std::strerror(errno));
}

void connection_watch::remove(int fd) noexcept
{
    if (set_.is_open())
        ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, fd, nullptr);
}

void connection_watch::wait()
{
    set_.async_wait(boost::asio::posix::descriptor_base::wait_read, [this](const error_code& ec) {
        if (ec)
            return;
        look();
        wait();
    });
}

void connection_watch::look()
{
    // One turn for all: what ends one connection must not close another whose event is still to come.
    const sluice::detail::turn::scope turn(turn_);
    std::array<epoll_event, 64> events;
    const int n = ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < n; ++i)
        static_cast<watched_connection*>(events[static_cast<std::size_t>(i)].data.ptr)->peer_gone();
}

} // namespace sluice::fcgi
