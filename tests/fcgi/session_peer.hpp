// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/fake_host.hpp"
#include "support/records.hpp"

#include <sluice/fcgi/session.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// One request of which the test itself plays the app.
class played_request {
public:
    played_request(request& r, responder respond) : req(r), respond_(std::move(respond)) {}

    request& req; ///< valid as long as this object

    void answer(std::string text) { respond_.send(200, {{"Content-Type", "text/plain"}}, std::move(text)); }
    void start(int status = 200, std::initializer_list<field> headers = {{"Content-Type", "text/plain"}})
    {
        out.emplace(respond_.start(status, headers));
    }
    /// What try_write takes; `error` keeps why it took nothing.
    std::size_t write(std::string_view bytes) { return out->try_write(bytes, error); }
    /// Starts to write all of it; `written` and `error` tell when it is done.
    void write_all(std::string bytes);
    /// Starts to finish; `finished` and `error` tell when the end is handed over.
    void finish();
    /// Starts to read up to `n` bytes of the body.
    void read(std::size_t n) { start_read(req.body(), n, body, body_ended); }
    /// The same of a filter's data.
    void read_data(std::size_t n) { start_read(req.data(), n, data, data_ended); }
    /// Drops writer and responder.
    void drop();

    std::optional<writer> out;
    error_code error;
    std::optional<std::size_t> written;
    bool finished = false;

    // What `read` and `read_data` got.
    std::string body, data;
    bool body_ended = false, data_ended = false;
    bool reading = false;
    error_code read_error;

private:
    void start_read(request_body from, std::size_t n, std::string& to, bool& ended);

    responder respond_;
    std::string write_buffer_, read_buffer_;
};

/// What sessions share: a loop without sockets, and an app. Checks at its end that every block is back in the pool.
class session_loop {
public:
    /// The test plays the app: each request turns up in `requests`.
    explicit session_loop(const limits& l = {}, role r = role::responder);
    explicit session_loop(application app, const limits& l = {});
    ~session_loop();

    fake_loop& loop() noexcept { return loop_; }
    loop_resources& resources() noexcept { return loop_.resources(); }
    log_capture& log() noexcept { return loop_.log(); }
    std::size_t in_use() { return resources().pool().stats().in_use; }

    std::deque<played_request> requests;

private:
    fake_loop loop_;
};

/// The smallest blocks there are, so that every limit is reached with few bytes.
limits small_limits();

/// A FastCGI session between a scripted kernel and its peer, the web server. Does what `connection` does, without a socket:
/// reads no more than the session allows, sends no more than the kernel takes.
class session_peer final : public session_driver, private detail::turn::task {
public:
    static constexpr auto everything = std::numeric_limits<std::size_t>::max();

    explicit session_peer(session_loop& l);
    ~session_peer();
    session_peer(const session_peer&) = delete;
    session_peer& operator=(const session_peer&) = delete;

    // The kernel.

    std::size_t take = everything; ///< bytes one call of send takes; less than was given is a full socket
    std::size_t room = everything; ///< bytes it takes in all, until the peer reads
    std::size_t read_size = everything; ///< bytes one call of receive gives
    std::size_t breaks_at = everything; ///< bytes sent after which sending fails

    // The peer.

    /// Sends, and lets everything happen that can.
    void send(std::string_view bytes);
    void send(const pieces& all);
    /// Stops sending; `half_closed`: still reads.
    void end(bool half_closed);
    /// Reads `n` bytes more.
    void read(std::size_t n);

    /// Lets everything happen that can.
    void settle();

    /// The sweep of the driver, at `now`.
    void check(std::chrono::steady_clock::time_point now);

    const std::string& output() const noexcept { return output_; }
    reply reply_to(id_type id, int then = 0) const { return test::reply_to(id, output_, then); }
    std::size_t unread() const noexcept
    {
        return inbox_.size() - inbox_at_;
    } ///< sent by the peer, not read by the session
    bool closed() const noexcept { return closed_; }
    bool lingered() const noexcept { return lingered_; } ///< closed with input still to come
    error_code fault() const noexcept { return fault_; } ///< why the session gave the connection up
    const std::vector<std::size_t>& sends() const noexcept
    {
        return sends_;
    } ///< size of each gather that went out whole
    std::size_t most_offered() const noexcept { return most_offered_; } ///< bytes in the largest gather

    fcgi::session& session() noexcept { return session_; }
    session_loop& loop() noexcept { return loop_; }

    // session_driver
    void pump() override;
    std::size_t send_now(std::span<const std::byte> bytes) override;
    void output_ready() override;
    void input_wanted() override;

private:
    template <class F>
    void start_turn(F f);
    template <class F>
    void in_turn(F f);
    void run() override;
    std::size_t kernel_takes(std::size_t offered) noexcept;
    void feed();
    void close_when_finished();
    void fail(error_code why);

    session_loop& loop_;
    fcgi::session session_;
    std::string inbox_, output_;
    std::size_t inbox_at_ = 0;
    std::vector<std::size_t> sends_;
    std::size_t most_offered_ = 0;
    bool pumping_ = false, blocked_ = false, closed_ = false, lingered_ = false;
    error_code fault_;
};

} // namespace sluice::test
