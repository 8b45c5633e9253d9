// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/start_wait.hpp>
#include <sluice/detail/unique_function.hpp>
#include <sluice/environment.hpp>
#include <sluice/limits.hpp>
#include <sluice/role.hpp>
#include <sluice/statistics.hpp>
#include <sluice/task.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace sluice {

class exchange;
class request_stream;

namespace detail {
class request_link;
}

/// The request's body, pulled: as long as the app does not read, sluice does not read from the web server.
///
/// The end is at CONTENT_LENGTH, or where the web server says when there is none (chunked requests). Fewer
/// bytes than announced are an error (`errc::body_incomplete`), not an end. The same for a filter's data and
/// FCGI_DATA_LENGTH.
class request_body {
public:
    explicit request_body(request_stream& s) noexcept : stream_(s) {}

    /// The announced size in bytes; nothing when the client announced none.
    std::optional<std::uint64_t> length() const noexcept;

    /// True when there is nothing left to read, and that is known: also before the first read, of a request without a body.
    bool at_end() const noexcept;

    /// Reads some bytes, at least one; 0 at the end. Throws `system_error`.
    task<std::size_t> read(boost::asio::mutable_buffer to);

    /// As `read`, with any Asio token. Signature: `void(error_code, std::size_t)`.
    template <class Token = boost::asio::deferred_t>
    auto async_read(boost::asio::mutable_buffer to, Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, request_stream* s, boost::asio::mutable_buffer b) {
                detail::start_wait(
                    own_executor(*s), [&](auto w) { return start_read(*s, b, std::move(w)); },
                    [s] { cancel_read(*s); }, std::move(handler));
            },
            token, &stream_, to);
    }

private:
    // Static as all of them: `request::body()` gives a temporary, which an operation started later would outlive.
    static task<std::size_t> read_some(request_stream& s, boost::asio::mutable_buffer to);
    static executor own_executor(request_stream& s);
    static bool start_read(request_stream& s, boost::asio::mutable_buffer to,
                           detail::unique_function<void(error_code, std::size_t)> done);
    static void cancel_read(request_stream& s);

    request_stream& stream_;
};

/// Where an app says what went wrong: lines go to the web server's error log (FCGI_STDERR, or the CGI
/// program's stderr). Never waits; over `limits::error_text` of unsent text the rest is dropped and a note says so.
class error_stream {
public:
    explicit error_stream(exchange& x) noexcept : exchange_(x) {}

    void write(std::string_view text);

    /// Writes `text` and a line end.
    void line(std::string_view text);

private:
    exchange& exchange_;
};

/// Facts about how the app is being run (PSGI's psgi.* keys).
struct service_facts {
    std::string_view transport; ///< "fastcgi", "cgi", "testing"
    bool multithread = false;   ///< another thread of this process may call the app at the same time
    bool multiprocess = false;  ///< another process may be running the same app: true unless known otherwise
    bool run_once = false;      ///< the process serves this one request
    bool nonblocking = true;    ///< the app runs in an event loop and must not block it
    bool streaming = true;      ///< delayed and streaming responses work
};

/// What an app is asked: environment, body, error stream, and whether anyone still waits for the answer.
///
/// Object lifetimes: lives until the app has returned and its responder and writer are gone.
/// Thread safety: none; use it on its executor.
class request {
public:
    explicit request(exchange& x) noexcept : exchange_(x) {}
    request(const request&) = delete;
    request& operator=(const request&) = delete;

    executor get_executor() const;

    /// A number unique in this process; log lines about this request carry it.
    std::uint64_t id() const noexcept;

    /// What the web server asks for: one of the roles that `application::serves`.
    sluice::role role() const noexcept;

    environment& env() noexcept;
    const environment& env() const noexcept;
    request_body body() noexcept;

    /// The file that a filter is to work on (FastCGI specification section 6.4); empty in other roles. FCGI_DATA_LAST_MOD in
    /// `env()` says when it was changed, in seconds since 1970.
    ///
    /// The web server sends it after the body: to read from it gives up what has not been read of `body()`, where a read
    /// that waits then ends with `already_finished`.
    request_body data();

    error_stream errors() noexcept { return error_stream(exchange_); }
    const service_facts& facts() const noexcept;

    /// True once nobody waits for the answer any more. A coroutine need not ask: its pending operation fails and
    /// each later `co_await` throws.
    bool aborted() const noexcept;

    /// Calls `f` once after the response has ended, however it ended. Handlers run in reverse order.
    void on_end(detail::unique_function<void()> f);

    /// The bounds under which it is served. Valid as long as the server.
    const sluice::limits& limits() const noexcept;

    /// The figures of the server that runs this request.
    sluice::statistics statistics() const;

private:
    friend detail::request_link;

    exchange& exchange_;
};

} // namespace sluice
