// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The delayed shape: a function that may return at once and answer later, from callbacks.
#include <sluice/application.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>

using namespace sluice;
using namespace sluice::test;

namespace {

void answers_later(request& req, responder respond)
{
    boost::asio::post(req.get_executor(), [r = std::move(respond), &req]() mutable {
        r.send(200, {{"Content-Type", "text/plain"}}, "later, to " + std::string(req.env().method()));
    });
}

struct seen {
    int status;
    std::string body, log;
    bool well;
};

seen answer_of(const application& app)
{
    fake_loop loop(app);
    fake_host client(loop);
    client.request();
    loop.poll();
    REQUIRE(client.ended());
    return {client.status(), client.body(), loop.log().text(), client.ended_well()};
}

} // namespace

static_assert(std::is_constructible_v<application, decltype(answers_later)*>);
// A result that nobody would look at.
static_assert(!std::is_constructible_v<application, int (*)(request&, responder)>);
static_assert(!std::is_constructible_v<application, response (*)(request&, responder)>);
static_assert(!std::is_constructible_v<application, void (*)(request&)>);

TEST_CASE("R31, R34: a delayed app returns at once, and its callback answers")
{
    const auto got = answer_of(answers_later);
    CHECK(got.well);
    CHECK(got.status == 200);
    CHECK(got.body == "later, to GET");
}

TEST_CASE("R31: a delayed app may as well answer before it returns, whole or in pieces")
{
    CHECK(answer_of([](request&, responder respond) {
              respond.send(200, {{"Content-Type", "text/plain"}}, "at once");
          }).body == "at once");

    const auto got = answer_of([](request&, responder respond) {
        auto out = respond.start(plain_text());
        out.try_write("in ");
        out.try_write("pieces");
    }); // nothing is kept: that was all
    CHECK(got.well);
    CHECK(got.body == "in pieces");
}

TEST_CASE("R33, R41: a delayed app that returns without an answer and keeps no responder answers 500")
{
    const auto got = answer_of([](request&, responder) {});
    CHECK(got.well);
    CHECK(got.status == 500);
    CHECK_THAT(got.log, Catch::Contains("without an answer"));
}

TEST_CASE("R39, R40: an exception in a delayed app, and in its callbacks")
{
    const auto before = answer_of([](request&, responder) { throw std::runtime_error("broken"); });
    CHECK(before.well);
    CHECK(before.status == 500);
    CHECK_THAT(before.log, Catch::Contains("the app failed: broken"));

    const auto after = answer_of([](request&, responder respond) {
        auto out = respond.start(plain_text());
        out.try_write("half");
        throw std::runtime_error("broken");
    });
    CHECK_FALSE(after.well);
    CHECK(after.status == 200);

    const auto in_callback = answer_of([](request&, responder respond) {
        const auto out = std::make_shared<writer>(respond.start(plain_text()));
        out->async_write(boost::asio::buffer("half", 4),
                         [out](error_code, std::size_t) { throw std::runtime_error("broken"); });
    });
    CHECK_FALSE(in_callback.well);
    CHECK(in_callback.body == "half");
    CHECK_THAT(in_callback.log, Catch::Contains("the app failed: broken"));
}

TEST_CASE("R39: an exception with the responder kept: the client has its 500, and the responder is used up")
{
    std::optional<responder> kept;
    fake_loop loop([&](request&, responder respond) {
        kept.emplace(std::move(respond));
        throw std::runtime_error("broken");
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.status() == 500);
    error_code ec;
    try {
        kept->send(200, {{"Content-Type", "text/plain"}}, "late");
    } catch (const system_error& e) {
        ec = e.code();
    }
    CHECK(ec == errc::already_responded);
    kept.reset(); // before the loop goes
}

TEST_CASE("R37: a delayed app behind middleware, and by role")
{
    const application inner(answers_later);
    bool returned = false;
    CHECK(answer_of([&](request& req, responder respond) -> task<void> {
              co_await inner(req, std::move(respond));
              returned = true; // it returned; the answer is still to come
          }).body == "later, to GET");
    CHECK(returned);
    CHECK_FALSE(inner.serves(role::filter));
    CHECK_FALSE(inner.serves(role::authorizer));
    CHECK(application::filter(inner).serves(role::filter));
    CHECK(answer_of(application::by_role({application::filter(inner), inner})).body == "later, to GET");
}

TEST_CASE("R36, R38: async_finish ends a response without a coroutine, and again does no harm")
{
    for (const bool empty : {true, false}) {
        CAPTURE(empty);
        std::optional<writer> out;
        std::vector<error_code> results;
        fake_loop loop([&](request&, responder respond) { out.emplace(respond.start(plain_text())); });
        fake_host client(loop);
        client.request();
        loop.poll();
        client.stall(); // the head is out
        if (!empty)
            CHECK(out->try_write("body") == 4);
        out->async_finish([&](error_code ec) { results.push_back(ec); });
        CHECK(results.empty()); // never from inside
        loop.poll();
        CHECK(results.empty() == !empty); // the end can be handed over where nothing is before it
        client.take_all();
        loop.poll();
        CHECK(client.ended_well());
        CHECK(client.body() == (empty ? "" : "body"));
        CHECK(results == std::vector<error_code>{{}});
        out->async_finish([&](error_code ec) { results.push_back(ec); });
        loop.poll();
        CHECK(results == std::vector<error_code>{{}, {}});
        error_code ec;
        CHECK(out->try_write("more", ec) == 0);
        CHECK(ec == errc::already_finished);
        out.reset();
    }
}

TEST_CASE("R44: async_finish with less than the announced length says so, and the response fails")
{
    std::optional<writer> out;
    error_code result;
    fake_loop loop([&](request&, responder respond) { out.emplace(respond.start(with_length(10))); });
    fake_host client(loop);
    client.request();
    out->try_write("short");
    out->async_finish([&](error_code ec) { result = ec; });
    CHECK_FALSE(result);
    loop.poll();
    CHECK(result == errc::length_short);
    CHECK(client.ended());
    CHECK_FALSE(client.ended_well());
    out.reset();
}
