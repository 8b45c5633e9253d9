// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// R21: the app's error stream.
#include <sluice/request.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <optional>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("R21: lines go out at any time: before the head, between writes, after the last")
{
    fake_loop loop([](request& req, responder respond) -> task<void> {
        req.errors().line("one");
        co_await yield();
        req.errors().write("t");
        req.errors().write("wo\n");
        auto out = respond.start(plain_text());
        req.errors().line("three");
        co_await out.write("body");
        co_await yield();
        req.errors().line("four");
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.errors() == "one\ntwo\nthree\nfour\n");
    CHECK(client.ended_well());
    CHECK(client.body() == "body");
}

TEST_CASE("R21: error text alone is sent at once, while the app goes on")
{
    fake_loop loop([](request& req, responder) -> task<void> {
        req.errors().line("still working");
        co_await sleep_for(std::chrono::hours(1));
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.errors() == "still working\n");
}

TEST_CASE(
    "R21, F26: much error text before the head is bounded, says what was dropped, and the response follows")
{
    limits l;
    l.error_text = 1000;
    constexpr int lines = 100'000;
    const std::string line(99, 'e');
    bool answered = false;
    std::size_t most = 0;
    fake_host* the_client = nullptr;
    fake_loop loop(
        [&](request& req, responder respond) -> task<void> {
            for (int i = 0; i < lines; ++i)
                req.errors().line(line);
            most = the_client->held();
            auto out = respond.start(plain_text());
            co_await out.write("body");
            answered = true;
        },
        l);
    fake_host client(loop);
    the_client = &client;
    client.stall();
    client.request();
    loop.poll();
    CHECK(answered);  // it never waited
    CHECK(most == 0); // and took no block of the response
    client.take_all();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.body() == "body");
    const auto note = client.errors().find("[sluice: ");
    REQUIRE(note != std::string::npos);
    CHECK(client.errors().substr(0, 1000) ==
          (line + "\n" + line + "\n" + line + "\n" + line + "\n" + line + "\n" + line + "\n" + line + "\n" +
           line + "\n" + line + "\n" + line + "\n"));
    CHECK(note == 1001);
    CHECK(client.errors().find(std::to_string(lines * 100 - 1000) + " more bytes") != std::string::npos);
    CHECK(client.errors().find("limits::error_text") != std::string::npos);
    CHECK(client.errors().size() < 1200);
}

TEST_CASE("R21: what was dropped is said once, and there is room again after the text was sent")
{
    limits l;
    l.error_text = 10;
    std::optional<responder> kept;
    request* the_request = nullptr;
    fake_loop loop(
        [&](request& req, responder respond) -> task<void> {
            the_request = &req;
            kept.emplace(std::move(respond));
            co_return;
        },
        l);
    fake_host client(loop);
    client.request();
    loop.poll();
    the_request->errors().write("0123456789abcdef");
    loop.poll();
    const auto first = client.errors();
    CHECK(first.starts_with("0123456789\n[sluice: 6 more bytes"));
    the_request->errors().write("again");
    loop.poll();
    CHECK(client.errors() == first + "again");

    client.leave();
    the_request->errors().write("nobody listens"); // no harm
    kept->send(200, {{"Content-Type", "text/plain"}}, "");
    kept.reset();
    loop.poll();
    CHECK(client.errors() == first + "again");
}
