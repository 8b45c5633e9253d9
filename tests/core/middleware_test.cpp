// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// An app around an app: what it does not touch is as if it were not there.
#include <sluice/application.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/post.hpp>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

using namespace sluice;
using namespace sluice::test;

namespace {

/// Adds a variable and counts; knows nothing else of requests and responses.
application counting(const application& inner, int& calls)
{
    return [inner, &calls](request& req, responder respond) -> task<void> {
        ++calls;
        req.env().add("APP_COUNTED", "yes");
        co_await inner(req, std::move(respond));
    };
}

response immediate(request&)
{
    return {
        299, {{"Content-Type", "text/plain"}, {"X-Unheard-Of", "1"}, {"x-unheard-of", "2"}}, "body", "So So"};
}

response without_body(request&)
{
    return {304, {{"ETag", "\"x\""}}, {}, {}};
}

task<void> streaming(request& req, responder respond)
{
    req.errors().line("said before the head");
    auto out = respond.start(with_length(200'000));
    co_await out.write(piece_at(0, 100'000));
    co_await out.flush();
    req.errors().line("said in mid-body");
    co_await yield();
    co_await out.write(piece_at(100'000, 100'000));
    co_await out.finish();
}

task<void> prepared(request&, responder respond)
{
    auto out = respond.start(plain_text());
    error_code ec;
    const auto room = out.prepare(ec);
    CHECK_FALSE(ec);
    std::memcpy(room.data(), "read into it", 12);
    out.commit(12);
    co_return;
}

task<void> delayed(request& req, responder respond)
{
    boost::asio::post(req.get_executor(), [r = std::make_shared<responder>(std::move(respond))] {
        r->send(200, {{"Content-Type", "text/plain"}}, "later");
    });
    co_return;
}

task<void> silent(request&, responder)
{
    co_return;
}

task<void> throws_before_the_head(request&, responder)
{
    throw std::runtime_error("before");
    co_return;
}

task<void> throws_in_mid_body(request&, responder respond)
{
    auto out = respond.start(plain_text());
    co_await out.write("half");
    throw std::runtime_error("in mid-body");
}

task<void> aborts(request&, responder respond)
{
    auto out = respond.start(plain_text());
    co_await out.write("half");
    out.abort();
}

struct seen {
    std::string received, errors;
    bool well;
};

seen answer_of(const application& app, std::string_view method)
{
    fake_loop loop(app);
    fake_host client(loop);
    client.request(method);
    loop.poll();
    REQUIRE(client.ended());
    return {client.received(), client.errors(), client.ended_well()};
}

} // namespace

TEST_CASE(
    "R37: behind middleware that understands nothing of it, each kind of answer is the same, byte for byte")
{
    const std::pair<const char*, application> kinds[] = {{"immediate", immediate},
                                                         {"without a body", without_body},
                                                         {"streaming", streaming},
                                                         {"prepared", prepared},
                                                         {"delayed", delayed},
                                                         {"silent", silent},
                                                         {"throws before the head", throws_before_the_head},
                                                         {"throws in mid-body", throws_in_mid_body},
                                                         {"aborts", aborts}};
    for (const auto& [name, inner] : kinds) {
        for (const char* const method : {"GET", "HEAD", "PURGE"}) {
            CAPTURE(name, method);
            int calls = 0;
            const auto around = answer_of(counting(counting(inner, calls), calls), method);
            const auto alone = answer_of(inner, method);
            CHECK(calls == 2);
            CHECK((around.received == alone.received));
            CHECK(around.errors == alone.errors);
            CHECK(around.well == alone.well);
        }
    }
}

TEST_CASE("R13, R37: variables that nobody knows reach the app through middleware, with those that it adds")
{
    int calls = 0;
    std::string unheard_of, counted;
    fake_loop loop(counting(
        [&](request& req) {
            unheard_of = req.env().get("X_UNHEARD_OF");
            counted = req.env().get("APP_COUNTED");
            return response{200, {{"Content-Type", "text/plain"}}, {}, {}};
        },
        calls));
    fake_host client(loop);
    client.request("GET", {{"X_UNHEARD_OF", "value"}});
    loop.poll();
    CHECK(client.ended_well());
    CHECK(unheard_of == "value");
    CHECK(counted == "yes");
}

TEST_CASE("R37: a filter behind middleware is asked as a filter")
{
    int calls = 0;
    const auto app =
        application::by_role({counting(immediate, calls), application::filter(counting(immediate, calls))});
    CHECK(app.serves(role::responder));
    CHECK(app.serves(role::filter));
    CHECK_FALSE(app.serves(role::authorizer));
}

TEST_CASE("R37: through middleware the app is told that its client has gone, and its clean-up runs once")
{
    int calls = 0;
    int cleaned = 0;
    error_code why;
    fake_loop loop(counting(
        [&](request& req, responder respond) -> task<void> {
            req.on_end([&] { ++cleaned; });
            auto out = respond.start(plain_text());
            try {
                for (;;)
                    co_await out.write(piece_at(0, 10'000));
            } catch (const system_error& e) {
                why = e.code();
                throw;
            }
        },
        calls));
    fake_host client(loop);
    client.stall();
    client.request();
    loop.poll();
    CHECK(client.held() > 0);
    CHECK_FALSE(why);
    client.leave();
    loop.poll();
    CHECK(why == errc::client_gone);
    CHECK(cleaned == 1);
    CHECK(loop.statistics().pool_in_use == 0);
}
