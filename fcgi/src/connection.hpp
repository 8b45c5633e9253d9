// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/connection_watch.hpp>
#include <sluice/fcgi/session.hpp>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <optional>

namespace sluice::fcgi {

class loop;

/// Moves the bytes of one FastCGI connection between its socket and its session. Knows no rule of the protocol.
///
/// Lifetime: counted; the loop's list holds it while it is open, pending operations until they have completed.
class connection final : public session_driver,
                         public watched_connection,
                         public detail::turn::task,
                         public detail::ref_counted,
                         public boost::intrusive::list_base_hook<boost::intrusive::tag<loop>> {
public:
    /// Takes over a connected, non-blocking socket.
    connection(loop& l, int fd);
    ~connection() override;

    /// Reads what is there already: most web servers send the request right after they connect.
    void start();

    void drain();
    void cancel(error_code reason);
    void check(std::chrono::steady_clock::time_point now);
    void close();

    /// The peer has closed, seen while nothing was read from it.
    void peer_gone() override;

    // session_driver
    void pump() override;
    std::size_t send_now(std::span<const std::byte> bytes) override;
    void output_ready() override;
    void input_wanted() override;

private:
    void run() override; // turn::task

    void read_now();
    void read_later();
    bool reading_waits() const noexcept;
    void on_readable(const error_code& ec, std::size_t n);
    void on_writable();
    void on_end_of_input();
    bool take(std::span<const std::byte> bytes);
    void fail(error_code why);
    void settle();
    void linger();
    void discard();
    boost::asio::generic::stream_protocol::socket& socket();

    loop& loop_;
    session session_;
    int fd_; ///< open as long as >= 0; owned by socket_ once that is made
    bool registered_ = false;
    bool reading_ = false; ///< an asynchronous read is pending
    bool blocked_ = false; ///< the kernel takes no more; a wait for room is pending
    bool pumping_ = false;
    bool end_of_input_ = false;
    bool more_likely_ = false; ///< the last read filled all the room it was given
    bool polls_ = false;       ///< the next turn looks for a request before the loop sleeps
    bool lingering_ = false;
    bool watched_ = false; ///< by the loop's watch, from the first time that reading had to wait
    bool peer_gone_ = false;
    std::uint64_t discarded_ = 0;
    std::chrono::steady_clock::time_point linger_until_{};
    boost::asio::generic::stream_protocol::socket socket_;
    std::optional<boost::asio::steady_timer> fault_pause_;

    /// Where an idle connection waits for bytes: enough for many requests whole, little enough for each to keep one. What is
    /// longer goes on in the loop's own buffer.
    std::array<std::byte, 1024> first_bytes_;
};

using connection_ptr = boost::intrusive_ptr<connection>;

} // namespace sluice::fcgi
