// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

namespace sluice::fcgi {

class connection;
class loop;

/// Tells connections that are not being read from, because an app does not read its body, that their peer has gone (R20, F12).
///
/// An epoll set of its own, which Asio waits for as for one descriptor: Asio can wait for input, room and errors, and the
/// end of a TCP stream behind unread bytes is none of them.
class connection_watch {
public:
    explicit connection_watch(loop& l);

    /// Calls `connection::peer_gone` once, when the peer has closed. Until `remove`.
    void add(connection& c, int fd);
    void remove(int fd) noexcept;

private:
    void wait();
    void look();

    loop& loop_;
    boost::asio::posix::stream_descriptor set_;
};

} // namespace sluice::fcgi
