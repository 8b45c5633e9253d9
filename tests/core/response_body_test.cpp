// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// R42-R44: which responses have a body, and how long it is.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <optional>
#include <vector>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("R42: HEAD gets the headers of GET and no body - writes succeed and send nothing")
{
    struct row {
        const char* what;
        application app;
    };
    const row rows[] = {
        {"a whole response",
         [](request&, responder respond) -> task<void> {
             respond.send(404, {{"Content-Type", "text/html"}, {"X-More", "1"}}, "not found");
             co_return;
         }},
        {"a large whole response",
         [](request&, responder respond) -> task<void> {
             respond.send(200, {{"Content-Type", "text/html"}}, text_of_size(1'000'000));
             co_return;
         }},
        {"an immediate response",
         [](request&) {
             return response{200, {{"Content-Type", "text/html"}}, "immediate", {}};
         }},
        {"a stream",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(plain_text());
             for (int i = 0; i < 100; ++i)
                 co_await out.write(piece_at(0, 10'000));
             CHECK(out.accepted() == 1'000'000);
         }},
        {"a stream of announced length",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(with_length(1'000'000));
             for (int i = 0; i < 100; ++i)
                 co_await out.write(piece_at(0, 10'000));
             co_await out.flush();
             co_await out.finish();
         }},
        {"every kind of write",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(plain_text());
             CHECK(out.try_write(std::string_view("12345")) == 5);
             const auto large = text_of_size(200'000);
             CHECK(co_await out.async_write(boost::asio::buffer(large), boost::asio::use_awaitable) ==
                   large.size());
             co_await out.async_wait_writable(boost::asio::use_awaitable);
             co_await out.async_flush(boost::asio::use_awaitable);
             CHECK_FALSE(out.error());
         }},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        fake_loop loop(r.app);
        fake_host get(loop);
        get.request("GET");
        fake_host head(loop);
        head.request("HEAD");
        loop.poll();
        CHECK(get.ended_well());
        CHECK(head.ended_well());
        CHECK_FALSE(get.body().empty());
        CHECK(head.body().empty());
        CHECK(head.head() == get.head());
        CHECK(head.received() == get.head());
    }
}

TEST_CASE("R42: a HEAD response shorter than announced is no failure: an app may spare itself the body")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        auto out = respond.start(with_length(1'000'000));
        co_await out.finish();
    });
    fake_host client(loop);
    client.request("HEAD");
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.header("Content-Length") == "1000000");
    CHECK_FALSE(loop.log().contains("error"));
}

TEST_CASE(
    "R43: 204 and 304 have no body and no headers that describe one, for any method and any kind of answer")
{
    for (const int status : {204, 304}) {
        for (const std::string_view method : {"GET", "HEAD", "POST"}) {
            for (const int kind : {0, 1, 2, 3}) {
                CAPTURE(status, method, kind);
                response_head given;
                given.status = status;
                given.headers.add("Content-Type", "text/plain");
                given.headers.add("ETag", "\"x\"");
                given.headers.add("Content-Length", "4");
                given.headers.add("Transfer-Encoding", "chunked");
                std::uint64_t accepted = 0;
                fake_loop loop([&](request&, responder respond) -> task<void> {
                    switch (kind) {
                    case 0: respond.send(response{status, given.headers, "body", {}}); break;
                    case 1: respond.send(response{status, {{"ETag", "\"x\""}}, "", {}}); break;
                    case 2: {
                        auto out = respond.start(given);
                        co_await out.write("body");
                        accepted = out.accepted();
                        break;
                    }
                    default: {
                        auto out = respond.start(given); // and nothing written
                        co_await out.finish();
                    }
                    }
                });
                fake_host client(loop);
                client.request(method);
                loop.poll();
                CHECK(client.ended_well());
                CHECK(client.status() == status);
                CHECK(client.body().empty());
                CHECK(client.header("ETag") == "\"x\"");
                for (const auto* name : {"Content-Type", "Content-Length", "Transfer-Encoding"}) {
                    CAPTURE(name);
                    CHECK_FALSE(client.has_header(name));
                }
                CHECK(accepted == (kind == 2 ? 4u : 0u));
            }
        }
    }
}

TEST_CASE("R42, R43: every status but those has its body, and HEAD none")
{
    for (const int status :
         {200, 201, 202, 203, 206, 300, 301, 302, 303, 307, 308, 400, 404, 418, 500, 503, 999}) {
        for (const std::string_view method : {"GET", "POST", "PUT", "DELETE", "OPTIONS", "X-OWN", "HEAD"}) {
            CAPTURE(status, method);
            fake_loop loop([&](request&, responder respond) -> task<void> {
                auto out = respond.start(plain_text(status));
                co_await out.write("body");
            });
            fake_host client(loop);
            client.request(method);
            loop.poll();
            CHECK(client.ended_well());
            CHECK(client.status() == status);
            CHECK(client.header("Content-Type") == "text/plain");
            CHECK(client.body() == (method == "HEAD" ? "" : "body"));
        }
    }
}

TEST_CASE("R44: a write past Content-Length fails and sends none of the excess - less at the end is an abort")
{
    struct step {
        std::size_t size;
        bool fits;
    };
    struct row {
        const char* what;
        std::uint64_t length;
        std::vector<step> writes;
        bool well;
    };
    const row rows[] = {
        {"exact", 10, {{10, true}}, true},
        {"exact in pieces", 10, {{3, true}, {3, true}, {4, true}}, true},
        {"exact and large", 300'000, {{300'000, true}}, true},
        {"empty", 0, {}, true},
        {"empty, and an empty write", 0, {{0, true}}, true},
        {"empty, and a byte", 0, {{1, false}}, true},
        {"one too many", 10, {{11, false}}, false},
        {"one too many, then right", 10, {{11, false}, {10, true}}, true},
        {"right, then one more", 10, {{10, true}, {1, false}}, true},
        {"the last piece too long, then right", 10, {{8, true}, {3, false}, {2, true}}, true},
        {"large and too long", 300'000, {{300'001, false}, {300'000, true}}, true},
        {"short", 10, {{9, true}}, false},
        {"nothing", 10, {}, false},
        {"short and large", 300'000, {{299'999, true}}, false},
    };
    enum class way { try_write, write, async_write };
    for (const auto& r : rows) {
        for (const auto how : {way::try_write, way::write, way::async_write}) {
            for (const bool finishes : {false, true}) {
                CAPTURE(r.what, static_cast<int>(how), finishes);
                error_code at_end;
                std::uint64_t expected = 0;
                fake_loop loop([&](request&, responder respond) -> task<void> {
                    auto out = respond.start(with_length(r.length));
                    for (const auto& w : r.writes) {
                        const auto piece = piece_at(expected, w.size);
                        error_code ec;
                        try {
                            if (how == way::try_write)
                                CHECK(out.try_write(piece, ec) == (w.fits ? w.size : 0));
                            else if (how == way::write)
                                co_await out.write(piece);
                            else
                                co_await out.async_write(boost::asio::buffer(piece),
                                                         boost::asio::use_awaitable);
                        } catch (const system_error& e) {
                            ec = e.code();
                        }
                        CHECK(ec == (w.fits ? error_code() : error_code(errc::length_exceeded)));
                        if (w.fits)
                            expected += w.size;
                        CHECK(out.accepted() == expected);
                        CHECK_FALSE(out.error()); // that write failed, not the response
                    }
                    if (finishes) {
                        try {
                            co_await out.finish();
                        } catch (const system_error& e) {
                            at_end = e.code();
                        }
                    }
                });
                fake_host client(loop);
                client.request();
                loop.poll();
                CHECK(client.ended());
                CHECK(client.ended_well() == r.well);
                CHECK(client.body() == text_of_size(expected));
                CHECK(client.header("Content-Length") == std::to_string(r.length));
                if (finishes)
                    CHECK(at_end == (r.well ? error_code() : error_code(errc::length_short)));
                CHECK(loop.log().contains("Content-Length says") == !r.well);
            }
        }
    }
}
