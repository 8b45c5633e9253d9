// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "connection.hpp"
#include "connection_poll.hpp"

#include <sluice/fcgi/connection_watch.hpp>
#include <sluice/fcgi/server.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <vector>

namespace sluice::fcgi {

/// One thread's event loop, with the connections that live on it.
///
/// Thread safety: none but for `post`-ed work; `context()` may be posted to from any thread.
class loop {
public:
    loop(const application& app, const sluice::limits& l, const normalize_options& normalize,
         const service_facts& facts);
    ~loop();

    boost::asio::io_context& context() noexcept { return context_; }
    loop_resources& resources() noexcept { return *resources_; }

    /// Runs until drained or stopped.
    void run();

    /// Takes over a connected socket.
    void adopt(int fd);

    /// Lets running responses end; `run` returns when the last connection has closed, at the latest after `limits::drain`.
    void drain();

    /// Memory to read into, shared by all connections: valid only within one handler.
    std::span<std::byte> read_buffer() noexcept { return read_buffer_; }

    connection_watch& watch()
    {
        if (!watch_)
            watch_.emplace(context_, resources_->turn());
        return *watch_;
    }

    /// For a connection that is about to wait for its next request: true when it should look for it with
    /// `busy_poll().look` in its next turn.
    bool busy_poll_due() noexcept { return count_.value() == 1 && !draining_ && busy_poll_.due(); }
    connection_poll& busy_poll() noexcept { return busy_poll_; }

    std::size_t connections() const noexcept { return static_cast<std::size_t>(count_.value()); }

    /// Called after a connection has closed.
    std::function<void()> on_closed;

private:
    friend connection;
    void closed(connection& c);
    template <class F>
    void for_each_connection(F f);
    void sweep();
    void schedule_sweep();
    void end_drain();

    // Before the context: apps that still wait when the loop ends live in the context's handlers, and give their
    // exchanges back when those are destroyed.
    std::optional<loop_resources> resources_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
    boost::intrusive::list<connection, boost::intrusive::base_hook<
                                           boost::intrusive::list_base_hook<boost::intrusive::tag<loop>>>>
        open_;
    detail::counter count_;
    std::optional<connection_watch> watch_;
    boost::asio::steady_timer sweep_timer_;
    boost::asio::steady_timer drain_timer_;
    std::chrono::milliseconds sweep_period_;
    std::chrono::steady_clock::time_point next_trim_{};
    int idle_trims_ = 0;
    bool sweeping_ = false;
    bool draining_ = false;
    std::vector<std::byte> read_buffer_;
    connection_poll busy_poll_;
};

} // namespace sluice::fcgi
