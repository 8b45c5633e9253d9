// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <sluice/detail/text.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

// Says what it was asked, after it has read all of the body.
task<void> echo(request& req, responder respond)
{
    std::string all;
    std::array<char, 100> buffer;
    while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
        all.append(buffer.data(), n);
    auto out = respond.start(200, {{"Content-Type", "text/plain"}, {"X-Length", std::to_string(all.size())}});
    co_await out.write(all);
}

// A line a second, without end.
task<void> ticks(request& req, responder respond)
{
    auto out = respond.start(plain_text());
    for (;;) {
        req.errors().line("tick");
        co_await out.write("tick\n");
        co_await sleep_for(1s);
    }
}

task<void> endless(request&, responder respond)
{
    auto out = respond.start(plain_text());
    for (;;)
        co_await out.write(piece_at(0, 100'000));
}

} // namespace

TEST_CASE("testing::exchange: an app is asked as behind a web server")
{
    log_capture log;
    std::string seen;
    const auto app = [&](request& req) {
        for (const char* name :
             {"REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI", "SERVER_NAME",
              "CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_X_MORE", "HTTP_HOST", "HTTPS"})
            seen += std::string(name) + '=' + std::string(req.env().get(name)) + '\n';
        response r;
        r.headers = {{"Content-Type", "text/plain"}, {"Set-Cookie", "a"}, {"Set-Cookie", "b"}};
        r.body = "yes";
        return r;
    };
    testing::exchange x(app);
    x.env().set("HTTPS", "on");
    x.request("POST", "/a%20b//c?d=e&f",
              {{"Content-Type", "text/html"}, {"x-more", "1"}, {"X-More", "2"}, {"Host", "example.net"}},
              "<p>");
    CHECK(seen == "REQUEST_METHOD=POST\nSCRIPT_NAME=\nPATH_INFO=/a "
                  "b//c\nQUERY_STRING=d=e&f\nREQUEST_URI=/a%20b//c?d=e&f\n"
                  "SERVER_NAME=localhost\nCONTENT_TYPE=text/html\nCONTENT_LENGTH=3\nHTTP_X_MORE=1, 2\n"
                  "HTTP_HOST=example.net\nHTTPS=on\n");
    CHECK(x.status() == 200);
    CHECK(x.header("content-type") == "text/plain");
    CHECK(x.header("Set-Cookie") == "a\nb");
    CHECK(x.header("Content-Length") == "3");
    CHECK_FALSE(x.has_header("Location"));
    CHECK(x.body() == "yes");
    CHECK(x.complete());
    CHECK(x.ended());
    CHECK_FALSE(x.aborted());
    CHECK(x.returned());
    CHECK(x.held() == 0);
    CHECK_THROWS_AS(x.request("GET"), std::logic_error); // one request each

    seen.clear();
    testing::exchange plain(app);
    plain.request("GET");
    CHECK(
        seen ==
        "REQUEST_METHOD=GET\nSCRIPT_NAME=\nPATH_INFO=/\nQUERY_STRING=\nREQUEST_URI=/\nSERVER_NAME=localhost\n"
        "CONTENT_TYPE=\nCONTENT_LENGTH=\nHTTP_X_MORE=\nHTTP_HOST=localhost\nHTTPS=\n");
    CHECK(plain.complete());
}

TEST_CASE(
    "testing::exchange: a body at once, in pieces at every cut, withheld, cut short, and without its length")
{
    log_capture log;
    const std::string body = "0123456789";
    {
        testing::exchange x(echo);
        x.request("POST", "/", {}, body);
        CHECK(x.body() == body);
        CHECK(x.complete());
    }
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        CAPTURE(cut);
        testing::exchange x(echo);
        x.begin("POST", "/", {{"Content-Length", "10"}});
        x.send(body.substr(0, cut));
        CHECK((x.status() == 200) == (cut == 10)); // the length says that this is all
        x.send(body.substr(cut));
        CHECK(x.body() == body);
        CHECK(x.complete());
    }
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
        CAPTURE(cut);
        testing::exchange x(echo);
        x.begin("POST");
        x.send(body.substr(0, cut));
        CHECK(x.status() == 0); // withheld: the app waits
        CHECK_FALSE(x.returned());
        x.end_body();
        CHECK(x.body() == body.substr(0, cut));
        CHECK(x.complete());
    }
    for (const bool announced : {true, false}) {
        CAPTURE(announced);
        testing::exchange x(echo);
        if (announced)
            x.begin("POST", "/", {{"Content-Length", "10"}});
        else
            x.begin("POST");
        x.send("01234");
        x.cut_body();
        CHECK(x.status() == 400); // R19, and the app does not catch it
        CHECK(x.complete());      // a 400 is a whole response
        CHECK(log.contains("answered with 400"));
    }
}

TEST_CASE("testing::exchange: what the app does not read stays with the server")
{
    log_capture log;
    request* asked = nullptr;
    std::size_t read = 0;
    std::string buffer(100'000, ' ');
    testing::exchange x([&](request& req, responder respond) -> task<void> {
        asked = &req;
        co_await sleep_for(1s);
        while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
            read += n;
        respond.send(204, {}, "");
    });
    const std::string body(1'000'000, 'x');
    x.request("POST", "/", {}, body);
    REQUIRE(asked);
    CHECK(x.unsent() < body.size());
    CHECK(x.unsent() >= body.size() - asked->limits().input_window);
    x.advance(1s);
    CHECK(read == body.size());
    CHECK(x.unsent() == 0);
    CHECK(x.status() == 204);
}

TEST_CASE("testing::exchange: a client that stalls holds the app, and no more than its window")
{
    log_capture log;
    bool written = false;
    testing::exchange x([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write(piece_at(0, 1 << 20));
        written = true;
    });
    x.stall();
    x.request("GET");
    CHECK(x.status() == 0);
    CHECK_FALSE(x.returned());
    x.take(1000);
    CHECK(x.head().size() + x.body().size() == 1000);
    CHECK_FALSE(written);
    CHECK(x.held() > 0);
    std::uint64_t taken = 1000;
    for (int i = 0; i < 10'000 && !x.ended(); ++i) {
        x.take(1000);
        taken += 1000;
    }
    CHECK(written);
    CHECK(x.returned());
    CHECK(x.complete());
    CHECK(taken >= (1 << 20));
    CHECK(x.body() == piece_at(0, 1 << 20));
    CHECK(x.held() == 0);
    CHECK(x.peak_held() > 0);
    CHECK(x.peak_held() <= limits().window);
    std::size_t sum = 0;
    for (const auto n : x.pieces())
        sum += n;
    CHECK(sum == x.head().size() + x.body().size());
}

TEST_CASE("testing::exchange: a clock that only the test moves")
{
    log_capture log;
    testing::exchange x(ticks);
    x.request("GET");
    CHECK(x.body() == "tick\n");
    x.advance(999ms);
    CHECK(x.body() == "tick\n");
    x.advance(1ms);
    CHECK(x.body() == "tick\ntick\n");
    x.advance(1h);
    CHECK(x.body().size() == 5 * (2 + 3600));
    CHECK(x.errors().size() == x.body().size());
    CHECK_FALSE(x.ended());

    // Two that sleep wake up in the order of time, whichever began first; a sleep that is over takes no time at all.
    std::string order;
    testing::exchange y([&](request&, responder respond) -> task<void> {
        const auto begin = std::chrono::steady_clock::now();
        boost::asio::co_spawn(
            co_await boost::asio::this_coro::executor,
            [&]() -> task<void> {
                co_await sleep_for(2s);
                order += 'b';
            },
            boost::asio::detached);
        co_await sleep_for(1s);
        order += 'a';
        co_await sleep_until(begin);
        co_await sleep_for(-1s);
        order += '0';
        co_await sleep_for(2s);
        order += 'c';
        respond.send(204, {}, "");
        co_await sleep_for(std::chrono::steady_clock::duration::max());
    });
    y.request("GET");
    CHECK(order.empty());
    y.advance(1500ms);
    CHECK(order == "a0");
    y.advance(10s);
    CHECK(order == "a0bc");
    CHECK(y.complete());
    CHECK_FALSE(y.returned()); // for ever
}

TEST_CASE("F11, R45: testing::exchange: the client leaves, and an app that sleeps, writes or reads is told")
{
    log_capture log;
    for (const int what : {0, 1, 2, 3}) {
        CAPTURE(what);
        int ends = 0;
        outcome o;
        bool aborted = false;
        testing::exchange x([&](request& req, responder respond) -> task<void> {
            req.on_end([&] { ++ends; });
            co_await note(o, [&]() -> task<void> {
                if (what == 0)
                    return ticks(req, std::move(respond));
                if (what == 1)
                    return endless(req, std::move(respond));
                return echo(req, std::move(respond));
            });
            aborted = req.aborted();
        });
        if (what == 0) {
            x.request("GET");
        } else if (what == 1) {
            x.stall();
            x.request("GET");
        } else {
            x.begin("POST");
            x.send("some");
        }
        CHECK_FALSE(o.ended);
        if (what == 3)
            x.shut_down();
        else
            x.leave();
        CHECK(o.ended);
        CHECK(o.ec);
        CHECK(aborted);
        CHECK(ends == 1);
        CHECK(x.returned());
        CHECK(x.ended());
        CHECK(x.held() == 0);
        if (what == 3) {
            CHECK(x.status() == 503);
        } else {
            CHECK_FALSE(x.complete());
            CHECK_FALSE(x.aborted());
        }
    }
}

TEST_CASE("F10: testing::exchange: the client leaves after so many bytes, wherever that is")
{
    log_capture log;
    for (std::uint64_t n = 0; n < 100; ++n) {
        CAPTURE(n);
        testing::exchange x(ticks);
        x.leave_after(n);
        x.request("GET");
        x.advance(30s); // 30 lines: it meets the end
        CHECK(x.head().size() + x.body().size() == n);
        CHECK(x.ended());
        CHECK(x.returned());
        CHECK_FALSE(x.complete());
        CHECK_FALSE(x.aborted());
    }
}

TEST_CASE(
    "F10: testing::exchange: the client leaves in the middle of the last block, of which nothing is written "
    "behind")
{
    error_code ec;
    testing::exchange x([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write(std::string(100, 'x'));
        try {
            co_await out.flush();
        } catch (const system_error& e) {
            ec = e.code();
        }
    });
    x.leave_after(80);
    x.request("GET");
    CHECK(x.ended());
    CHECK(x.returned());
    CHECK(ec == errc::client_gone);
}

TEST_CASE("testing::exchange: endings of a response are told apart")
{
    log_capture log;
    {
        testing::exchange x([](request&) -> response { throw std::runtime_error("before the head"); });
        x.request("GET");
        CHECK(x.status() == 500);
        CHECK(x.complete());
        CHECK(x.returned());
        CHECK(log.contains("before the head"));
    }
    {
        testing::exchange x([](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write("a part");
            throw std::runtime_error("after the head");
        });
        x.request("GET");
        CHECK(x.status() == 200);
        CHECK(x.body() == "a part");
        CHECK(x.ended());
        CHECK(x.aborted());
        CHECK_FALSE(x.complete());
    }
    {
        testing::exchange x([](request&) { return response{}; }); // no Content-Type
        x.request("GET");
        CHECK(x.status() == 500);
    }
    {
        testing::exchange x([](request&) { return authorization::deny(403, {}, "no"); });
        x.request("GET");
        CHECK(x.status() == 403);
        CHECK(x.complete());
    }
    {
        testing::exchange x(echo);
        x.request("GE T");
        CHECK(x.status() == 400); // R1: refused, and the app not asked
        CHECK_FALSE(x.returned());
    }
}

TEST_CASE(
    "F20, F21: testing::exchange: a client that takes nothing is given up when the limit's time has passed")
{
    log_capture log;
    for (const bool finished : {false, true}) {
        CAPTURE(finished);
        testing::exchange x([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write(std::string(1000, 'x'));
            if (!finished)
                co_await out.flush();
        });
        x.stall();
        x.request("GET");
        const auto patience = finished ? limits().linger : limits().write_stall;
        x.advance(patience - 1s);
        CHECK_FALSE(x.ended());
        x.advance(3s);
        CHECK(x.ended());
        CHECK_FALSE(x.complete());
        CHECK(x.returned());
        CHECK(x.held() == 0);
    }
}

TEST_CASE("R34: testing::exchange: an app that answers from a thread of its own")
{
    log_capture log;
    std::vector<std::thread> threads;
    {
        testing::exchange x([&](request& req, responder respond) -> task<void> {
            threads.emplace_back(
                [ex = req.get_executor(), r = std::make_shared<responder>(std::move(respond))]() mutable {
                    boost::asio::post(ex, [r = std::move(r)] {
                        r->send(200, {{"Content-Type", "text/plain"}}, "late");
                    });
                });
            co_return;
        });
        x.request("GET");
        CHECK(x.returned());
        CHECK(x.run_until([&] { return x.ended(); }));
        CHECK(x.body() == "late");
        CHECK_FALSE(x.run_until([] { return false; }, 1ms));
        threads.front().join();
    }
}

TEST_CASE("testing::exchange: a response without end ends its test, with words that help")
{
    log_capture log;
    testing::exchange x(endless);
    CHECK_THROWS_WITH(x.request("GET"), Catch::Contains("larger than 67108864 bytes"));
    CHECK_FALSE(x.ended());

    // Nothing has to be read of it.
    testing::exchange y(endless);
    y.stall();
    y.request("GET");
    y.take(1'000'000);
    CHECK(y.head().size() + y.body().size() == 1'000'000);
    CHECK_THROWS_AS(testing::exchange(application::filter(echo)).request("GET"), std::logic_error);
}
