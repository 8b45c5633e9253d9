// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// How a response ends that its app does not end properly, and what happens afterwards.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("R39: an exception before the head is a complete 500 in plain text, logged with the request's id")
{
    struct row {
        const char* what;
        application app;
        const char* logged;
    };
    const row rows[] = {
        {"coroutine, at once",
         [](request&, responder) -> task<void> {
             throw std::runtime_error("broken at once");
             co_return;
         },
         "broken at once"},
        {"coroutine, later",
         [](request&, responder) -> task<void> {
             co_await yield();
             throw std::runtime_error("broken later");
         },
         "broken later"},
        {"coroutine, no std::exception",
         [](request&, responder) -> task<void> {
             throw 42;
             co_return;
         },
         "no std::exception"},
        {"coroutine whose responder is kept elsewhere",
         [](request& req, responder respond) -> task<void> {
             req.on_end([kept = std::make_shared<responder>(std::move(respond))] {});
             throw std::runtime_error("broken apart");
             co_return;
         },
         "broken apart"},
        {"a head that is refused",
         [](request&, responder respond) -> task<void> {
             respond.start(200, {{"X-Name", "a\r\nInjected: b"}, {"Content-Type", "text/plain"}});
             co_return;
         },
         "X-Name"},
        {"no coroutine at all",
         [](request&, responder) -> task<void> { throw std::runtime_error("broken before the coroutine"); },
         "broken before the coroutine"},
        {"immediate", [](request&) -> response { throw std::runtime_error("broken immediately"); },
         "broken immediately"},
        {"immediate, no std::exception", [](request&) -> response { throw "text"; }, "no std::exception"},
        {"immediate, a response that is refused",
         [](request&) {
             return response{200, {}, "no type", ""};
         },
         "Content-Type"},
    };
    for (const auto& r : rows) {
        for (const std::string_view method : {"GET", "HEAD"}) {
            CAPTURE(r.what, method);
            fake_loop loop(r.app);
            fake_host client(loop);
            client.request(method);
            const auto id = client.exchange_or_null() ? client.x().id() : 0;
            loop.poll();
            CHECK(client.ended_well());
            CHECK(client.status() == 500);
            CHECK(client.header("Content-Type") == "text/plain; charset=utf-8");
            const std::string body = "The application failed.\n";
            CHECK(client.header("Content-Length") == std::to_string(body.size()));
            CHECK(client.body() == (method == "HEAD" ? "" : body));
            CHECK(loop.log().contains(r.logged));
            if (id > 0)
                CHECK(
                    loop.log().contains("error #" + std::to_string(id) + " " + std::string(method) + " /: "));
        }
    }
}

TEST_CASE("R40, F13: an exception after the head is an aborted response, never a clean end")
{
    struct row {
        const char* what;
        std::function<task<void>(writer&)> before;
        std::string body; // what came before the failure arrives
    };
    const row rows[] = {
        {"nothing written", [](writer&) -> task<void> { co_return; }, ""},
        {"written", [](writer& out) -> task<void> { co_await out.write("some"); }, "some"},
        {"written and seen by the client",
         [](writer& out) -> task<void> {
             co_await out.write("some");
             co_await out.flush();
             co_await yield();
         },
         "some"},
        {"much written", [](writer& out) -> task<void> { co_await out.write(piece_at(0, 300'000)); },
         text_of_size(300'000)},
    };
    for (const auto& r : rows) {
        for (const bool with_announced_length : {false, true}) {
            CAPTURE(r.what, with_announced_length);
            fake_loop loop([&](request&, responder respond) -> task<void> {
                auto out = respond.start(with_announced_length ? with_length(1'000'000) : plain_text());
                co_await r.before(out);
                throw std::runtime_error("broken in mid-body");
            });
            fake_host client(loop);
            client.request();
            loop.poll();
            CHECK(client.ended());
            CHECK_FALSE(client.ended_well());
            CHECK(client.status() == 200);
            CHECK(client.body() == r.body);
            CHECK(loop.log().contains("broken in mid-body"));
        }
    }
}

TEST_CASE("R40: an exception after finish() takes nothing back")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("whole");
        co_await out.finish();
        throw std::runtime_error("too late");
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.body() == "whole");
}

TEST_CASE("R40: an exception after a response that was given whole takes nothing of it back, however large")
{
    for (const std::size_t size : {10u, 1'000'000u}) {
        CAPTURE(size);
        fake_loop loop([&](request&, responder respond) -> task<void> {
            respond.send(200, {{"Content-Type", "text/plain"}}, text_of_size(size));
            throw std::runtime_error("too late");
            co_return;
        });
        fake_host client(loop);
        client.request();
        loop.poll();
        CHECK(client.ended_well());
        CHECK(client.body().size() == size);
        CHECK(loop.log().contains("too late"));
    }
}

TEST_CASE("R41: an app that returns without answering gets a 500")
{
    fake_loop loop([](request&, responder) -> task<void> { co_return; });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.status() == 500);
    CHECK(client.body() == "The application did not answer.\n");
    CHECK(loop.log().contains("error #"));
    CHECK(loop.log().contains("without an answer"));
}

TEST_CASE("R38: a response without any write is valid and empty")
{
    const application apps[] = {
        [](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.finish();
        },
        [](request&, responder respond) -> task<void> {
            respond.start(plain_text());
            co_return;
        },
        [](request&, responder respond) -> task<void> {
            auto out = respond.start(with_length(0));
            co_return;
        },
        [](request&, responder respond) -> task<void> {
            respond.send(200, {{"Content-Type", "text/plain"}}, "");
            co_return;
        },
    };
    for (std::size_t i = 0; i < std::size(apps); ++i) {
        CAPTURE(i);
        fake_loop loop(apps[i]);
        fake_host client(loop);
        client.request();
        loop.poll();
        CHECK(client.ended_well());
        CHECK(client.status() == 200);
        CHECK(client.body().empty());
    }
}

TEST_CASE("R41: a writer dropped while the app runs leaves the end to the app")
{
    for (const bool fails : {false, true}) {
        CAPTURE(fails);
        fake_loop loop([&](request&, responder respond) -> task<void> {
            {
                auto out = respond.start(plain_text());
                co_await out.write("text");
            }
            co_await yield();
            co_await yield();
            if (fails)
                throw std::runtime_error("after all");
        });
        fake_host client(loop);
        client.request();
        loop.poll(2);
        CHECK_FALSE(client.ended());
        loop.poll();
        CHECK(client.ended());
        CHECK(client.ended_well() == !fails);
        CHECK(client.body() == "text");
    }
}

TEST_CASE("F13: abort() gives the response up, but what was written before goes out")
{
    error_code after;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("half");
        out.abort();
        out.try_write(std::string_view("more"), after);
        out.abort();
    });
    fake_host client(loop);
    client.stall();
    client.request();
    loop.poll();
    CHECK(after == errc::aborted);
    CHECK_FALSE(client.ended());
    client.take_all();
    CHECK(client.ended());
    CHECK_FALSE(client.ended_well());
    CHECK(client.body() == "half");
}

TEST_CASE("R41: an app that returns while its write is pending and its writer is gone does not hang")
{
    error_code result;
    bool completed = false;
    const std::string body = text_of_size(200'000);
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        out.async_write(boost::asio::buffer(body), [&](error_code ec, std::size_t) {
            result = ec;
            completed = true;
        });
        co_return;
    });
    fake_host client(loop);
    client.stall();
    client.request();
    loop.poll();
    client.take_all();
    loop.poll();
    CHECK(client.ended());
    CHECK_FALSE(client.ended_well());
    CHECK(completed);
    CHECK(result == errc::aborted);
}

TEST_CASE("R39, R40: a callback that throws fails its own request, as a coroutine would")
{
    for (const bool answered : {false, true}) {
        CAPTURE(answered);
        std::optional<responder> kept;
        std::optional<writer> out;
        std::string buffer(100, ' ');
        fake_loop loop([&](request& req, responder respond) -> task<void> {
            if (answered)
                out.emplace(respond.start(plain_text()));
            else
                kept.emplace(std::move(respond));
            req.body().async_read(boost::asio::buffer(buffer),
                                  [](error_code, std::size_t) { throw std::runtime_error("not my day"); });
            co_return;
        });
        fake_host client(loop);
        client.request("POST", {{"CONTENT_LENGTH", "4"}}, true);
        loop.poll();
        client.feed_all("body");
        loop.poll();
        CHECK(loop.log().contains("not my day"));
        CHECK(client.status() == (answered ? 200 : 500));
        CHECK(client.ended_well() != answered);
        kept.reset();
        out.reset();
        loop.poll();
    }
}

TEST_CASE("R39, R40: so does a callback of what need not wait: an empty write, an operation too many")
{
    const auto fail = [](error_code, auto...) { throw std::runtime_error("not my day"); };
    for (const std::string_view what : {"empty write", "second write", "second read"}) {
        CAPTURE(what);
        std::optional<writer> out;
        std::string buffer(100'000, ' '), small(1, ' ');
        fake_loop loop([&](request& req, responder respond) -> task<void> {
            out.emplace(respond.start(plain_text()));
            if (what == "empty write") {
                out->async_write(boost::asio::const_buffer(), fail);
            } else if (what == "second write") {
                out->async_write(boost::asio::buffer(buffer), [](error_code, std::size_t) {});
                out->async_wait_writable(fail);
            } else {
                req.body().async_read(boost::asio::buffer(buffer), [](error_code, std::size_t) {});
                req.body().async_read(boost::asio::buffer(small), fail);
            }
            co_return;
        });
        fake_host client(loop);
        client.stall();
        client.request("POST", {{"CONTENT_LENGTH", "4"}}, true);
        CHECK_NOTHROW(loop.poll());
        CHECK(loop.log().contains("not my day"));
        client.take_all();
        loop.poll();
        CHECK(client.ended());
        CHECK_FALSE(client.ended_well());
        out.reset();
        loop.poll();
    }
}
