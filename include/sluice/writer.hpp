// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/start_wait.hpp>
#include <sluice/sink.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/config.hpp>

#include <cstddef>
#include <string_view>
#include <utility>

namespace sluice {

/// What an app holds to stream a response: writes that know how fast the client is reading.
///
/// | call | waits | takes | fails by |
/// |---|---|---|---|
/// | `try_write` | never | what there is room for | error code or exception |
/// | `try_flush` | never | – | error code or exception |
/// | `co_await write` | until the client has made room | all | exception |
/// | `async_write`, `async_wait_writable` | any Asio token | all / nothing | the token's way |
/// | `async_flush`, `async_finish` | any Asio token | – | the token's way |
///
/// Ends: `finish()`, or a normal return of the app, ends the response well. An exception in the app, `abort()`, or a
/// writer dropped after the app has returned ends it as a failure that the client can see
/// where the web server passes it on.
///
/// Errors of all writes: `errc::client_gone`, `write_stalled`, `shutting_down` (the transport's doing);
/// `already_finished`, `length_exceeded`, `operation_pending` (misuse). An error stays.
///
/// Object lifetimes: a buffer given to `write` or `async_write` is valid until the operation completes; that of
/// `try_write` until it returns.
/// Thread safety: none; use it on the request's executor.
class writer {
public:
    explicit writer(sink_ptr s) noexcept : sink_(std::move(s)) {}
    writer(writer&&) noexcept = default;
    writer& operator=(writer&& other) noexcept
    {
        if (this != &other) {
            drop();
            sink_ = std::move(other.sink_);
        }
        return *this;
    }
    ~writer() { drop(); }

    executor get_executor() const { return sink_->get_executor(); }

    /// Takes what there is room for now and says how many bytes that was; the rest is the caller's. 0 without an
    /// error: there is no room until `async_wait_writable` completes.
    ///
    /// A few bytes of a known size cost two moves, if the compiler inlines it: not left to its taste.
    BOOST_FORCEINLINE std::size_t try_write(boost::asio::const_buffer bytes, error_code& ec)
    {
        const std::span all(static_cast<const std::byte*>(bytes.data()), bytes.size());
        if (sink_->put(all)) {
            ec = {};
            return all.size();
        }
        return sink_->try_write(all, ec);
    }
    BOOST_FORCEINLINE std::size_t try_write(std::string_view bytes, error_code& ec)
    {
        return try_write(as_buffer(bytes), ec);
    }
    BOOST_FORCEINLINE std::size_t try_write(boost::asio::const_buffer bytes)
    {
        error_code ec;
        const auto n = try_write(bytes, ec);
        if (ec)
            throw_error(ec, "try_write");
        return n;
    }
    BOOST_FORCEINLINE std::size_t try_write(std::string_view bytes) { return try_write(as_buffer(bytes)); }

    /// Writes all of `bytes`, of any size, resuming as the client makes room. Throws `system_error`.
    task<void> write(boost::asio::const_buffer bytes);
    task<void> write(std::string_view bytes) { return write(as_buffer(bytes)); }

    /// As `write`, with any Asio token. Signature: `void(error_code, std::size_t written)`.
    template <class Token = boost::asio::deferred_t>
    auto async_write(boost::asio::const_buffer bytes, Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code, std::size_t)>(
            [](auto handler, sink_ptr s, boost::asio::const_buffer b) {
                const auto own = s->get_executor();
                detail::start_wait(
                    own, [&](auto w) { return start_write(s, b, std::move(w)); },
                    [p = s.get()] { p->cancel_wait(); }, std::move(handler));
            },
            token, sink_, bytes);
    }

    /// Room in the response itself for bytes that come from a file, a pipe or a socket: read into it, then `commit` what
    /// came. Up to a block (`limits::block_size`), less before the end of an announced Content-Length. Empty without an
    /// error: there is none until `async_wait_writable` completes. Valid until the next call of another function.
    /// Errors: those of writes; `operation_not_supported` where a middleware in between lends none: use `try_write`.
    boost::asio::mutable_buffer prepare(error_code& ec)
    {
        const auto room = sink_->prepare(ec);
        return {room.data(), room.size()};
    }

    /// Writes the first `n` bytes of what `prepare` gave; 0 gives the room back, where nothing came. Precondition: n is at
    /// most its size.
    void commit(std::size_t n) { sink_->commit(n); }

    /// Completes when `try_write` would take something. Signature: `void(error_code)`.
    template <class Token = boost::asio::deferred_t>
    auto async_wait_writable(Token&& token = {})
    {
        return async_wait(wait_for::writable, std::forward<Token>(token));
    }

    /// Hands what was accepted to the kernel as far as it goes without waiting; true when nothing is left.
    bool try_flush(error_code& ec) { return sink_->try_flush(ec); }
    bool try_flush()
    {
        error_code ec;
        const bool all = try_flush(ec);
        if (ec)
            throw_error(ec, "try_flush");
        return all;
    }

    /// Completes when the kernel has every byte accepted so far. Signature: `void(error_code)`.
    template <class Token = boost::asio::deferred_t>
    auto async_flush(Token&& token = {})
    {
        return async_wait(wait_for::flushed, std::forward<Token>(token));
    }
    task<void> flush();

    /// Says that the response is complete; resumes when its end has been handed over. Idempotent.
    /// Errors: throws `length_short` when fewer bytes than announced were written.
    task<void> finish();

    /// As `finish`, with any Asio token. Signature: `void(error_code)`.
    template <class Token = boost::asio::deferred_t>
    auto async_finish(Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, sink_ptr s) {
                const auto own = s->get_executor();
                detail::start_wait(
                    own, [&](auto call) { return start_finish(*s, std::move(call)); },
                    [p = s.get()] { p->cancel_wait(); }, std::move(handler));
            },
            token, sink_);
    }

    /// Gives the response up. Nothing can be written after it.
    void abort() { sink_->abort(errc::aborted); }

    /// Why writing is no longer possible; no error while it is.
    error_code error() const { return sink_->error(); }

    /// Body bytes taken from the app, and those of them that the kernel has.
    std::uint64_t accepted() const { return sink_->accepted(); }
    std::uint64_t sent() const { return sink_->sent(); }

private:
    static boost::asio::const_buffer as_buffer(std::string_view s) noexcept { return {s.data(), s.size()}; }
    [[noreturn]] static void throw_error(error_code ec, const char* call);
    task<void> write_rest(boost::asio::const_buffer bytes);
    task<void> wait_until_flushed();
    static bool start_write(sink_ptr s, boost::asio::const_buffer rest,
                            detail::unique_function<void(error_code, std::size_t)> done,
                            std::size_t written = 0);
    static void write_more(sink_ptr s, boost::asio::const_buffer rest,
                           detail::unique_function<void(error_code, std::size_t)> done, std::size_t written);

    static bool start_finish(sink& s, waiter done);

    template <class Token>
    auto async_wait(wait_for what, Token&& token)
    {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, sink_ptr s, wait_for w) {
                const auto own = s->get_executor();
                detail::start_wait(
                    own, [&](auto call) { return s->wait(w, std::move(call)); },
                    [p = s.get()] { p->cancel_wait(); }, std::move(handler));
            },
            token, sink_, what);
    }

    void drop() noexcept
    {
        if (sink_)
            std::exchange(sink_, nullptr)->writer_dropped();
    }

    sink_ptr sink_;
};

} // namespace sluice
