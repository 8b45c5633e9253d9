// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/start_wait.hpp>
#include <sluice/detail/unique_function.hpp>
#include <sluice/environment.hpp>
#include <sluice/errc.hpp>
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
///
/// | call | gives |
/// |---|---|
/// | `read`, `async_read` | bytes, copied to a buffer of yours |
/// | `read_block`, `async_read_block`, then `consume` | bytes where they lie, for a parser to look at |
/// | `buffer`, `async_buffer` | nothing yet: the whole is then read as above, from any place, any number of times |
///
/// One of these operations at a time; a second is refused (`operation_pending`).
/// Object lifetimes: a handle; any number of them stand for the same body, as long as the request.
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

    /// The next bytes where sluice holds them, at least one, up to `limits::block_size`; none at the end. They are given
    /// again, and count as held (so that the web server is not asked for more than `limits::input_window`), until `consume`.
    /// Valid until the next call of a function of the body, or until the request is gone; also when the client leaves
    /// meanwhile. Throws `system_error`.
    task<boost::asio::const_buffer> read_block();

    /// As `read_block`, with any Asio token. Signature: `void(error_code, boost::asio::const_buffer)`.
    template <class Token = boost::asio::deferred_t>
    auto async_read_block(Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code, boost::asio::const_buffer)>(
            [](auto handler, request_stream* s) {
                detail::start_wait(
                    own_executor(*s), [&](auto w) { return start_read_block(*s, std::move(w)); },
                    [s] { cancel_read(*s); }, std::move(handler));
            },
            token, &stream_);
    }

    /// The first `n` bytes of what `read_block` gave have been read. Precondition: n is at most their number.
    void consume(std::size_t n);

    /// Takes in the whole body and says how many bytes it has: then it can be read from the start, and again after `seek`
    /// (R18). Up to `limits::input_window` in blocks of the pool; beyond that all of it goes to an unlinked file in TMPDIR
    /// (else /tmp). Once buffered, doing it again changes nothing. Reads of the file are the kernel's, as a rule from memory:
    /// the loop waits for them.
    ///
    /// Throws `system_error`: `body_too_large` over `most` bytes (at once, where they are announced), `limits::spill` or
    /// `spill_total`; `body_incomplete`; `body_already_read` when some of it was read before; the file's.
    task<std::uint64_t> buffer(std::uint64_t most);
    /// With `limits::buffered_body`.
    task<std::uint64_t> buffer();

    /// As `buffer`, with any Asio token. Signature: `void(error_code, std::uint64_t size)`.
    template <class Token = boost::asio::deferred_t>
    auto async_buffer(std::uint64_t most, Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code, std::uint64_t)>(
            [](auto handler, request_stream* s, std::uint64_t n) {
                detail::start_wait(
                    own_executor(*s), [&](auto w) { return start_buffer(*s, n, std::move(w)); },
                    [s] { cancel_read(*s); }, std::move(handler));
            },
            token, &stream_, most);
    }

    /// `buffer` has taken all of it in.
    bool buffered() const noexcept;

    /// Goes on reading at byte `position`, or at the end when it is behind that.
    /// Errors: throws `system_error`, `body_not_buffered`.
    void seek(std::uint64_t position);
    void rewind() { seek(0); }

    /// Where reading goes on. Errors: as `seek`.
    std::uint64_t position() const;

private:
    // Static as all of them: `request::body()` gives a temporary, which an operation started later would outlive.
    static task<boost::asio::const_buffer> read_front(request_stream& s);
    static task<std::uint64_t> buffer_all(request_stream& s, std::uint64_t most);
    static bool start_read_block(request_stream& s,
                                 detail::unique_function<void(error_code, boost::asio::const_buffer)> done);
    static bool start_buffer(request_stream& s, std::uint64_t most,
                             detail::unique_function<void(error_code, std::uint64_t)> done);
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

/// What has become of an answer. In an `on_end` handler it is final.
struct sent_response {
    int status = 0;               ///< 0: no head was sent
    std::uint64_t body_bytes = 0; ///< bytes of the body that the kernel has
    error_code error = {};        ///< why it was cut short; none while it goes on, and when it is complete
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

    /// Calls `f(status)`, once, when the app has failed before its head or has ended without an answer, whatever its shape: to
    /// answer at once, with a page of one's own. Where it does not, sluice answers with a plain one of that status (`status_of`).
    /// One at a time: a later `f` takes the place of the one before. What it throws is logged.
    void on_failure(detail::unique_function<void(int status)> f);

    /// What has been sent of the answer so far, whoever gave it: the app, a middleware, or sluice's own 500.
    sent_response sent() const;

    /// The bounds under which it is served. Valid as long as the server.
    const sluice::limits& limits() const noexcept;

    /// The figures of the server that runs this request.
    sluice::statistics statistics() const;

private:
    friend detail::request_link;

    exchange& exchange_;
};

} // namespace sluice
