// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The blocking shape and the request's body: taken in before a thread is, or read by the thread as it comes.
#include <sluice/blocking.hpp>

#include "core/blocking_support.hpp"
#include "support/catch.hpp"

#include <istream>
#include <iterator>
#include <string>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("R17, R19: in reads the body to its end, binary, however it comes")
{
    app_checks checks;
    const std::string body = binary(30'000);
    const std::size_t cuts[] = {1, 7, 8192, 30'000};
    for (int i = 0; i < 8; ++i) {
        const auto cut = cuts[i / 2];
        const bool buffered = i % 2 == 1;
        CAPTURE(cut, buffered);
        asked a(blocking(
            [&](blocking_request& r) {
                const std::string got{std::istreambuf_iterator<char>(r.in()), {}};
                r.in().get();
                checks(r.in().eof(), "r.in().eof()");
                checks(!r.in().bad(), "not r.in().bad()");
                start_text(r) << (got == body ? "same" : "other");
            },
            buffered ? blocking_options() : unbuffered()));
        a.client.request("POST", {{"CONTENT_LENGTH", "30000"}}, true);
        std::size_t at = 0;
        const std::size_t step = cut == 1 ? 999 : cut; // one byte alone, then the rest
        CHECK(a.loop.poll_until([&] {
            const auto next = std::min(at == 0 ? cut : step, body.size() - at);
            at += a.client.feed(std::string_view(body).substr(at, next));
            return at == body.size();
        }));
        a.client.end_body();
        CHECK(a.until_ended());
        CHECK(a.client.body() == "same");
    }
    CHECK(checks.failed() == "");
}

TEST_CASE(
    "R18: a body that comes slowly takes no thread until all of it is there - one over the limit, or of "
    "unknown length, does")
{
    blocking_options options;
    options.threads = 1;
    options.buffered_body = 10;
    std::atomic<int> begun{0};
    fake_loop loop(blocking(
        [&](blocking_request& r) {
            ++begun;
            std::string got;
            std::getline(r.in(), got);
            start_text(r) << "got " << got;
        },
        options));
    fake_host slow(loop), other(loop), large(loop), unknown(loop);
    slow.request("POST", {{"CONTENT_LENGTH", "10"}}, true);
    slow.feed("1234");
    other.request();
    CHECK(loop.poll_until([&] { return other.ended(); }));
    CHECK(other.body() == "got ");
    CHECK(begun == 1);
    CHECK_FALSE(slow.ended());
    slow.feed("567890");
    slow.end_body();
    CHECK(loop.poll_until([&] { return slow.ended(); }));
    CHECK(slow.body() == "got 1234567890");

    large.request("POST", {{"CONTENT_LENGTH", "11"}}, true);
    CHECK(loop.poll_until([&] { return begun == 3; }));
    large.feed("1234567890\n");
    large.end_body();
    CHECK(loop.poll_until([&] { return large.ended(); }));
    unknown.request("POST", {}, true);
    CHECK(loop.poll_until([&] { return begun == 4; }));
    unknown.feed("12\n");
    unknown.end_body();
    CHECK(loop.poll_until([&] { return unknown.ended(); }));
    CHECK(unknown.body() == "got 12");
}

TEST_CASE(
    "R18, R19: a buffered body that is cut short is a 400 without the app - a client that leaves, nothing")
{
    for (const bool leaves : {false, true}) {
        flag called{false};
        asked a(blocking([&](blocking_request& r) {
            called = true;
            start_text(r);
        }));
        a.client.request("POST", {{"CONTENT_LENGTH", "100"}}, true);
        a.client.feed("a b c");
        if (leaves)
            a.client.leave();
        else
            a.client.end_body();
        CHECK(a.until_ended());
        CHECK(a.client.status() == (leaves ? 0 : 400));
        CHECK_FALSE(called);
        CHECK_FALSE(a.loop.log().contains("the app failed"));
    }
}

TEST_CASE("R17: a middleware that has read some of the body leaves the rest to a blocking app")
{
    for (const std::size_t before : {1u, 10u}) {
        const auto app = blocking([](blocking_request& r) {
            std::string rest;
            std::getline(r.in(), rest);
            start_text(r) << "rest " << rest;
        });
        asked a([app, before](request& req, responder respond) -> task<void> {
            std::string some(before, '\0');
            co_await req.body().read(boost::asio::buffer(some));
            co_await app(req, std::move(respond));
        });
        a.client.request("POST", {{"CONTENT_LENGTH", "10"}}, true);
        a.client.feed("1234567890");
        a.client.end_body();
        CHECK(a.until_ended());
        CHECK(a.client.body() == "rest " + std::string("1234567890").substr(before));
    }
}

TEST_CASE("R19, R39: an app that did not look at a body that was cut short answers 400")
{
    asked a(blocking(
        [](blocking_request& r) {
            std::string word, all;
            while (r.in() >> word)
                all += word;
            start_text(r) << all;
        },
        unbuffered()));
    a.client.request("POST", {{"CONTENT_LENGTH", "100"}}, true);
    a.client.feed("a b c");
    a.client.end_body();
    CHECK(a.until_ended());
    CHECK_FALSE((a.client.ended_well() && a.client.status() == 200));
}

TEST_CASE("R19: a body that is cut short is an error of in, not its end")
{
    for (const bool thrown : {false, true}) {
        asked a(blocking(
            [&](blocking_request& r) {
                std::string got(10, '\0');
                if (thrown)
                    r.in().exceptions(std::ios::badbit);
                std::string what;
                try {
                    r.in().read(got.data(), 10);
                } catch (const system_error& e) {
                    what = e.code() == errc::body_incomplete ? "thrown" : e.what();
                }
                start_text(r) << (r.in().bad() ? "bad " : "good ") << r.in().gcount() << what;
                r.in().clear(); // it has been dealt with
            },
            unbuffered()));
        a.client.request("POST", {{"CONTENT_LENGTH", "10"}}, true);
        a.client.feed("1234");
        a.client.end_body();
        CHECK(a.until_ended());
        CHECK_THAT(a.client.body(), Catch::StartsWith("bad "));
        CHECK((a.client.body().find("thrown") != std::string::npos) == thrown);
    }
}

TEST_CASE("F12: the client leaves while the app waits for the body")
{
    flag running{false}, bad{false};
    asked a(blocking(
        [&](blocking_request& r) {
            running = true;
            std::string line;
            std::getline(r.in(), line);
            bad = r.in().bad();
        },
        unbuffered()));
    a.client.request("POST", {{"CONTENT_LENGTH", "10"}}, true);
    a.client.feed("1234");
    CHECK(a.loop.poll_until([&] { return running.load(); }));
    a.client.leave();
    CHECK(a.loop.poll_until([&] { return bad.load(); }));
}
