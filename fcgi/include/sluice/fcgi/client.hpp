// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/start_wait.hpp>
#include <sluice/detail/unique_function.hpp>
#include <sluice/fcgi/client_session.hpp>
#include <sluice/task.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace sluice::fcgi {

class client_connection;
struct client_stream;

/// How an app ended a request (END_REQUEST, FastCGI specification section 5.5).
struct client_end {
    std::uint32_t app_status = 0;
    fcgi::protocol_status protocol_status{};
    bool out_ended = false; ///< see `client_event::out_ended`

    /// True when the app took the request on and ended it with status 0.
    bool well() const noexcept
    {
        return app_status == 0 && protocol_status == fcgi::protocol_status::request_complete;
    }
};

/// One request to an app, with its answer: body out, STDOUT in, both at the pace of the slower side.
///
/// | call | waits for | takes |
/// |---|---|---|
/// | `write`, `async_write` | the app's reading | all of the bytes |
/// | `finish` | nothing | – : the body is complete |
/// | `read`, `async_read` | the app's writing | some bytes of STDOUT, at least one; 0: END_REQUEST has come |
///
/// An app may answer while it is still being sent the body, and stop reading until its answer is read: so write and read at
/// the same time where the body is not known to be small.
///
/// Cancellation of a pending `async_write` or `async_read` (any type) gives the request up: the app is sent
/// FCGI_ABORT_REQUEST, and all operations of this request fail with `boost::asio::error::operation_aborted`.
///
/// Errors: those of `fcgi::errc` when the app broke the protocol or closed too early, the socket's own;
/// `broken_pipe` for a write after the app has ended the request; `sluice::errc::operation_pending` for a
/// second read or write while one waits. An error of the connection fails all its requests.
///
/// Object lifetimes: a buffer is valid until its operation completes. Dropped before END_REQUEST has come, the request
/// is given up as by `abort`. Thread safety: none; use it on the client's executor.
class client_exchange {
public:
    client_exchange() = default;
    explicit client_exchange(std::shared_ptr<client_stream> s) noexcept : stream_(std::move(s)) {}
    client_exchange(client_exchange&&) noexcept = default;
    client_exchange& operator=(client_exchange&& other) noexcept
    {
        if (this != &other) {
            abort();
            stream_ = std::move(other.stream_);
        }
        return *this;
    }
    ~client_exchange() { abort(); }

    /// False for one that was moved from, or never begun; nothing else may be called then.
    explicit operator bool() const noexcept { return stream_ != nullptr; }

    /// Sends all of `bytes` as STDIN. Completes when they are framed, at most `client_limits::output` of them
    /// unsent. Signature: `void(error_code, std::size_t)`.
    template <class Token = boost::asio::deferred_t>
    auto async_write(boost::asio::const_buffer bytes, Token&& token = {})
    {
        return write_to(record_type::stdin_stream, bytes, std::forward<Token>(token));
    }
    task<void> write(std::string_view bytes);

    /// The same for DATA (role filter, section 6.4), once STDIN is finished.
    template <class Token = boost::asio::deferred_t>
    auto async_write_data(boost::asio::const_buffer bytes, Token&& token = {})
    {
        return write_to(record_type::data, bytes, std::forward<Token>(token));
    }

    /// Ends STDIN, or DATA and STDIN. Never waits; idempotent. Precondition: no write to a stream that ends is pending.
    void finish();
    void finish_data();

    /// Reads some bytes of STDOUT. Signature: `void(error_code, std::size_t)`; 0 without an error is the end, and
    /// `end` then says which.
    template <class Token = boost::asio::deferred_t>
    auto async_read(boost::asio::mutable_buffer to, Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, std::shared_ptr<client_stream> s, boost::asio::mutable_buffer b) {
                sluice::detail::start_wait(
                    executor_of(*s), [&](auto w) { return start_read(s, b, std::move(w)); },
                    [s] { cancel(*s); }, std::move(handler));
            },
            token, stream_, to);
    }
    task<std::size_t> read(boost::asio::mutable_buffer to);

    /// How the app ended the request; nothing until it has.
    const std::optional<client_end>& end() const noexcept;

    /// Gives the request up: FCGI_ABORT_REQUEST, unless it has ended. Pending operations fail.
    void abort() noexcept;

private:
    using done = sluice::detail::unique_function<void(error_code, std::size_t)>;

    template <class Token>
    auto write_to(record_type stream, boost::asio::const_buffer bytes, Token&& token)
    {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, std::shared_ptr<client_stream> s, record_type t, boost::asio::const_buffer b) {
                sluice::detail::start_wait(
                    executor_of(*s), [&](auto w) { return start_write(s, t, b, std::move(w)); },
                    [s] { cancel(*s); }, std::move(handler));
            },
            token, stream_, stream, bytes);
    }
    static executor executor_of(const client_stream& s);
    static bool start_read(const std::shared_ptr<client_stream>& s, boost::asio::mutable_buffer to, done d);
    static bool start_write(const std::shared_ptr<client_stream>& s, record_type stream,
                            boost::asio::const_buffer bytes, done d);
    static void cancel(client_stream& s);

    std::shared_ptr<client_stream> stream_;
};

/// Takes the text an app writes to STDERR, in pieces. Called on the client's executor; it must not use the client.
using error_text_function = std::function<void(std::string_view)>;

struct client_options {
    client_limits limits;
    client_session::trace_function trace;
};

/// One connection to a FastCGI app, as a web server has it: requests one after another, or many at once.
///
/// What is held: `client_limits::output` of records to send, and one read of 64 KiB. When the reader of one answer does not
/// read, the whole connection stops reading, so the app is made to wait. FastCGI has no flow control for each
/// request: with many requests on one connection a slow reader therefore holds up all the others. Give slow readers a
/// connection of their own, or abort what is not read. Many apps (libfcgi's, php-fpm) serve one request at a time on
/// a connection anyway.
///
/// While connected it reads, to see the app close; so an `io_context` runs until `close` or the destructor.
///
/// Object lifetimes: the destructor closes; exchanges that are still there fail. Thread safety: none; everything on the executor,
/// which runs one handler at a time (a single thread, or a strand).
class client {
public:
    explicit client(executor ex, client_options options = {});
    client(client&&) noexcept = default;
    client& operator=(client&& other) noexcept;
    ~client();

    executor get_executor() const;

    /// Connects to `unix:/path` or `tcp:host:port`. Signature: `void(error_code)`. To be called once.
    /// Errors: throws std::invalid_argument at once when that is no address; a unix socket whose queue is full
    /// gives `boost::asio::error::try_again`.
    template <class Token = boost::asio::deferred_t>
    auto async_connect(std::string_view address, Token&& token = {})
    {
        check_address(address);
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, std::shared_ptr<client_connection> c, std::string where) {
                sluice::detail::start_wait(
                    executor_of(*c), [&](auto w) { return start_connect(c, where, std::move(w)); },
                    [c] { close(*c); }, std::move(handler));
            },
            token, connection_, std::string(address));
    }

    /// Begins a request; completes when it is framed. It waits while the limits or the app's reading leave no room.
    /// `errors` takes what the app writes to STDERR; without it that is dropped. Signature:
    /// `void(error_code, client_exchange)`. Errors: `params_too_large`, `params_empty_name`; `not_connected` when the
    /// connection is closed or is to be closed after what runs on it.
    template <class Token = boost::asio::deferred_t>
    auto async_start(client_request request, error_text_function errors = {}, Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code, client_exchange)>(
            [](auto handler, std::shared_ptr<client_connection> c, client_request r, error_text_function e) {
                auto s = new_stream(c, std::move(e));
                sluice::detail::start_wait(
                    executor_of(*c), [&](auto w) { return start_request(s, std::move(r), std::move(w)); },
                    [s] { cancel_start(*s); }, std::move(handler));
            },
            token, connection_, std::move(request), std::move(errors));
    }

    /// Asks for FCGI_MAX_CONNS, FCGI_MAX_REQS and FCGI_MPXS_CONNS (section 4.1). Signature:
    /// `void(error_code, field_list)`. Errors: `operation_not_supported` when the app knows no such question;
    /// `sluice::errc::operation_pending` while another is under way. An app may never answer.
    template <class Token = boost::asio::deferred_t>
    auto async_get_values(Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code, field_list)>(
            [](auto handler, std::shared_ptr<client_connection> c) {
                sluice::detail::start_wait(
                    executor_of(*c), [&](auto w) { return start_values(c, std::move(w)); },
                    [c] { close(*c); }, std::move(handler));
            },
            token, connection_);
    }

    /// True while further requests can be begun on this connection.
    bool reusable() const noexcept;

    /// Requests without END_REQUEST, aborted ones among them.
    std::size_t active() const noexcept;

    /// Closes the connection; everything pending fails with `operation_aborted`.
    void close() noexcept;

private:
    static void check_address(std::string_view address);
    static executor executor_of(const client_connection& c);
    static void close(client_connection& c);
    static bool start_connect(const std::shared_ptr<client_connection>& c, const std::string& address,
                              sluice::detail::unique_function<void(error_code)> done);
    static std::shared_ptr<client_stream> new_stream(const std::shared_ptr<client_connection>& c,
                                                     error_text_function errors);
    static bool start_request(const std::shared_ptr<client_stream>& s, client_request r,
                              sluice::detail::unique_function<void(error_code, client_exchange)> done);
    static void cancel_start(client_stream& s);
    static bool start_values(const std::shared_ptr<client_connection>& c,
                             sluice::detail::unique_function<void(error_code, field_list)> done);

    std::shared_ptr<client_connection> connection_;
};

} // namespace sluice::fcgi
