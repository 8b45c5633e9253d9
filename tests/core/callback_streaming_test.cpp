// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Streaming without coroutines: every token of Asio, and a stack that does not grow.
#include <sluice/writer.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <thread>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

namespace asio = boost::asio;

/// How much of the stack callbacks were called on.
class stack_depth {
public:
    void mark()
    {
        const volatile char here = 0;
        const auto at = reinterpret_cast<std::uintptr_t>(&here);
        lowest_ = std::min(lowest_, at);
        highest_ = std::max(highest_, at);
    }
    std::size_t spread() const { return highest_ - lowest_; }

private:
    std::uintptr_t lowest_ = std::numeric_limits<std::uintptr_t>::max(), highest_ = 0;
};

// Callbacks are entered from a handful of places; each level of recursion would add some hundred bytes.
constexpr std::size_t some_frames = 16 * 1024;

/// Writes `total` bytes in pieces, one callback after the other.
struct pieces_by_callback {
    writer out;
    std::string piece;
    std::uint64_t left;
    bool wait_first; ///< async_wait_writable and try_write, instead of async_write
    stack_depth depth{};
    bool finished = false;

    void go_on()
    {
        depth.mark();
        if (left == 0)
            return out.async_finish([this](error_code ec) { finished = !ec; });
        const auto now =
            asio::buffer(piece, static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size())));
        if (wait_first) {
            out.async_wait_writable([this, now](error_code ec) {
                if (ec)
                    return;
                left -= out.try_write(now);
                go_on();
            });
        } else {
            out.async_write(now, [this](error_code ec, std::size_t n) {
                left -= n;
                if (!ec)
                    go_on();
            });
        }
    }
};

} // namespace

TEST_CASE("F2, F16: 1 GiB by callbacks whose completions are always ready, on a stack of constant depth")
{
    for (const bool wait_first : {false, true}) {
        CAPTURE(wait_first);
        constexpr std::uint64_t total = 1ull << 30;
        std::optional<pieces_by_callback> app;
        fake_loop loop([&](request&, responder respond) {
            app.emplace(
                pieces_by_callback{respond.start(plain_text()), text_of_size(60'000), total, wait_first});
            app->go_on();
        });
        fake_host client(loop);
        client.forget_content();
        client.request();
        loop.poll();
        CHECK(app->finished);
        CHECK(client.ended_well());
        CHECK(client.received_bytes() > total);
        CHECK(client.peak_held() <= 64 * 1024);
        CHECK(app->depth.spread() < some_frames);
        app.reset();
    }
}

TEST_CASE("F16: a hundred thousand flushes and reads that are always ready, on a stack of constant depth")
{
    constexpr int rounds = 100'000;
    std::optional<writer> out;
    request* req = nullptr;
    stack_depth depth;
    int flushed = 0, read = 0;
    char byte = 0;
    std::function<void()> flush = [&] {
        depth.mark();
        if (++flushed < rounds)
            out->async_flush([&](error_code) { flush(); });
    };
    std::function<void()> read_on = [&] {
        depth.mark();
        if (++read < rounds)
            req->body().async_read(asio::buffer(&byte, 1), [&](error_code ec, std::size_t n) {
                if (!ec && n == 1)
                    read_on();
            });
    };
    fake_loop loop([&](request& r, responder respond) {
        req = &r;
        out.emplace(respond.start(plain_text()));
        flush();
        read_on();
    });
    fake_host client(loop);
    client.request("POST", {{"CONTENT_LENGTH", std::to_string(rounds)}}, true);
    client.feed_all(text_of_size(rounds));
    loop.poll();
    CHECK(flushed == rounds);
    CHECK(read == rounds);
    CHECK(depth.spread() < some_frames);
    out.reset();
}

TEST_CASE("writer: each operation with each of Asio's tokens: future, deferred, detached")
{
    kept_writer k;
    const std::string body = text_of_size(200'000);

    auto written = k.out->async_write(asio::buffer(body), asio::use_future);
    k.loop.poll();
    CHECK(written.wait_for(0s) == std::future_status::timeout);
    k.client.take_all();
    k.loop.poll();
    REQUIRE(written.wait_for(0s) == std::future_status::ready);
    CHECK(written.get() == body.size());

    auto later = k.out->async_write(asio::buffer("more", 4)); // deferred: nothing happens yet
    k.loop.poll();
    CHECK(k.out->accepted() == body.size());
    std::size_t more = 0;
    std::move(later)([&](error_code ec, std::size_t n) { more = ec ? 0 : n; });
    k.loop.poll();
    CHECK(more == 4);

    auto writable = k.out->async_wait_writable(asio::use_future);
    k.loop.poll();
    CHECK_NOTHROW(writable.get());
    k.out->async_wait_writable(asio::detached);
    k.loop.poll();
    k.out->async_write(asio::buffer("!", 1), asio::detached);
    k.loop.poll();
    k.out->async_flush(asio::detached);
    k.loop.poll();
    auto finished = k.out->async_finish(asio::use_future);
    k.loop.poll();
    CHECK_NOTHROW(finished.get());
    CHECK(k.client.ended_well());
    CHECK(k.client.body() == body + "more!");
}

TEST_CASE("F8, F10: with a future, a client that leaves is an exception where the future is asked")
{
    kept_writer k;
    const std::string body = text_of_size(200'000);
    auto written = k.out->async_write(asio::buffer(body), asio::use_future);
    k.loop.poll();
    k.client.leave();
    k.loop.poll();
    error_code ec;
    try {
        written.get();
    } catch (const system_error& e) {
        ec = e.code();
    }
    CHECK(ec == errc::client_gone);
}

TEST_CASE("writer: a handler bound to a thread pool is called there")
{
    kept_writer k;
    asio::thread_pool pool(1);
    std::promise<std::thread::id> called_on;
    k.out->async_write(asio::buffer("x", 1), asio::bind_executor(pool, [&](error_code ec, std::size_t) {
                           called_on.set_value(ec ? std::thread::id() : std::this_thread::get_id());
                       }));
    auto id = called_on.get_future();
    CHECK(k.loop.poll_until([&] { return id.wait_for(0s) == std::future_status::ready; }));
    const auto called = id.get();
    CHECK(called != std::thread::id());
    CHECK(called != std::this_thread::get_id());
    pool.join();
}

TEST_CASE("writer: a deferred operation may be started when the writer is not there any more")
{
    std::optional<writer> out;
    fake_loop loop([&](request&, responder respond) { out.emplace(respond.start(plain_text())); });
    fake_host client(loop);
    client.request();
    auto write = out->async_write(asio::buffer("late", 4));
    auto finish = out->async_finish();
    out.reset(); // dropped, which fails the response
    error_code written, finished;
    std::move(write)([&](error_code ec, std::size_t) { written = ec; });
    loop.poll();
    std::move(finish)([&](error_code ec) { finished = ec; });
    loop.poll();
    CHECK(written == errc::aborted);
    CHECK(finished == errc::aborted);
    CHECK(client.ended());
    CHECK_FALSE(client.ended_well());
}
