// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <sluice/application.hpp>

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

// A source whose fate is known, and a middleware around a response that does no more than it must.
namespace sluice::test {

/// What became of the sources of a test.
struct fate {
    int alive = 0;
    std::uint64_t given = 0;
    int reads = 0;
};

/// The text of `text_of_size(size)`; `way` says how it is had.
class text_source final : public body_source {
public:
    enum class way { at_once, later, never };

    text_source(fate& f, std::uint64_t size, way w = way::at_once,
                std::optional<std::uint64_t> announced = {})
        : fate_(f), size_(size), way_(w), announced_(announced)
    {
        ++fate_.alive;
    }
    ~text_source() override { --fate_.alive; }

    std::optional<std::uint64_t> length() const override { return announced_; }
    std::optional<std::size_t> try_read(boost::asio::mutable_buffer to) override
    {
        ++fate_.reads;
        if (to.size() == 0)
            FAIL("asked to read into nothing");
        if (way_ != way::at_once)
            return std::nullopt;
        return give(to);
    }
    task<std::size_t> read(boost::asio::mutable_buffer to) override
    {
        if (way_ == way::never) {
            boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, std::chrono::hours(1));
            co_await timer.async_wait(boost::asio::use_awaitable);
        }
        co_await yield();
        co_return give(to);
    }

private:
    std::size_t give(boost::asio::mutable_buffer to)
    {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), size_ - fate_.given));
        std::memcpy(to.data(), piece_at(fate_.given, n).data(), n);
        fate_.given += n;
        return n;
    }

    fate& fate_;
    std::uint64_t size_;
    way way_;
    std::optional<std::uint64_t> announced_;
};

inline response with_body(response_body b)
{
    return {200, {{"Content-Type", "text/plain"}}, std::move(b), {}};
}

/// Passes on what a sink must, and nothing that it may: it lends no room and knows nothing of HEAD.
class plain_sink final : public sink {
public:
    explicit plain_sink(sink_ptr to) : to_(std::move(to)) {}
    executor get_executor() const override { return to_->get_executor(); }
    std::size_t try_write(std::span<const std::byte> bytes, error_code& ec) override
    {
        return to_->try_write(bytes, ec);
    }
    bool try_flush(error_code& ec) override { return to_->try_flush(ec); }
    bool wait(wait_for what, waiter w) override { return to_->wait(what, std::move(w)); }
    void cancel_wait() override { to_->cancel_wait(); }
    void finish(error_code& ec) override { to_->finish(ec); }
    void abort(error_code reason) override { to_->abort(reason); }
    void writer_dropped() override { to_->writer_dropped(); }
    error_code error() const override { return to_->error(); }
    std::uint64_t accepted() const override { return to_->accepted(); }
    std::uint64_t sent() const override { return to_->sent(); }

private:
    sink_ptr to_;
};

class plain_port final : public response_port {
public:
    explicit plain_port(response_port_ptr to) : to_(std::move(to)) {}
    response_head& head() override { return to_->head(); }
    sink_ptr start(error_code& ec, std::string& why) override
    {
        auto s = to_->start(ec, why);
        return s ? sink_ptr(new plain_sink(std::move(s))) : nullptr;
    }
    void send(std::string body, error_code& ec, std::string& why) override
    {
        to_->send(std::move(body), ec, why);
    }
    void responder_dropped() override { to_->responder_dropped(); }

private:
    response_port_ptr to_;
};

/// A request whose responder the test keeps, behind a middleware or not.
struct exchange_of_test {
    explicit exchange_of_test(const char* method = "GET", bool middleware = false)
        : loop(kept.app()), client(loop)
    {
        client.request(method);
        loop.poll();
        if (!middleware)
            return;
        alone.emplace(std::move(*kept.respond));
        kept.respond.emplace(response_port_ptr(new plain_port(response_port_ptr(&client.x()))));
    }
    ~exchange_of_test()
    {
        kept.respond.reset();
        alone.reset();
    }

    kept_request kept;
    std::optional<responder> alone; ///< without the middleware; it would answer 500 if it went
    fake_loop loop;
    fake_host client;
};

} // namespace sluice::test
