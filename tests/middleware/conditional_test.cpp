// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/conditional.hpp>

#include <sluice/detail/http_validators.hpp>
#include <sluice/middleware/gzip.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

struct asked {
    asked(application app, std::string_view method, std::initializer_list<field> headers)
        : loop(std::move(app)), client(loop)
    {
        client.request(method, headers);
        loop.poll();
        REQUIRE(client.ended());
    }
    fake_loop loop;
    fake_host client;
};

const char* const then = "Sun, 06 Nov 1994 08:49:37 GMT";

response page(int status = 200)
{
    return {status,
            {{"Content-Type", "text/html"},
             {"Content-Language", "en"},
             {"ETag", "\"x\""},
             {"Last-Modified", then},
             {"Cache-Control", "max-age=9"}},
            "the body",
            "So So"};
}

application whole(int status = 200)
{
    return [status](request&) { return page(status); };
}

application streamed()
{
    return [](request&, responder respond) -> task<void> {
        auto answer = page();
        response_head head;
        head.headers = answer.headers;
        head.headers.add("Content-Length", "200000");
        auto out = respond.start(std::move(head));
        co_await out.write(piece_at(0, 100'000));
        co_await out.flush();
        co_await out.write(piece_at(100'000, 100'000));
        co_await out.finish();
    };
}

} // namespace

TEST_CASE(
    "conditional: a part of what the client has is 304 too: conditions come before ranges (RFC 9110 13.2.2)")
{
    const application part = [](request&) {
        auto r = page(206);
        r.headers.add("Content-Range", "bytes 0-7/100");
        return r;
    };
    asked has(middleware::conditional(part), "GET",
              {{"HTTP_IF_NONE_MATCH", "\"x\""}, {"HTTP_RANGE", "bytes=0-7"}});
    CHECK(has.client.head().find("Status: 304") == 0);
    CHECK(has.client.head().find("Content-Range") == std::string::npos);
    asked has_not(middleware::conditional(part), "GET",
                  {{"HTTP_IF_NONE_MATCH", "\"y\""}, {"HTTP_RANGE", "bytes=0-7"}});
    CHECK(has_not.client.head().find("Status: 206") == 0);
}

TEST_CASE("conditional: 304 for what the client has, without body and what describes it (R43)")
{
    const bool stream = GENERATE(false, true);
    const char* const method = GENERATE("GET", "HEAD");
    CAPTURE(stream, method);
    const auto app = middleware::conditional(stream ? streamed() : whole());
    asked a(app, method, {{"HTTP_IF_NONE_MATCH", "\"x\""}});
    CHECK(a.client.ended_well());
    CHECK(a.client.received() ==
          "Status: 304 Not Modified\r\nETag: \"x\"\r\nCache-Control: max-age=9\r\n\r\n");

    asked other(app, method, {{"HTTP_IF_NONE_MATCH", "\"a\""}});
    CHECK(other.client.ended_well());
    CHECK(other.client.status() == 200);
    CHECK(other.client.header("Content-Length") == (stream ? "200000" : "8"));
    CHECK(other.client.body().size() == (method == std::string_view("HEAD") ? 0 : stream ? 200'000 : 8));
}

TEST_CASE("conditional: 412 for another than the client asked for, whatever the app writes")
{
    const bool stream = GENERATE(false, true);
    const char* const method = GENERATE("GET", "HEAD");
    CAPTURE(stream, method);
    asked a(middleware::conditional(stream ? streamed() : whole()), method, {{"HTTP_IF_MATCH", "\"a\""}});
    CHECK(a.client.ended_well());
    CHECK(a.client.status() == 412);
    CHECK(a.client.header("Content-Type") == "text/plain; charset=utf-8");
    for (const char* const name : {"ETag", "Last-Modified", "Content-Language", "Cache-Control"})
        CHECK_FALSE(a.client.has_header(name));
    CHECK(a.client.body() ==
          (method == std::string_view("HEAD") ? "" : "The precondition of this request does not hold.\n"));
    CHECK(a.client.header("Content-Length") == (stream ? "" : "48"));
}

TEST_CASE("F4: conditional: a 412 for an app that writes without end is complete, and the app is told")
{
    for (const auto* method : {"GET", "HEAD"}) {
        CAPTURE(method);
        error_code told;
        fake_loop loop(middleware::conditional([&](request&, responder respond) -> task<void> {
            response_head head;
            head.headers = page().headers;
            auto out = respond.start(std::move(head));
            try {
                for (;;)
                    co_await out.write(piece_at(0, 10'000));
            } catch (const system_error& e) {
                told = e.code();
                throw;
            }
        }));
        fake_host client(loop);
        client.request(method, {{"HTTP_IF_MATCH", "\"other\""}});
        CHECK(loop.poll_until([&] { return client.ended(); }));
        CHECK(client.ended_well());
        CHECK(client.status() == 412);
        CHECK(
            client.body() ==
            (method == std::string_view("HEAD") ? "" : "The precondition of this request does not hold.\n"));
        CHECK(told == errc::client_gone);
        CHECK_FALSE(loop.log().contains("the app failed"));
    }
}

TEST_CASE("conditional: no ETag is made of a body that is not there: the server in front sends the file")
{
    const application handed = [](request&) {
        return response{200, {{"Content-Type", "text/plain"}, {"X-Sendfile", "/srv/a"}}, "", {}};
    };
    asked a(middleware::conditional(handed, {.hashed_body = 1000}), "GET", {});
    CHECK_FALSE(a.client.has_header("ETag"));
    const application tagged = [](request&) {
        return response{
            200, {{"Content-Type", "text/plain"}, {"ETag", "\"x\""}, {"X-Sendfile", "/srv/a"}}, "", {}};
    };
    asked again(middleware::conditional(tagged), "GET", {{"HTTP_IF_NONE_MATCH", "\"x\""}});
    CHECK(again.client.status() == 304);
    CHECK_FALSE(again.client.has_header("X-Sendfile"));
}

TEST_CASE("conditional: other methods and other answers are left alone")
{
    for (const int status : {201, 404, 500}) {
        asked a(middleware::conditional(whole(status)), "GET",
                {{"HTTP_IF_NONE_MATCH", "*"}, {"HTTP_IF_MATCH", "\"a\""}});
        CHECK(a.client.status() == status);
        CHECK(a.client.body() == "the body");
        CHECK_THAT(a.client.received(), Catch::Contains("So So"));
    }
    for (const char* const method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
        asked a(middleware::conditional(whole(), {.hashed_body = 1000}), method,
                {{"HTTP_IF_NONE_MATCH", "*"}, {"HTTP_IF_MATCH", "\"a\""}});
        CHECK(a.client.status() == 200);
    }
}

TEST_CASE("conditional: an ETag of the content of bodies given whole")
{
    std::string body = "content";
    std::string control;
    const auto app = middleware::conditional(
        [&](request&) {
            response r{200, {{"Content-Type", "text/plain"}}, body, {}};
            if (!control.empty())
                r.headers.add("Cache-Control", control);
            return r;
        },
        {.hashed_body = 10});
    const auto tag_of = [&] { return asked(app, "GET", {}).client.header("ETag"); };
    const auto tag = tag_of();
    CHECK(detail::parse_entity_tag(tag).has_value());
    CHECK(tag_of() == tag);
    asked again(app, "GET", {{"HTTP_IF_NONE_MATCH", tag}});
    CHECK(again.client.status() == 304);
    CHECK(asked(app, "HEAD", {}).client.header("ETag") == tag);
    body = "Content";
    CHECK(tag_of() != tag);
    body = "over its limit";
    CHECK(tag_of().empty());
    body = "content";
    control = "private, no-store";
    CHECK(tag_of().empty());
    asked own(middleware::conditional(whole(), {.hashed_body = 1000}), "GET", {});
    CHECK(own.client.header("ETag") == "\"x\"");
}

TEST_CASE("conditional within gzip: the tag of the compressed body is good for the next request")
{
    const std::string text(5000, 'a');
    const auto app = middleware::gzip(middleware::conditional(
        [&](request&) {
            return response{200, {{"Content-Type", "text/plain"}}, text, {}};
        },
        {.hashed_body = 10'000}));
    asked first(app, "GET", {{"HTTP_ACCEPT_ENCODING", "gzip"}});
    CHECK(first.client.header("Content-Encoding") == "gzip");
    const auto tag = first.client.header("ETag");
    CHECK(tag.starts_with("W/"));
    asked second(app, "GET", {{"HTTP_ACCEPT_ENCODING", "gzip"}, {"HTTP_IF_NONE_MATCH", tag}});
    CHECK(second.client.status() == 304);
    CHECK(second.client.header("ETag") == tag);
    CHECK(second.client.header("Vary") == "Accept-Encoding");
}

TEST_CASE("R42: an app that knows no HEAD gets a GET, and its body is not sent")
{
    asked a(middleware::head_as_get([](request& req) {
                CHECK(req.env().method() == "GET");
                return page();
            }),
            "HEAD", {});
    CHECK(a.client.status() == 200);
    CHECK(a.client.header("Content-Length") == "8");
    CHECK(a.client.body().empty());
}
