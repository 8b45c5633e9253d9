// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "fcgi/session_peer.hpp"

#include <sluice/fcgi/server.hpp>

#include "loop.hpp" // fcgi/src

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

namespace sluice::test {

/// How long a test waits for something that should happen soon. Sanitizers on a busy machine are slow.
inline constexpr std::chrono::seconds patience{20};

/// A connected socket with the web server's hands on it.
class socket_peer {
public:
    /// Takes the descriptor over.
    explicit socket_peer(int fd);
    socket_peer(socket_peer&& other) noexcept;
    socket_peer& operator=(socket_peer&& other) noexcept;
    ~socket_peer() { close(); }

    /// Connects to `unix:/path` or `tcp:127.0.0.1:port`. `buffer` bytes for the kernel in each direction, 0 is its default.
    static socket_peer connect(const std::string& address, int buffer = 0);

    // Without waiting.

    /// Says how much of it the kernel takes.
    std::size_t try_send(std::string_view bytes);
    /// Takes what is there, at most `most` bytes; says how much.
    std::size_t try_receive(std::size_t most = 1 << 20);
    void close();
    void reset();      ///< TCP: the other side gets a reset
    void half_close(); ///< sends no more, still reads

    // Waiting, at most `patience`; each says whether it came to pass.

    bool send(std::string_view bytes);
    bool receive_until(const std::function<bool()>& done);
    bool receive_bytes(std::size_t n) { return receive_until([&] { return received.size() >= n; }); }
    /// The END_REQUEST of `id`; `then` as for `reply_to`.
    bool receive_reply(id_type id, int then = 0);
    bool receive_end() { return receive_until([&] { return ended; }); }

    std::string received;
    bool ended = false;  ///< nothing more will come
    bool broken = false; ///< and that by a reset

    reply reply_to(id_type id, int then = 0) const { return test::reply_to(id, received, then); }
    int fd() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

/// A loop of the server in the test's own thread: it runs only while the test waits.
class driven_loop {
public:
    /// The test plays the app: each request turns up in `requests`.
    explicit driven_loop(const limits& l = {});
    explicit driven_loop(application app, const limits& l = {});
    ~driven_loop();

    /// A new connection by a pair of unix sockets, or by TCP; `buffer` bytes for the kernel in each direction, 0 is its
    /// default.
    socket_peer connect(int buffer = 0);
    socket_peer connect_tcp(int buffer = 0);

    /// Runs the loop until `done()`; false when that did not come to pass within `patience`.
    bool until(const std::function<bool()>& done);
    /// Runs the loop until all that is ready has happened.
    void settle();

    fcgi::loop& loop() noexcept { return loop_; }
    statistics stats() const;
    std::size_t in_use() const { return stats().pool_in_use; }
    log_capture& log() noexcept { return log_; }

private:
    log_capture log_;
    fcgi::loop loop_;

public:
    std::deque<played_request> requests;
};

/// A server with a thread of its own for `run`.
class running_server {
public:
    running_server(application app, const fcgi::server_options& options = {}, fcgi::listener l = tcp_listener());
    ~running_server() { stop(); }

    static fcgi::listener tcp_listener() { return fcgi::listener::open("tcp:127.0.0.1:0"); }

    const std::string& address() const noexcept { return address_; }
    socket_peer connect(int buffer = 0) const { return socket_peer::connect(address_, buffer); }
    fcgi::server& server() noexcept { return *server_; }
    statistics stats() const { return server_->stats(); }

    /// Waits until `done(stats())`; false when that did not come to pass within `patience`.
    bool until(const std::function<bool(const statistics&)>& done) const;

    /// Waits until `run` has returned on its own.
    bool wait_for_end();
    void stop();

private:
    log_capture log_; // before the threads that log
    std::string address_;
    std::optional<fcgi::server> server_;
    std::atomic<bool> ended_{false};
    std::thread thread_;
};

/// The kernel's buffers of a socket at their least, so that a peer that does not read is felt at once.
void shrink_buffers(int fd, int bytes);

} // namespace sluice::test
