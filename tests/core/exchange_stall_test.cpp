// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// stalled(): time is an input.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <optional>

using namespace sluice;
using namespace sluice::test;

namespace {

using namespace std::chrono_literals;
using clock_point = std::chrono::steady_clock::time_point;

limits make_limits()
{
    limits l;
    l.write_stall = 300s;
    l.linger = 30s;
    return l;
}

const clock_point start_time{1000h};

// Streams for ever.
task<void> endless(request&, responder respond)
{
    auto out = respond.start(plain_text());
    for (std::uint64_t at = 0;; at += 10'000)
        co_await out.write(piece_at(at, 10'000));
}

} // namespace

TEST_CASE("F20: a client that takes nothing for limits::write_stall is given up, and its blocks come back")
{
    fake_loop loop(endless, make_limits());
    fake_host client(loop);
    client.stall();
    client.request();
    loop.poll();
    CHECK(client.held() > 0);

    for (auto t = 0s; t < 300s; t += 1s) {
        CAPTURE(t.count());
        CHECK_FALSE(client.x().stalled(start_time + t));
    }
    CHECK(client.x().stalled(start_time + 300s));
    client.leave(errc::write_stalled); // as a transport does then
    CHECK(loop.statistics().pool_in_use == 0);
    loop.poll();
    CHECK(loop.statistics().client_gone == 1);
    CHECK(loop.log().contains("limits::write_stall"));
}

TEST_CASE("F20: a client that takes a little now and then is not given up")
{
    fake_loop loop(endless, make_limits());
    fake_host client(loop);
    client.forget_content();
    client.stall();
    client.request();
    loop.poll();
    auto now = start_time;
    for (int i = 0; i < 100; ++i) {
        CAPTURE(i);
        client.take(20'000);
        loop.poll();
        CHECK_FALSE(client.x().stalled(now));
        CHECK_FALSE(client.x().stalled(now += 299s));
    }
    // From its last sign of life on it has the whole time again.
    CHECK_FALSE(client.x().stalled(now + 1s));
    CHECK(client.x().stalled(now + 300s));
}

TEST_CASE("F20: an app that writes nothing is no client that takes nothing")
{
    fake_loop loop(
        [](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write("waiting\n");
            co_await sleep_for(24h);
        },
        make_limits());
    fake_host client(loop);
    client.request();
    loop.poll();
    for (auto t = 0s; t < 3000s; t += 10s)
        CHECK_FALSE(client.x().stalled(start_time + t));

    // Nor one that has not answered yet.
    fake_loop slow([](request&, responder) -> task<void> { co_await sleep_for(24h); }, make_limits());
    fake_host other(slow);
    other.stall();
    other.request();
    slow.poll();
    for (auto t = 0s; t < 3000s; t += 10s)
        CHECK_FALSE(other.x().stalled(start_time + t));
}

TEST_CASE("F21: once the app has finished, a client that takes nothing is given up after limits::linger")
{
    struct row {
        const char* what;
        bool well;
    };
    for (const auto& r : {row{"finished", true}, row{"aborted", false}}) {
        CAPTURE(r.what);
        fake_loop loop(
            [&](request&, responder respond) -> task<void> {
                auto out = respond.start(plain_text());
                co_await out.write(piece_at(0, 10'000));
                if (!r.well)
                    out.abort();
            },
            make_limits());
        fake_host client(loop);
        client.stall();
        client.request();
        loop.poll();
        CHECK(client.held() > 0);
        CHECK_FALSE(client.x().stalled(start_time));
        CHECK_FALSE(client.x().stalled(start_time + 29s));
        CHECK(client.x().stalled(start_time + 30s));
        client.leave(errc::write_stalled);
        CHECK(client.ended());
        CHECK_FALSE(client.ended_well());
        CHECK(loop.statistics().pool_in_use == 0);
        loop.poll();
        CHECK(loop.statistics().client_gone == 0); // its app was done
    }
}

TEST_CASE("F20: the window falls to one block when the client stalls, and grows again when it reads on")
{
    limits l = make_limits();
    l.window_growth = 100'000;
    fake_loop loop(endless, l);
    fake_host client(loop);
    client.forget_content();
    client.stall();
    client.request();
    loop.poll();
    CHECK(client.x().output().window() == l.block_size);
    for (int i = 0; i < 100; ++i) {
        client.take(10'000);
        loop.poll();
        CHECK(client.held() <= client.x().output().window());
    }
    CHECK(client.x().output().window() == l.window);
    CHECK(client.peak_held() == l.window);

    client.x().stalled(start_time);
    CHECK(client.x().output().window() == l.window); // it has read since the check before
    client.x().stalled(start_time + 1s);
    CHECK(client.x().output().window() == l.block_size);
    CHECK(client.held() <= l.window);

    // It reads what was held; then no more than one block at a time is held for it.
    client.take(l.window);
    loop.poll();
    for (int i = 0; i < 5; ++i) {
        client.take(5'000);
        loop.poll();
        CHECK(client.held() <= l.block_size);
    }
}

TEST_CASE(
    "R42: an app that never ends does not keep a HEAD: limits::unsent_body, and the response is complete")
{
    for (const int status : {200, 204}) {
        for (const bool puts : {false, true}) {
            CAPTURE(status, puts);
            error_code told;
            std::uint64_t written = 0, cut_short = 1;
            fake_loop loop([&](request& req, responder respond) -> task<void> {
                req.on_end([&] { cut_short = req.sent().error ? 1 : 0; });
                auto out = respond.start(plain_text(status));
                try {
                    for (;;) {
                        if (puts)
                            co_await out.write("x");
                        else
                            co_await out.write(piece_at(0, 10'000));
                    }
                } catch (const system_error& e) {
                    written = out.accepted();
                    told = e.code();
                    throw;
                }
            });
            fake_host client(loop);
            client.request(status == 200 ? "HEAD" : "GET");
            CHECK(loop.poll_until([&] { return client.ended(); }));
            CHECK(client.ended_well());
            CHECK(client.status() == status);
            CHECK(client.body().empty());
            CHECK(told == errc::client_gone);
            CHECK(written >= limits().unsent_body);
            CHECK(written < limits().unsent_body + 20'000);
            CHECK(cut_short == 0);
            CHECK_FALSE(loop.log().contains("the app failed"));
            CHECK(loop.statistics().client_gone == 0);
            CHECK(loop.statistics().active == 0);
        }
    }
}

TEST_CASE("R42: nor does one that waits for events: limits::linger after the head - a 204 may work on")
{
    for (const bool is_head : {true, false}) {
        CAPTURE(is_head);
        bool cancelled = false;
        fake_loop loop(
            [&](request& req, responder respond) -> task<void> {
                auto out = respond.start(plain_text(is_head ? 200 : 204));
                try {
                    co_await sleep_for(24h);
                } catch (const system_error&) {
                    cancelled = req.aborted();
                    throw;
                }
            },
            make_limits());
        loop.stop_clock();
        fake_host client(loop);
        client.request(is_head ? "HEAD" : "POST");
        loop.poll();
        for (auto t = 0s; t <= 30s; t += 1s)                         // the head went within the first second
            CHECK_FALSE(client.x().stalled(start_time + t, t > 5s)); // others on its connection may go on
        loop.poll();
        CHECK_FALSE(client.ended());
        CHECK_FALSE(client.x().stalled(start_time + 31s, true));
        loop.poll();
        CHECK(client.ended() == is_head);
        CHECK(client.ended_well() == is_head);
        CHECK(cancelled == is_head);
        CHECK_FALSE(loop.log().contains("the app failed"));
    }
}
