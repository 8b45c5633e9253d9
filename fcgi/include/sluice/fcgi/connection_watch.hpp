// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/turn.hpp>
#include <sluice/errc.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace sluice::fcgi {

/// What can be told that its peer has gone.
class watched_connection {
public:
    virtual void peer_gone() = 0;

protected:
    ~watched_connection() = default;
};

/// Tells connections that are not being read from, because an app does not read its body, that their peer has gone (R20, F12).
///
/// An epoll set of its own, which Asio waits for as for one descriptor: Asio can wait for input, room and errors, and the
/// end of a TCP stream behind unread bytes is none of them.
class connection_watch {
public:
    /// `turn` is the loop's, and outlives the watch as `context` does.
    connection_watch(boost::asio::io_context& context, sluice::detail::turn& turn);

    /// Calls `peer_gone` once, when the peer of `fd` has closed. Until `remove`.
    void add(watched_connection& c, int fd);
    void remove(int fd) noexcept;

private:
    void wait();
    void look();

    sluice::detail::turn& turn_;
    boost::asio::posix::stream_descriptor set_;
};

} // namespace sluice::fcgi
