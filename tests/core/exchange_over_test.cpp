// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What apps and transports may still do with a response that is over, or that was ended from outside.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/co_spawn.hpp>

#include <optional>
#include <vector>

using namespace sluice;
using namespace sluice::test;

static constexpr auto long_time = std::chrono::hours(24);

TEST_CASE("R35: a writer comes back even when the client is already gone - its writes fail")
{
    bool whole = false;
    SECTION("a writer") {}
    SECTION("a whole response")
    {
        whole = true;
    }
    std::optional<responder> kept;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        kept.emplace(std::move(respond));
        co_return;
    });
    {
        fake_host client(loop);
        client.request();
        loop.poll();
        client.leave();
        loop.poll();
    } // the transport is gone altogether
    CHECK(loop.statistics().client_gone == 1);
    if (whole) {
        CHECK_NOTHROW(kept->send(200, {{"Content-Type", "text/plain"}}, text_of_size(100'000)));
    } else {
        std::optional<writer> out;
        REQUIRE_NOTHROW(out.emplace(kept->start(plain_text())));
        CHECK(out->error() == errc::client_gone);
        error_code ec;
        CHECK(out->try_write(std::string_view("text"), ec) == 0);
        CHECK(ec == errc::client_gone);
        CHECK_THROWS_AS(out->try_write(std::string_view("text")), system_error);
        std::vector<error_code> seen;
        boost::asio::co_spawn(loop.context(), out->write("text"), [&](std::exception_ptr e) {
            try {
                std::rethrow_exception(e);
            } catch (const system_error& error) {
                seen.push_back(error.code());
            }
        });
        loop.poll();
        out->async_wait_writable([&](error_code e) { seen.push_back(e); });
        loop.poll();
        CHECK(seen == std::vector<error_code>(2, errc::client_gone));
        CHECK(out->accepted() == 0);
        CHECK(out->sent() == 0);
        out->abort();
        kept.reset();
        out.reset();
    }
    kept.reset();
    loop.poll();
    CHECK(loop.statistics().pool_in_use == 0);
}

TEST_CASE("F8: handlers of a pending operation are called even when nothing else keeps the response")
{
    bool called = false;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        error_code ec;
        out.try_write(piece_at(0, 10'000), ec);
        out.async_flush([&](error_code) { called = true; });
        co_return;
    });
    fake_host client(loop);
    client.stall();
    client.request();
    loop.poll();
    client.leave();
    loop.poll();
    CHECK(called);
}

TEST_CASE("F27: a response ended from outside is cut short visibly, and its app is told")
{
    outcome o;
    bool answered = false;
    SECTION("while it streams")
    {
        answered = true;
    }
    SECTION("before it answered: a complete 503") {}
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        std::optional<writer> out;
        if (answered) {
            out.emplace(respond.start(plain_text()));
            co_await out->write("text");
        }
        co_await note(o, [] { return sleep_for(long_time); });
        CHECK(req.aborted());
        if (out) {
            error_code ec;
            out->try_write(std::string_view("more"), ec);
            CHECK(ec == errc::shutting_down);
        }
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    client.cancel(errc::shutting_down);
    loop.poll();
    CHECK(o.ended);
    CHECK(client.ended());
    CHECK(client.ended_well() == !answered);
    CHECK(client.status() == (answered ? 200 : 503));
    CHECK(client.body() == (answered ? "text" : "This service is shutting down. Try again.\n"));
    CHECK(loop.statistics().client_gone == 0); // it was not the client
}

TEST_CASE("exchange: a client that leaves before its request is complete costs nothing")
{
    bool ran = false;
    fake_loop loop([&](request&, responder) -> task<void> {
        ran = true;
        co_return;
    });
    {
        fake_host client(loop);
        REQUIRE(client.open());
        client.x().env().add("REQUEST_METHOD", "GET");
        client.leave();
        CHECK(client.ended());
    }
    loop.poll();
    CHECK_FALSE(ran);
    CHECK(loop.statistics().active == 0);
    CHECK(loop.statistics().client_gone == 0);
    CHECK(loop.resources().pool().can_reserve(loop.statistics().pool_total));
}

TEST_CASE("exchange: one whose client left between the request and the app's turn is not run")
{
    bool ran = false;
    fake_loop loop([&](request&, responder) -> task<void> {
        ran = true;
        co_return;
    });
    fake_host client(loop);
    REQUIRE(client.open());
    const exchange_ptr x = client.exchange_or_null();
    for (const auto& [name, value] : {field{"REQUEST_METHOD", "GET"}, field{"PATH_INFO", "/"},
                                      field{"REQUEST_URI", "/"}, field{"SERVER_NAME", "localhost"},
                                      field{"SERVER_PORT", "80"}, field{"SERVER_PROTOCOL", "HTTP/1.1"}})
        x->env().add(name, value);
    REQUIRE(x->admit(false));
    client.leave();
    x->run();
    loop.poll();
    CHECK_FALSE(ran);
    CHECK(loop.statistics().active == 0);
}
