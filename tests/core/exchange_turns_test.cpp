// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Promptness, gathering, fairness, and what a write costs.
#include <sluice/exchange.hpp>

#include "support/allocation_count.hpp"
#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <functional>
#include <optional>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("F7: a small write is out before the app's next wait ends")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("working\n");
        co_await sleep_for(std::chrono::hours(1));
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.body() == "working\n");
}

TEST_CASE("F6: the first byte goes in the turn it was written in")
{
    std::uint64_t seen = 0;
    fake_loop loop([](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("x");
        co_await yield();
        co_await out.write("y");
    });
    fake_host client(loop);
    client.request();
    while (client.body().empty() && loop.poll(1) > 0)
        ++seen;
    CHECK(client.body() == "x");
    // The app's start, and a turn of its own since no transport's handler was running: before the app went on.
    CHECK(seen <= 2);
}

TEST_CASE("F6: tiny writes are gathered: far fewer records than writes")
{
    constexpr int writes = 10'000;
    for (const int writes_a_turn : {writes, 100}) {
        CAPTURE(writes_a_turn);
        fake_loop loop([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            for (int i = 0; i < writes; ++i) {
                co_await out.write(piece_at(static_cast<std::uint64_t>(i) * 16, 16));
                if ((i + 1) % writes_a_turn == 0)
                    co_await yield();
            }
        });
        fake_host client(loop);
        client.request();
        loop.poll();
        CHECK(client.ended_well());
        CHECK(client.body() == text_of_size(writes * 16));
        CHECK(client.records() <=
              static_cast<std::uint64_t>(writes / writes_a_turn + writes * 16 / 16'000 + 2));
    }
}

TEST_CASE("R30, F17: an empty write succeeds, makes no record, does not wait, and is not the end")
{
    std::uint64_t records_before = 0;
    std::uint64_t records_after = 0;
    fake_host* the_client = nullptr;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("a");
        co_await out.flush();
        records_before = the_client->records();
        for (int i = 0; i < 1000; ++i) {
            co_await out.write("");
            error_code ec;
            CHECK(out.try_write(std::string_view(), ec) == 0);
            CHECK_FALSE(ec);
            CHECK(co_await out.async_write(boost::asio::const_buffer(), boost::asio::use_awaitable) == 0);
            co_await out.flush();
        }
        records_after = the_client->records();
        co_await out.write("b");
    });
    fake_host client(loop);
    the_client = &client;
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.body() == "ab");
    CHECK(records_after == records_before);
}

TEST_CASE("F17: an empty write does not wait for a client that reads nothing either")
{
    bool awaited = false;
    bool called = false;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        error_code ec;
        while (out.try_write(piece_at(0, 1000), ec) > 0) {
        }
        CHECK_FALSE(ec);
        co_await out.write("");
        awaited = true;
        const auto n = co_await out.async_write(boost::asio::const_buffer(), boost::asio::use_awaitable);
        called = true;
        CHECK(n == 0);
        co_await sleep_for(std::chrono::hours(1));
    });
    fake_host client(loop);
    client.stall();
    client.request();
    loop.poll();
    CHECK(awaited);
    CHECK(called);
}

TEST_CASE("F16: completions that are always ready cost no stack")
{
    constexpr int operations = 200'000;
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    int done = 0;
    std::uintptr_t after_a_tenth = 0;
    const auto look = [&] {
        const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = std::min(lowest, here);
        highest = std::max(highest, here);
        if (done == operations / 10)
            after_a_tenth = highest - lowest;
    };
    std::optional<writer> out;
    std::function<void(error_code, std::size_t)> again;

    SECTION("a coroutine that writes, waits and flushes")
    {
        fake_loop loop([&](request&, responder respond) -> task<void> {
            auto w = respond.start(plain_text());
            for (; done < operations; ++done) {
                look();
                co_await w.write("x");
                if (done % 3 == 0)
                    co_await w.async_wait_writable(boost::asio::use_awaitable);
                if (done % 5 == 0)
                    co_await w.flush();
            }
        });
        fake_host client(loop);
        client.forget_content();
        client.request();
        loop.poll();
        CHECK(client.ended_well());
    }
    SECTION("a chain of callbacks")
    {
        fake_loop loop([&](request&, responder respond) -> task<void> {
            out.emplace(respond.start(plain_text()));
            again = [&](error_code ec, std::size_t) {
                look();
                if (!ec && ++done < operations)
                    out->async_write(boost::asio::buffer("x", 1),
                                     [&](error_code e, std::size_t n) { again(e, n); });
            };
            again({}, 0);
            co_return;
        });
        fake_host client(loop);
        client.forget_content();
        client.request();
        loop.poll();
        out.reset();
        loop.poll();
    }
    SECTION("a chain of callbacks after the client has gone")
    {
        fake_loop loop([&](request&, responder respond) -> task<void> {
            out.emplace(respond.start(plain_text()));
            again = [&](error_code, std::size_t) {
                look();
                if (++done < operations)
                    out->async_write(boost::asio::buffer("x", 1),
                                     [&](error_code e, std::size_t n) { again(e, n); });
            };
            co_return;
        });
        fake_host client(loop);
        client.request();
        loop.poll();
        client.leave();
        boost::asio::post(loop.context(), [&] { again({}, 0); });
        loop.poll();
        out.reset();
    }
    CHECK(done == operations);
    CHECK(highest - lowest == after_a_tenth); // not a byte a write
#ifdef __OPTIMIZE__
    CHECK(highest - lowest < 4096); // frames are larger than need be without
#endif
}

TEST_CASE("F29: a write loop on a fast socket lets the others in within the budget")
{
    struct row {
        const char* what;
        std::string_view method;
        std::function<task<void>(writer&)> write_on; // one step of an endless producer
    };
    const row rows[] = {
        {"large writes", "GET", [](writer& out) { return out.write(piece_at(0, 64 * 1024)); }},
        {"one write of 64 MiB", "GET",
         [](writer& out) -> task<void> {
             const std::string all(64 << 20, 'x');
             co_await out.write(all);
         }},
        {"tiny writes", "GET",
         [](writer& out) -> task<void> {
             for (int i = 0; i < 1000; ++i)
                 co_await out.write(piece_at(0, 16));
         }},
        {"tiny writes, flushed each", "GET",
         [](writer& out) -> task<void> {
             for (int i = 0; i < 100; ++i) {
                 co_await out.write(piece_at(0, 16));
                 co_await out.flush();
             }
         }},
        {"async_write", "GET",
         [](writer& out) -> task<void> {
             co_await out.async_write(boost::asio::buffer(piece_at(0, 100'000)), boost::asio::use_awaitable);
         }},
        {"large writes that HEAD drops", "HEAD",
         [](writer& out) { return out.write(piece_at(0, 64 * 1024)); }},
        {"tiny writes that HEAD drops", "HEAD", [](writer& out) { return out.write(piece_at(0, 64)); }},
    };
    const limits l;
    for (const auto& r : rows) {
        CAPTURE(r.what);
        constexpr std::uint64_t plenty = 64 << 20; // not endless, so that a failure is one and no hang
        bool served = false;
        std::uint64_t produced = 0;
        std::uint64_t produced_before_served = 0;
        fake_host* the_client = nullptr;
        fake_loop loop(
            [&](request& req, responder respond) -> task<void> {
                auto out = respond.start(plain_text());
                if (req.env().contains("OTHER")) {
                    co_await yield();
                    served = true;
                    produced_before_served = std::max(produced, the_client->received_bytes());
                    co_return;
                }
                while (!served && produced < plenty) {
                    co_await r.write_on(out);
                    produced = out.accepted();
                }
            },
            l);
        fake_host client(loop);
        client.forget_content();
        the_client = &client;
        fake_host other(loop);
        client.request(r.method);
        boost::asio::post(loop.context(), [&] { other.request("GET", {{"OTHER", "1"}}); });
        loop.poll();
        CHECK(other.ended_well());
        CHECK(produced_before_served > 0);
        // Turns of the loop: until the request is looked at, and until its app's own wait is over.
        CHECK(produced_before_served <= 4 * l.turn_budget);
    }
}

TEST_CASE("F5: after warm-up a write, a flush, and a wait for a slow client allocate nothing")
{
    if (!allocations_are_counted()) {
        WARN("a sanitizer's allocator is in use: nothing is counted");
        return;
    }
    struct row {
        const char* what;
        std::function<task<void>(writer&)> step;
        bool slow;
    };
    const row rows[] = {
        {"16 bytes, flushed, fast client",
         [](writer& out) -> task<void> {
             co_await out.write(piece_at(0, 16));
             co_await out.flush();
         },
         false},
        {"16 bytes, flushed, slow client",
         [](writer& out) -> task<void> {
             co_await out.write(piece_at(0, 16));
             co_await out.flush();
         },
         true},
        {"64 KiB, fast client", [](writer& out) { return out.write(piece_at(0, 65536)); }, false},
        {"64 KiB, slow client", [](writer& out) { return out.write(piece_at(0, 65536)); }, true},
        {"1000 bytes by async_write, slow client",
         [](writer& out) -> task<void> {
             co_await out.async_write(boost::asio::buffer(piece_at(0, 1000)), boost::asio::use_awaitable);
         },
         true},
        {"tiny by try_write and async_wait_writable, slow client",
         [](writer& out) -> task<void> {
             while (out.try_write(piece_at(0, 16)) == 16) {
             }
             co_await out.async_wait_writable(boost::asio::use_awaitable);
         },
         true},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        constexpr int warm_up = 1500; // the slow client makes the smallest writes wait only every 400 or so
        constexpr int steps = 3000;
        std::uint64_t before = 0;
        std::uint64_t after = 0;
        bool over = false;
        fake_loop loop([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            for (int i = 0; i < warm_up + steps; ++i) {
                if (i == warm_up)
                    before = allocations();
                co_await r.step(out);
            }
            after = allocations();
            over = true;
        });
        fake_host client(loop);
        client.forget_content();
        if (r.slow) {
            client.stall();
            // The client, as one more task of the loop, so that its own doing is as warm.
            boost::asio::co_spawn(
                loop.context(),
                [&]() -> task<void> {
                    while (!over) {
                        client.take(7'000);
                        co_await boost::asio::post(boost::asio::use_awaitable);
                    }
                },
                boost::asio::detached);
        }
        client.request();
        loop.poll();
        CHECK(over);
        CHECK(after == before);
        CHECK(client.peak_held() <= 64 * 1024);
    }
}
