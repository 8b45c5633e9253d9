// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/exchange.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sluice::cgi {

/// The machine of a CGI program's one request (RFC 3875): environment and body in, the response out as it is, without
/// records. The bridge to libfcgi, which makes requests look like CGI's, runs it for each of its own.
///
/// Sans-I/O: a driver moves the bytes. Thread safety: none.
class session final : public exchange_host {
public:
    session(loop_resources& resources, session_driver& d);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// How a driver knows that the body is over.
    enum class body_end {
        counted, ///< by CONTENT_LENGTH alone: CGI
        marked,  ///< the transport says so too, by `receive_end`: FastCGI
    };

    /// Takes the variables as the web server set them, a null-terminated array of `NAME=value`, and starts the app.
    void begin(const char* const* variables, sluice::role r = role::responder,
               body_end end = body_end::counted);

    // Input: the body, CONTENT_LENGTH bytes of it.

    /// What is received from now on is a filter's data. Precondition: the body has ended.
    void begin_data();

    /// False when nothing more may be received: all has come, or nobody is left to take it.
    bool input_open() const noexcept { return input_ && !ended_ && input_->open(); }

    /// The most bytes `receive` may be given now; 0: none, or none for now (`session_driver::input_wanted`).
    /// `blocked` says that the kernel takes no more output: a web server may not read any before it has sent the body.
    std::size_t read_limit(bool blocked = false) const noexcept;
    /// True while the app waits for some.
    bool reading() const noexcept { return input_ && !ended_ && input_->reading(); }
    void receive(std::span<const std::byte> bytes);
    /// `cut_off`: the peer stopped without saying that this was all.
    void receive_end(bool cut_off = false);

    /// Body bytes that may still come though nobody wants them.
    std::uint64_t unread() const noexcept { return body_left_; }
    /// True when some were announced that have not come.
    bool misses_input() const noexcept { return input_ && input_->length() && body_left_ > 0; }

    // Output.

    /// What waits to be sent, oldest first; valid until the next call of a non-const member.
    std::span<const std::span<const std::byte>> gather();

    /// The kernel took the first `n` bytes of it.
    void sent(std::size_t n);

    /// True when the first `n` bytes of what `gather` gave are the last of a response that ends well, so that a driver can
    /// let its own sign of the end leave with them. `sent(n)` has to follow.
    bool ends_with(std::size_t n) const noexcept;

    /// Error text for stderr since the last call.
    void take_errors(std::string& to);

    // Life.

    /// True when the whole response is out, or will never be.
    bool finished() const noexcept { return ended_; }

    /// True while the app runs; it may outlast its response.
    bool app_running() const noexcept { return x_ && x_->app_running(); }

    /// Calls `f` when the app that still runs has returned.
    void when_app_returns(detail::unique_function<void()> f) { x_->when_app_returns(std::move(f)); }

    /// True when the response was made to fail: the program should say so by its exit status.
    bool failed() const noexcept { return failed_; }

    /// The web server has gone.
    void lost(error_code reason);

    /// Ends the response from outside.
    void cancel(error_code reason);

    /// Lets time pass. An error names the limit that was passed: call `lost` with it.
    error_code check(std::chrono::steady_clock::time_point now);

    // exchange_host
    std::size_t send(exchange& x, std::span<const std::byte> direct) override;
    void output_ready(exchange&) override { driver_.output_ready(); }
    void input_wanted(exchange&) override { driver_.input_wanted(); }

private:
    void end_if_done();

    loop_resources& resources_;
    session_driver& driver_;
    exchange_ptr x_;
    request_stream* input_ = nullptr; ///< what `receive` is for
    std::uint64_t body_left_ = 0;     ///< of CONTENT_LENGTH, or of FCGI_DATA_LENGTH
    std::vector<std::span<const std::byte>> slices_;
    std::vector<std::size_t> sizes_; ///< of each slice when it was pulled
    std::size_t front_ = 0;
    std::span<const std::byte> direct_;
    bool direct_framed_ = false;
    std::size_t direct_sent_ = 0;
    bool sending_ = false;
    bool ended_ = false;
    bool failed_ = false;
};

} // namespace sluice::cgi
