// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/timer.hpp>

#include "support/catch.hpp"

#include <sluice/testing/manual_loop.hpp>

#include <boost/asio/error.hpp>

#include <optional>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;
using detail::timer;

namespace {

const error_code aborted = boost::asio::error::operation_aborted;

struct waits {
    void on(timer& t)
    {
        t.async_wait([this](error_code ec) { results.push_back(ec); });
    }
    std::vector<error_code> results;
};

} // namespace

TEST_CASE("timer: in real time it is Asio's")
{
    testing::manual_loop loop;
    waits w;
    timer t(loop.get_executor());
    const auto before = std::chrono::steady_clock::now();
    CHECK(t.now() >= before);
    t.expires_after(std::chrono::steady_clock::duration::max());
    w.on(t);
    loop.poll();
    CHECK(w.results.empty());
    t.expires_after(1ms);
    loop.poll();
    CHECK(w.results == std::vector{aborted});
    w.on(t);
    CHECK(loop.poll_until([&] { return w.results.size() == 2; }));
    CHECK(w.results.back() == error_code());
    CHECK(t.now() >= before + 1ms);
}

TEST_CASE("timer: with a clock that stands still it waits for that")
{
    testing::manual_loop loop;
    loop.stop_clock();
    waits w;
    std::optional<timer> t(loop.get_executor());
    const auto begin = t->now();
    CHECK(loop.now() == begin);
    t->expires_after(10s);
    w.on(*t);
    loop.advance(10s - 1ns);
    CHECK(w.results.empty());
    loop.advance(1ns);
    CHECK(w.results == std::vector{error_code()});
    CHECK(t->now() == begin + 10s);
    w.results.clear();

    SECTION("a wait for a time that is over ends at once, again and again")
    {
        w.on(*t);
        w.on(*t);
        t->expires_at(begin);
        w.on(*t);
        loop.poll();
        CHECK(w.results == std::vector<error_code>(3));
    }
    SECTION("another time ends what waits for the first")
    {
        t->expires_after(1s);
        w.on(*t);
        t->expires_after(2s);
        loop.poll();
        CHECK(w.results == std::vector{aborted});
        w.on(*t);
        loop.advance(1s);
        CHECK(w.results.size() == 1);
        loop.advance(1s);
        CHECK(w.results.size() == 2);
        CHECK(w.results.back() == error_code());
    }
    SECTION("cancelled, it does not ring")
    {
        t->expires_after(1s);
        w.on(*t);
        t->cancel();
        loop.advance(1h);
        CHECK(w.results == std::vector{aborted});
    }
    SECTION("destroyed, it ends what waits")
    {
        t->expires_after(1s);
        w.on(*t);
        t.reset();
        loop.advance(1h);
        CHECK(w.results == std::vector{aborted});
    }
    SECTION("several ring in the order of time, and of setting where that is the same")
    {
        std::vector<int> order;
        std::optional<timer> more[3];
        const std::chrono::seconds after[] = {2s, 1s, 2s};
        for (int i = 0; i < 3; ++i) {
            more[i].emplace(loop.get_executor());
            more[i]->expires_after(after[i]);
            more[i]->async_wait([&order, i](error_code) { order.push_back(i); });
        }
        loop.advance(1s);
        CHECK(order == std::vector{1});
        loop.advance(1s);
        CHECK(order == std::vector{1, 0, 2});
    }
    SECTION("for ever is longer than any test")
    {
        t->expires_after(std::chrono::steady_clock::duration::max());
        w.on(*t);
        loop.advance(std::chrono::hours(24 * 365 * 100));
        CHECK(w.results.empty());
    }
} // and what still waits is no leak
