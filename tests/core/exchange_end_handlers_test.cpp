// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// R45, and that an exchange used again knows nothing of its past.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <functional>
#include <optional>
#include <stdexcept>
#include <vector>

using namespace sluice;
using namespace sluice::test;

namespace {

// Every way in which a response can end.
struct ending {
    const char* what;
    std::function<task<void>(request&, responder)> app;
    std::function<void(fake_host&, fake_loop&)> then; // after the app has run as far as it goes
    bool well;
};

const std::vector<ending>& endings()
{
    const auto nothing = [](fake_host&, fake_loop&) {};
    const auto leave = [](fake_host& c, fake_loop&) { c.leave(); };
    const auto sleeping = [](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("text");
        co_await sleep_for(std::chrono::hours(1));
    };
    static const std::vector<ending> all = {
        {"a complete response",
         [](request&, responder respond) -> task<void> {
             respond.send(plain_text().status, {{"Content-Type", "text/plain"}}, "whole");
             co_return;
         },
         nothing, true},
        {"a written response",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(plain_text());
             co_await out.write("whole");
             co_await out.finish();
             co_await yield();
         },
         nothing, true},
        {"an exception before the head",
         [](request&, responder) -> task<void> {
             throw std::runtime_error("broken");
             co_return;
         },
         nothing, true},
        {"an exception after the head",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(plain_text());
             co_await out.write("half");
             throw std::runtime_error("broken");
         },
         nothing, false},
        {"no answer", [](request&, responder) -> task<void> { co_return; }, nothing, true},
        {"aborted",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(plain_text());
             out.abort();
             co_return;
         },
         nothing, false},
        {"too short",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(with_length(10));
             co_await out.write("five!");
         },
         nothing, false},
        {"the client leaves while the app has not answered",
         [](request&, responder) -> task<void> { co_await sleep_for(std::chrono::hours(1)); }, leave, false},
        {"the client leaves in mid-body", sleeping, leave, false},
        {"the client leaves while a write waits",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(plain_text());
             co_await out.write(piece_at(0, 1 << 20));
         },
         [](fake_host& c, fake_loop& l) {
             c.stall();
             l.poll();
             c.leave();
         },
         false},
        {"the client leaves while the app reads the body",
         [](request& req, responder) -> task<void> {
             char buffer[10];
             co_await req.body().read(boost::asio::buffer(buffer));
         },
         leave, false},
        {"shutdown", sleeping, [](fake_host& c, fake_loop&) { c.cancel(); }, false},
        {"shutdown before the answer",
         [](request&, responder) -> task<void> { co_await sleep_for(std::chrono::hours(1)); },
         [](fake_host& c, fake_loop&) { c.cancel(); }, true},
    };
    return all;
}

} // namespace

TEST_CASE("R45: clean-up handlers run once and in reverse order, after the response ended, however it ended")
{
    for (const auto& e : endings()) {
        CAPTURE(e.what);
        std::string order;
        fake_host* the_client = nullptr;
        fake_loop loop([&](request& req, responder respond) -> task<void> {
            for (const char c : {'1', '2', '3'})
                req.on_end([&order, &the_client, c] { order += the_client->ended() ? c : '?'; });
            return e.app(req, std::move(respond));
        });
        fake_host client(loop);
        the_client = &client;
        if (std::string_view(e.what).find("a write waits") != std::string_view::npos)
            client.stall();
        client.request("GET", {}, true);
        loop.poll();
        e.then(client, loop);
        loop.poll();
        CHECK(client.ended());
        CHECK(client.ended_well() == e.well);
        CHECK(order == "321");
        loop.poll();
        client.leave();
        CHECK(order == "321");
        CHECK(loop.statistics().pool_in_use == 0);
        CHECK(loop.statistics().active == 0);
        CHECK(loop.statistics().requests == 1);
    }
}

TEST_CASE("R45: a handler that fails is logged and keeps no other from running")
{
    std::string order;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        req.on_end([&] { order += '1'; });
        req.on_end([] { throw std::runtime_error("clean-up failed"); });
        req.on_end([&order, &req] {
            order += '3';
            req.on_end([&order] { order += '4'; }); // registered by a handler: runs as well
        });
        respond.send(200, {{"Content-Type", "text/plain"}}, "whole");
        co_return;
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(order == "341");
    CHECK(loop.log().contains("clean-up failed"));
}

TEST_CASE("R45: a handler registered after the response ended runs too")
{
    std::string order;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        try {
            co_await sleep_for(std::chrono::hours(1));
        } catch (const system_error&) {
            // The client is gone, but what was opened just before is still to be closed.
            req.on_end([&order] { order += '1'; });
        }
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    client.leave();
    CHECK(order.empty());
    loop.poll();
    CHECK(order == "1");
}

TEST_CASE("exchange: used again, it knows nothing of the request before")
{
    const std::string body = text_of_size(100'000);
    for (const auto& before : endings()) {
        CAPTURE(before.what);
        std::string order;
        bool first = true;
        const request* first_request = nullptr;
        const request* second_request = nullptr;
        fake_loop loop([&](request& req, responder respond) -> task<void> {
            if (first) {
                first_request = &req;
                req.env().add("LEFT_OVER", "1");
                req.errors().line("left over");
                req.on_end([&] { order += 'a'; });
                co_await before.app(req, std::move(respond));
                co_return;
            }
            second_request = &req;
            CHECK_FALSE(req.aborted());
            CHECK_FALSE(req.env().contains("LEFT_OVER"));
            CHECK_FALSE(req.body().length());
            req.on_end([&] { order += 'b'; });
            auto out = respond.start(plain_text(201));
            CHECK(out.accepted() == 0);
            CHECK(out.sent() == 0);
            CHECK_FALSE(out.error());
            char buffer[100];
            std::string read;
            while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
                read.append(buffer, n);
            CHECK(read == "body");
            co_await out.write(body);
            CHECK(out.accepted() == body.size());
        });
        {
            fake_host client(loop);
            if (std::string_view(before.what).find("a write waits") != std::string_view::npos)
                client.stall();
            client.request("HEAD", {{"CONTENT_LENGTH", "1000"}}, true);
            client.feed("unread");
            loop.poll();
            before.then(client, loop);
            loop.poll();
            CHECK(client.ended());
        }
        first = false;
        fake_host client(loop);
        client.stall();
        client.request("POST", {}, true);
        client.feed_all("body");
        for (int i = 0; i < 1000 && !client.ended(); ++i) {
            loop.poll();
            client.take(3000);
        }
        loop.poll();
        CHECK(first_request == second_request); // it was used again
        CHECK(client.ended_well());
        CHECK(client.status() == 201);
        CHECK(client.body() == body);
        CHECK(client.errors().empty());
        CHECK(order == "ab");
        CHECK(loop.statistics().pool_in_use == 0);
    }
}
