// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/responder.hpp>
#include <sluice/sink.hpp>

#include <string>
#include <utility>

namespace sluice::middleware {

/// A sink around another that passes everything on: override what is to be different. Credit, readiness, flush and
/// abort go through as they are, so flow control needs nothing of a filter that keeps no bytes. One that does is a
/// `transform`.
///
/// Thread safety: none; used from its executor only.
class filter_sink : public sink {
public:
    explicit filter_sink(sink_ptr next) noexcept : next_(std::move(next)) {}

    executor get_executor() const override { return next_->get_executor(); }
    std::size_t try_write(std::span<const std::byte> bytes, error_code& ec) override
    {
        return next_->try_write(bytes, ec);
    }
    std::span<std::byte> prepare(error_code& ec) override { return next_->prepare(ec); }
    void commit(std::size_t n) override { next_->commit(n); }
    bool try_flush(error_code& ec) override { return next_->try_flush(ec); }
    bool wait(wait_for what, waiter w) override { return next_->wait(what, std::move(w)); }
    void cancel_wait() override { next_->cancel_wait(); }
    void complete_soon(sluice::detail::unique_function<void()> handler) override
    {
        next_->complete_soon(std::move(handler));
    }
    void finish(error_code& ec) override { next_->finish(ec); }
    void drop_rest() override { next_->drop_rest(); }
    void abort(error_code reason) override { next_->abort(reason); }
    void writer_dropped() override { next_->writer_dropped(); }
    error_code error() const override { return next_->error(); }
    std::uint64_t accepted() const override { return next_->accepted(); }
    std::uint64_t sent() const override { return next_->sent(); }
    bool wants_body() const override { return next_->wants_body(); }

protected:
    sink& next() const noexcept { return *next_; }

private:
    sink_ptr next_;
};

/// A port around another that passes everything on: what a middleware hands the app within to answer through.
///
///     co_await inner(req, responder(response_port_ptr(new my_port(respond.release()))));
///
/// `start` and `send` find the app's head in `head()` and may change it before they call the base; after an error
/// they may be called again, with a head that the app has filled anew.
/// Thread safety: none.
class filter_port : public response_port {
public:
    explicit filter_port(response_port_ptr next) noexcept : next_(std::move(next)) {}

    response_head& head() override { return next_->head(); }
    sink_ptr start(error_code& ec, std::string& why) override { return next_->start(ec, why); }
    void send(std::string body, error_code& ec, std::string& why) override
    {
        next_->send(std::move(body), ec, why);
    }
    void responder_dropped() override { next_->responder_dropped(); }

protected:
    response_port& next() const noexcept { return *next_; }

private:
    response_port_ptr next_;
};

/// A responder whose heads pass through `change(response_head&)` before they go to `respond`.
///
///     return inner(req, change_head(std::move(respond), [](response_head& head) {
///         head.headers.add("X-Frame-Options", "DENY");
///     }));
template <class F>
responder change_head(responder respond, F change)
{
    class port final : public filter_port {
    public:
        port(response_port_ptr next, F f) : filter_port(std::move(next)), change_(std::move(f)) {}

        sink_ptr start(error_code& ec, std::string& why) override
        {
            change_(head());
            return filter_port::start(ec, why);
        }
        void send(std::string body, error_code& ec, std::string& why) override
        {
            change_(head());
            filter_port::send(std::move(body), ec, why);
        }

    private:
        F change_;
    };
    return responder(response_port_ptr(new port(respond.release(), std::move(change))));
}

} // namespace sluice::middleware
