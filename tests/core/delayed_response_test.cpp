// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// R33, R34: a response that is given when the app has returned long since.
#include <sluice/responder.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/co_spawn.hpp>

#include <functional>
#include <optional>
#include <thread>

using namespace sluice;
using namespace sluice::test;

TEST_CASE(
    "R33, F30: a responder dropped without a call answers 500 and logs, also long after the app returned")
{
    std::optional<responder> kept;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        kept.emplace(std::move(respond));
        co_return;
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK_FALSE(client.ended());
    CHECK(client.received_bytes() == 0);
    CHECK(client.x().state() == exchange::phase::waiting);

    kept.reset();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.status() == 500);
    CHECK(loop.log().contains("without an answer"));
}

TEST_CASE("R33: a responder assigned over is a dropped one - a moved one is not")
{
    std::optional<responder> kept;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        responder moved(std::move(respond));
        if (kept)
            *kept = std::move(moved);
        else
            kept.emplace(std::move(moved));
        co_return;
    });
    fake_host first(loop);
    fake_host second(loop);
    first.request();
    loop.poll();
    CHECK_FALSE(first.ended());
    second.request();
    loop.poll();
    CHECK(first.ended_well());
    CHECK(first.status() == 500);
    CHECK_FALSE(second.ended());
    kept->send(200, {{"Content-Type", "text/plain"}}, "second");
    loop.poll();
    CHECK(second.body() == "second");
    kept.reset(); // before the loop goes
}

TEST_CASE("R34, F14: a response may be given long after the app returned, whole")
{
    std::optional<responder> kept;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        kept.emplace(std::move(respond));
        co_return;
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    REQUIRE_FALSE(client.ended());
    const std::string body = text_of_size(1'000'000);

    SECTION("as a whole")
    {
        client.stall();
        kept->send(200, {{"Content-Type", "text/plain"}}, body);
        kept.reset();
        while (!client.ended() && client.received_bytes() < 2 * body.size()) {
            loop.poll();
            client.take(50'000);
            CHECK(client.held() <= 64 * 1024);
        }
        CHECK(client.header("Content-Length") == "1000000");
    }
    SECTION("as a whole, by another thread that asks the request's executor")
    {
        const auto ex = client.x().get_executor();
        std::thread other([ex, &kept, &body] {
            boost::asio::post(ex, [respond = std::move(*kept), &body]() mutable {
                respond.send(200, {{"Content-Type", "text/plain"}}, body);
            });
        });
        CHECK(loop.poll_until([&] { return client.ended(); }));
        other.join();
    }
    SECTION("through a writer that other handlers keep")
    {
        std::optional<writer> out(kept->start(plain_text()));
        kept.reset();
        std::size_t written = 0;
        std::function<void(error_code)> go_on = [&](error_code ec) {
            CHECK_FALSE(ec);
            written += out->try_write(std::string_view(body).substr(written, 10'000));
            if (written < body.size())
                return out->async_wait_writable([&](error_code e) { go_on(e); });
            boost::asio::co_spawn(out->get_executor(), out->finish(),
                                  [&](std::exception_ptr) { out.reset(); });
        };
        client.stall();
        boost::asio::post(loop.context(), [&] { go_on({}); });
        for (int i = 0; i < 1000 && !client.ended(); ++i) {
            loop.poll();
            client.take(20'000);
            CHECK(client.held() <= 64 * 1024);
        }
        loop.poll();
        CHECK_FALSE(out);
    }
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.body() == body);
}

TEST_CASE("F13: a writer dropped before finish(), after the app returned, is an aborted response")
{
    std::optional<writer> kept;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        kept.emplace(respond.start(plain_text()));
        co_await kept->write("half");
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK_FALSE(client.ended());
    CHECK(client.body() == "half");
    kept.reset();
    loop.poll();
    CHECK(client.ended());
    CHECK_FALSE(client.ended_well());
    CHECK(loop.log().contains("writer was dropped"));
}
