// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/transform.hpp>

#include "middleware/transform_support.hpp"
#include "support/allocation_count.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("a transform's output is the same in whatever pieces its input is written and its client reads")
{
    const auto body = text_of_size(3000);
    for (const std::size_t piece : {1u, 2u, 6u, 7u, 8u, 100u, 2047u, 2999u, 3000u}) {
        for (const std::size_t read : {1u, 5u, 4095u, 100000u}) {
            CAPTURE(piece, read);
            doubling d([&](request&, responder respond) -> task<void> {
                auto out = respond.start(plain_text());
                for (std::size_t at = 0; at < body.size(); at += piece)
                    co_await out.write(std::string_view(body).substr(at, piece));
            });
            d.client.stall();
            d.client.request();
            for (int i = 0; i < 100'000 && !d.client.ended(); ++i) {
                d.loop.poll();
                d.client.take(read);
            }
            REQUIRE(d.client.ended_well());
            CHECK((d.client.body() == doubled(body) + "."));
            CHECK(d.alive == 0);
        }
    }
}

TEST_CASE("F17, R38: nothing written, and nothing in a write")
{
    for (const int writes : {0, 1, 3}) {
        doubling d([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            for (int i = 0; i < writes; ++i)
                co_await out.write("");
        });
        d.client.request();
        d.loop.poll();
        CHECK(d.client.ended_well());
        CHECK(d.client.body() == ".");
    }
}

TEST_CASE(
    "F1, F3, F18: behind a transform a stalled client stops its app, and costs the window and one buffer")
{
    bool over = false;
    std::uint64_t accepted = 0;
    doubling d([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        struct at_end {
            bool& b;
            ~at_end() { b = true; }
        } const guard{over};
        for (;;) {
            co_await out.write(piece_at(0, 64 * 1024));
            accepted = out.accepted();
        }
    });
    d.client.stall();
    d.client.request();
    d.loop.poll();
    const auto stopped = accepted;
    CHECK(d.client.held() <= block); // the first window
    CHECK(stopped <= (block + 2 * transform::buffer_size) / 2 + 64 * 1024);
    CHECK(d.loop.poll() == 0); // nobody spins

    // However much it reads meanwhile, what is held stays.
    d.client.forget_content();
    for (int i = 0; i < 200; ++i) {
        d.client.take(50'000);
        d.loop.poll();
    }
    CHECK(accepted > stopped + 1'000'000);
    CHECK(d.client.peak_held() <= limits{}.window);
    CHECK(d.alive == 1);
    CHECK_FALSE(over);

    d.client.leave();
    d.loop.poll();
    CHECK(over);
    CHECK(d.alive == 0);
    CHECK(d.loop.statistics().pool_in_use == 0);
    CHECK(d.loop.poll() == 0);
}

TEST_CASE("F18: two transforms, one around the other, hold one buffer each, and leave nothing behind")
{
    int alive = 0;
    const auto choose = [&](request&, response_head&) -> std::unique_ptr<transform> {
        return std::make_unique<twice>(alive);
    };
    const auto twofold = [&](application app) {
        return middleware::transform_response(middleware::transform_response(std::move(app), choose), choose);
    };
    SECTION("a client that reads slowly gets all")
    {
        const auto body = text_of_size(10'000);
        fake_loop loop(twofold([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write(body);
        }));
        fake_host client(loop);
        client.stall();
        client.request();
        for (int i = 0; i < 100'000 && !client.ended(); ++i) {
            loop.poll();
            client.take(777);
        }
        CHECK(client.ended_well());
        CHECK((client.body() == doubled(doubled(body) + ".") + "."));
    }
    SECTION("one that stalls, and leaves")
    {
        std::uint64_t accepted = 0;
        fake_loop loop(twofold([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            for (;; accepted = out.accepted())
                co_await out.write(piece_at(0, 1000));
        }));
        fake_host client(loop);
        client.stall();
        client.request();
        loop.poll();
        CHECK(client.held() <= block);
        CHECK(accepted <= (block + 4 * transform::buffer_size) / 4 + 1000);
        CHECK(loop.poll() == 0);
        CHECK(alive == 2);
        client.leave();
        loop.poll();
        CHECK(loop.statistics().pool_in_use == 0);
        CHECK(loop.statistics().active == 0);
        loop.resources().runners().keep(0);
        loop.poll();
        CHECK(loop.context().stopped()); // no task is left
    }
    CHECK(alive == 0);
}

TEST_CASE("F5: writing and flushing through a transform allocates nothing after warm-up")
{
    std::uint64_t before = 0, after = 0;
    doubling d([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        for (int i = 0; i < 3000; ++i) {
            if (i == 1000)
                before = allocations();
            co_await out.write(piece_at(0, 50));
            co_await out.flush();
            co_await out.async_wait_writable(boost::asio::use_awaitable);
        }
        after = allocations();
    });
    d.client.forget_content();
    d.client.request();
    d.loop.poll();
    CHECK(d.client.ended_well());
    CHECK(d.client.received_bytes() > 300'000);
    CHECK(after == before);
    CHECK((before > 0 || !allocations_are_counted()));
}

TEST_CASE("F11: the transform of an idle stream goes with the client")
{
    kept_doubling k;
    k.out->try_write(std::string_view("abc"));
    CHECK(k.d.alive == 1);
    k.d.client.leave();
    CHECK(k.d.alive == 0);
    error_code ec;
    CHECK(k.out->try_write(std::string_view("more"), ec) == 0);
    CHECK(ec == errc::client_gone);
    CHECK_FALSE(k.out->try_flush(ec));
    CHECK(ec == errc::client_gone);
    outcome o;
    boost::asio::co_spawn(k.d.loop.context(), note(o, [&] { return k.out->finish(); }),
                          boost::asio::detached);
    k.d.loop.poll();
    CHECK(o.ec == errc::client_gone);
}

TEST_CASE("F7: a flush brings what was written to the client, and waits for it")
{
    kept_doubling k;
    k.out->try_write(std::string_view("abc"));
    CHECK(k.out->accepted() == 3);
    CHECK(k.out->sent() == 0);
    std::optional<error_code> flushed;
    k.out->async_flush([&](error_code ec) { flushed = ec; });
    k.d.loop.poll();
    CHECK_FALSE(flushed);
    error_code ec;
    CHECK(k.out->try_write(std::string_view("x"), ec) == 0);
    CHECK(ec == errc::operation_pending);
    k.d.client.take(6);
    k.d.loop.poll();
    CHECK(k.d.client.body() == "aabbcc");
    CHECK_FALSE(flushed);
    CHECK(k.out->sent() == 0);
    k.d.client.take(1);
    k.d.loop.poll();
    REQUIRE(flushed);
    CHECK_FALSE(*flushed);
    CHECK(k.d.client.body() == "aabbcc|");
    CHECK(k.out->sent() == 3);

    // Nothing new: no second mark.
    k.d.client.take_all();
    CHECK(k.out->try_flush());
    k.out->try_write(std::string_view("d"));
    CHECK(k.out->try_flush());
    CHECK(k.d.client.body() == "aabbcc|dd|");
}

TEST_CASE("a flush that finds no room goes on when there is some, before what is written next")
{
    kept_doubling k;
    while (k.out->try_write(piece_at(0, 100)) > 0) {
    }
    const auto written = k.out->accepted();
    CHECK_FALSE(k.out->try_flush());
    CHECK(k.out->try_write(std::string_view("x")) == 0);
    k.d.client.take_all();
    k.d.loop.poll();
    CHECK(k.out->try_write(std::string_view("x")) == 1);
    CHECK(k.out->try_flush());
    const auto body = k.d.client.body();
    CHECK(body.size() == 2 * written + 1 + 2 + 1);
    CHECK(body.ends_with("|xx|"));
}

TEST_CASE("one wait at a time, and one that is cancelled changes nothing")
{
    kept_doubling k;
    while (k.out->try_write(piece_at(0, 100)) > 0) {
    }
    const auto written = k.out->accepted();
    boost::asio::cancellation_signal signal;
    std::optional<error_code> first, second;
    k.out->async_wait_writable(
        boost::asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) { first = ec; }));
    k.out->async_wait_writable([&](error_code ec) { second = ec; });
    k.d.loop.poll();
    CHECK_FALSE(first);
    CHECK(second == error_code(errc::operation_pending));
    signal.emit(boost::asio::cancellation_type::terminal);
    k.d.loop.poll();
    CHECK(first == error_code(boost::asio::error::operation_aborted));

    k.out->async_wait_writable([&](error_code ec) { second = ec; });
    k.d.client.take_all();
    k.d.loop.poll();
    CHECK(second == error_code());
    CHECK(k.out->try_write(std::string_view("z")) == 1);
    CHECK(k.out->try_flush());
    CHECK(k.d.client.body().size() == 2 * written + 3);
}

TEST_CASE("F29: an app whose transform makes nothing of what it writes gives the others their turn")
{
    class nothing final : public transform {
        step run(std::span<const std::byte> in, std::span<std::byte>, goal) override
        {
            return {in.size(), 0, true};
        }
    };
    std::uint64_t written = 0;
    bool other = false;
    fake_loop loop(middleware::transform_response(
        [&](request& req, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            boost::asio::post(req.get_executor(), [&] { other = true; });
            for (; !other && written < 100'000'000; written += 1000)
                co_await out.write(piece_at(0, 1000));
        },
        [](request&, response_head&) -> std::unique_ptr<transform> { return std::make_unique<nothing>(); }));
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(other);
    CHECK(written <= 4 * middleware::turn_input);
}
