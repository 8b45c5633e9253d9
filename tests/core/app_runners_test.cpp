// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/app_runners.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <deque>
#include <stdexcept>
#include <vector>

using namespace sluice;
using namespace sluice::test;

namespace {

struct recorded {
    std::vector<bool> cancelled_at_start;
    int answered = 0;
};

application recording(recorded& r, bool waits)
{
    return [&r, waits](request& req, responder respond) -> task<void> {
        const auto state = co_await boost::asio::this_coro::cancellation_state;
        r.cancelled_at_start.push_back(state.cancelled() != boost::asio::cancellation_type::none);
        if (waits && req.env().query_string() == "wait")
            co_await sleep_for(std::chrono::hours(1));
        if (req.env().query_string() == "throw")
            throw std::runtime_error("as asked");
        respond.send(200, {{"Content-Type", "text/plain"}}, "ok");
        ++r.answered;
    };
}

} // namespace

TEST_CASE("app runners: one coroutine serves request after request, also after an app that threw")
{
    recorded r;
    fake_loop loop(recording(r, false));
    loop.resources().runners().keep(1);
    for (int i = 0; i < 20; ++i) {
        fake_host client(loop);
        client.request("GET", {{"QUERY_STRING", i % 3 == 1 ? "throw" : ""}});
        loop.poll();
        CHECK(client.ended_well());
    }
    CHECK(r.answered == 13);
    CHECK(loop.resources().runners().made() == 1);
}

TEST_CASE("F10: app runners: what a client's leaving cancelled is not used for the next request")
{
    recorded r;
    fake_loop loop(recording(r, true));
    loop.resources().runners().keep(4);
    for (int i = 0; i < 5; ++i) {
        {
            fake_host client(loop);
            client.request("GET", {{"QUERY_STRING", "wait"}});
            loop.poll();
            client.leave();
            loop.poll();
        }
        fake_host next(loop);
        next.request("GET", {{"QUERY_STRING", ""}});
        loop.poll();
        CHECK(next.ended_well());
    }
    for (const bool cancelled : r.cancelled_at_start)
        CHECK_FALSE(cancelled);
    CHECK(r.answered == 5);
}

TEST_CASE(
    "F11: app runners: an app that made itself deaf to cancellation leaves the next one as it would begin")
{
    bool over = false;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        if (req.env().query_string() == "deaf") {
            co_await boost::asio::this_coro::reset_cancellation_state(boost::asio::disable_cancellation());
            co_await boost::asio::this_coro::throw_if_cancelled(false);
            co_return respond.send(200, {{"Content-Type", "text/plain"}}, "ok");
        }
        try {
            co_await sleep_for(std::chrono::hours(1));
        } catch (const system_error&) {
            over = true;
            throw;
        }
    });
    for (const char* query : {"deaf", "wait"}) {
        fake_host client(loop);
        client.request("GET", {{"QUERY_STRING", query}});
        loop.poll();
        CHECK(loop.resources().runners().made() == 1);
        client.leave();
        loop.poll();
    }
    CHECK(over);
}

TEST_CASE("app runners: as many as asked for are kept, and none holds the loop when they are let go")
{
    recorded r;
    fake_loop loop(recording(r, true));
    auto& runners = loop.resources().runners();
    runners.keep(2);
    {
        std::deque<fake_host> clients;
        for (int i = 0; i < 5; ++i)
            clients.emplace_back(loop).request("GET", {{"QUERY_STRING", "wait"}});
        loop.poll();
        CHECK(runners.made() == 5);
        CHECK(runners.idle() == 0);
        for (auto& c : clients)
            c.leave();
        loop.poll();
    }
    CHECK(runners.idle() == 0); // all were cancelled
    for (int i = 0; i < 3; ++i) {
        fake_host client(loop);
        client.request("GET", {{"QUERY_STRING", ""}});
        loop.poll();
    }
    CHECK(runners.idle() == 1);
    runners.keep(0);
    CHECK(runners.idle() == 0);
    loop.context().restart();
    loop.context().run_for(std::chrono::seconds(10));
    CHECK(loop.context().stopped()); // nothing is left to wait for
}
