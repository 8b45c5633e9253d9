// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/error_pages.hpp>

#include "middleware/again.hpp"
#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <sluice/blocking.hpp>
#include <sluice/remote_responder.hpp>

#include <stdexcept>

using namespace sluice;
using namespace sluice::test;

namespace {

struct asked {
    explicit asked(application inner, std::string_view accept = "", middleware::make_error_page make = {},
                   std::string_view method = "GET")
        : loop(middleware::error_pages(std::move(inner), std::move(make))), client(loop)
    {
        client.request(method, {{"HTTP_ACCEPT", accept}});
        loop.poll();
    }
    fake_loop loop;
    fake_host client;
};

task<void> throws(request&, responder)
{
    throw std::runtime_error("a reason for the log");
    co_return;
}

} // namespace

TEST_CASE("error_pages: an empty answer of status 400 and above gets a page, as the client likes it")
{
    const auto missing = [](request&) { return response{404, {{"X-Own", "kept"}}, {}, {}}; };
    asked text(missing);
    CHECK(text.client.ended_well());
    CHECK(text.client.status() == 404);
    CHECK(text.client.header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(text.client.header("X-Own") == "kept");
    CHECK(text.client.header("Vary") == "Accept");
    CHECK(text.client.header("Content-Length") == "14");
    CHECK(text.client.body() == "404 Not Found\n");

    asked html(missing, "text/html,*/*;q=0.8");
    CHECK(html.client.header("Content-Type") == "text/html; charset=utf-8");
    CHECK_THAT(html.client.body(), Catch::Contains("<h1>404 Not Found</h1>"));

    asked own_reason([](request&) { return response{499, {}, {}, "<b>&</b>"}; }, "text/html");
    CHECK_THAT(own_reason.client.body(), Catch::Contains("<h1>499 &lt;b&gt;&amp;&lt;/b&gt;</h1>"));

    asked head(missing, "", {}, "HEAD");
    CHECK(head.client.header("Content-Length") == "14");
    CHECK(head.client.body().empty());
}

TEST_CASE("error_pages: what has a body, is no error, or is streamed stays as it is")
{
    const response answers[] = {
        {404, {{"Content-Type", "text/plain"}}, "own", {}},
        {200, {{"Content-Type", "text/plain"}}, "", {}},
        {304, {}, "", {}},
    };
    for (const auto& answer : answers) {
        asked a([&](request&) { return again(answer); });
        CHECK(a.client.status() == answer.status);
        CHECK(a.client.body() == answer.body);
        CHECK_FALSE(a.client.has_header("Vary"));
    }
    asked streamed([](request&, responder respond) -> task<void> {
        respond.start(plain_text(500));
        co_return;
    });
    CHECK(streamed.client.ended_well());
    CHECK(streamed.client.body().empty());
}

TEST_CASE("R33, R39, R41: an app that throws before the head, or does not answer, gets a page of status 500")
{
    asked thrown(throws, "text/html");
    CHECK(thrown.client.ended_well());
    CHECK(thrown.client.status() == 500);
    CHECK_THAT(thrown.client.body(), Catch::Contains("<h1>500 Internal Server Error</h1>"));
    CHECK(thrown.loop.log().contains("GET /: the app failed: a reason for the log"));

    asked silent([](request&, responder) -> task<void> { co_return; });
    CHECK(silent.client.status() == 500);
    CHECK(silent.client.body() == "500 Internal Server Error\n");
    CHECK(silent.loop.log().contains("the app ended without an answer"));

    std::optional<responder> kept;
    asked delayed([&](request&, responder respond) -> task<void> {
        kept.emplace(std::move(respond));
        co_return;
    });
    CHECK_FALSE(delayed.client.ended());
    kept.reset();
    delayed.loop.poll();
    CHECK(delayed.client.ended_well());
    CHECK(delayed.client.body() == "500 Internal Server Error\n");

    asked whatever([](request&) -> response { throw 1; });
    CHECK(whatever.client.status() == 500);
    CHECK(whatever.loop.log().contains("an exception that is no std::exception"));
}

TEST_CASE("R33, R39: so do apps of other shapes, and what the client did wrong is a page of 400")
{
    const auto fails = [](const application& app, int status, std::string_view said,
                          std::initializer_list<field> variables = {}) {
        int made = 0;
        fake_loop loop(middleware::error_pages(app, [&](const request&, response& page) {
            ++made;
            page.body = "page " + std::to_string(page.status);
        }));
        fake_host client(loop);
        client.request(variables.size() == 0 ? "GET" : "POST", variables, variables.size() > 0);
        client.end_body();
        CHECK(loop.poll_until([&] { return client.ended(); }));
        CHECK(client.ended_well());
        CHECK(client.status() == status);
        CHECK(client.body() == "page " + std::to_string(status));
        CHECK(made == 1);
        CHECK(loop.log().contains(said));
        CHECK_FALSE(loop.log().contains("cannot be sent"));
        CHECK(loop.log().contains("without an answer") == (said == "without an answer"));
    };
    fails(blocking([](blocking_request&) { throw std::runtime_error("from a thread"); }), 500,
          "from a thread");
    fails(blocking([](blocking_request&) {}), 500, "without an answer");
    fails(
        [](request& req, responder respond) {
            remote_responder(req, std::move(respond)).post([](const responder&) {
                throw std::runtime_error("from a callback");
            });
        },
        500, "from a callback");
    fails(
        [](request& req, responder respond) {
            remote_responder(req, std::move(respond)).send(200, {{"X-Bad", "a\nb"}}, "");
        },
        500, "X-Bad");
    fails(
        [](request& req, responder respond) -> task<void> {
            co_await req.body().buffer();
            respond.send(200, {{"Content-Type", "text/plain"}}, "");
        },
        400, "answered with 400", {{"CONTENT_LENGTH", "10"}});
}

TEST_CASE("R40: what is thrown after the head is no page")
{
    asked a([](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("begun");
        throw std::runtime_error("too late");
    });
    CHECK(a.client.ended());
    CHECK_FALSE(a.client.ended_well());
    CHECK(a.client.body() == "begun");
}

TEST_CASE("F11: an app whose client has left is not answered for")
{
    asked a([](request&, responder) -> task<void> { co_await sleep_for(std::chrono::hours(1)); });
    a.client.leave();
    a.loop.poll();
    CHECK(a.client.ended());
    CHECK_FALSE(a.loop.log().contains("the app failed"));
    CHECK(a.loop.statistics().active == 0);
}

TEST_CASE("error_pages: a client that leaves is no fault of an app that answers later")
{
    std::optional<responder> kept;
    fake_loop loop(middleware::error_pages([&](request& req, responder respond) {
        kept.emplace(std::move(respond));
        req.on_end([&] { kept.reset(); });
    }));
    fake_host client(loop);
    client.request();
    loop.poll();
    client.leave();
    CHECK(loop.poll_until([&] { return loop.statistics().active == 0; }));
    CHECK_FALSE(loop.log().contains("without an answer"));
}

TEST_CASE("error_pages: pages of one's own, and those that fail")
{
    const auto json = [](const request& req, response& page) {
        page.headers.set("Content-Type", "application/json");
        page.body = R"({"status":)" + std::to_string(page.status) + R"(,"for":")" +
                    std::string(req.env().path_info()) + "\"}";
    };
    asked a(throws, "", json);
    CHECK(a.client.header("Content-Type") == "application/json");
    CHECK(a.client.body() == R"({"status":500,"for":"/"})");

    asked fails(throws, "", [](const request&, response& page) {
        page.body = "half";
        throw std::runtime_error("of the page");
    });
    CHECK(fails.client.body() == "500 Internal Server Error\n");
    CHECK(fails.loop.log().contains("of the page"));

    asked streams(throws, "", [](const request&, response& page) {
        page.body = std::vector<std::string>{"in ", "pieces"};
    });
    CHECK(streams.client.body() == "500 Internal Server Error\n");
    CHECK(streams.loop.log().contains("is to be a string"));

    asked bad(throws, "", [](const request&, response& page) { page.headers.add("X\n", "y"); });
    CHECK(bad.client.status() == 500);
    CHECK(bad.client.body() == "500 Internal Server Error\n");
    CHECK(bad.loop.log().contains("the error page cannot be sent"));
}
