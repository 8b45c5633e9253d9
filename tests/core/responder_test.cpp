// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/responder.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <functional>
#include <memory>
#include <optional>

using namespace sluice;
using namespace sluice::test;

namespace {

// How a call of the responder failed; no error when it did not.
struct failure {
    error_code ec;
    std::string text;
};

failure failure_of(const std::function<void()>& call)
{
    try {
        call();
    } catch (const system_error& e) {
        return {e.code(), e.what()};
    }
    return {};
}

} // namespace

TEST_CASE("R22, R23: status, reason and headers go out as they were given, in order, repeated ones as "
          "separate lines")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        response_head head;
        head.status = 299;
        head.reason = "Fine Indeed";
        head.headers.add("X-B", "2");
        head.headers.add("Content-Type", "text/plain");
        head.headers.add("Set-Cookie", "a=1");
        head.headers.add("x-b", "3");
        head.headers.add("Set-Cookie", "b=2");
        auto out = respond.start(std::move(head));
        co_await out.write("body");
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.received() ==
          "Status: 299 Fine Indeed\r\nX-B: 2\r\nContent-Type: text/plain\r\nSet-Cookie: a=1\r\n"
          "x-b: 3\r\nSet-Cookie: b=2\r\n\r\nbody");
}

TEST_CASE("R22-R26: a head that breaks a rule is refused with its culprit named, nothing is sent, and "
          "another may follow")
{
    struct row {
        const char* what;
        int status;
        std::vector<field> headers;
        errc expected;
        const char* named;
    };
    const row rows[] = {
        {"R22: status 0", 0, {{"Content-Type", "text/plain"}}, errc::bad_status, "0"},
        {"R22: status 99", 99, {{"Content-Type", "text/plain"}}, errc::bad_status, "99"},
        {"R22: interim", 100, {}, errc::bad_status, "100"},
        {"R22: status 1000", 1000, {{"Content-Type", "text/plain"}}, errc::bad_status, "1000"},
        {"R24: Status",
         200,
         {{"Status", "200"}, {"Content-Type", "text/plain"}},
         errc::bad_header_name,
         "Status"},
        {"R24: no token", 200, {{"X Y", "1"}, {"Content-Type", "text/plain"}}, errc::bad_header_name, "X Y"},
        {"R24: empty", 200, {{"", "1"}, {"Content-Type", "text/plain"}}, errc::bad_header_name, ""},
        {"R24: ends in -", 200, {{"X-", "1"}, {"Content-Type", "text/plain"}}, errc::bad_header_name, "X-"},
        {"R25: CR LF",
         200,
         {{"X", "1\r\nY: 2"}, {"Content-Type", "text/plain"}},
         errc::bad_header_value,
         "X"},
        {"R25: NUL",
         200,
         {{"X", std::string_view("a\0b", 3)}, {"Content-Type", "a/b"}},
         errc::bad_header_value,
         "X"},
        {"R26: no type", 200, {{"X", "1"}}, errc::missing_content_type, "200"},
        {"R27: no number",
         200,
         {{"Content-Type", "text/plain"}, {"Content-Length", "many"}},
         errc::bad_header_value,
         "many"},
        {"larger than limits::response_head",
         200,
         {{"Content-Type", "text/plain"}, {"X", text_of_size(0).append(20'000, 'x')}},
         errc::bad_header_value,
         "limits::response_head"},
    };
    for (const auto& r : rows) {
        for (const bool whole : {false, true}) {
            CAPTURE(r.what, whole);
            const std::string large(20'000, 'x');
            failure f;
            std::uint64_t sent_then = 1;
            fake_host* the_client = nullptr;
            fake_loop loop([&](request&, responder respond) -> task<void> {
                f = failure_of([&] {
                    response_head head;
                    head.status = r.status;
                    for (const auto& h : r.headers)
                        head.headers.add(h.name, h.name == "X" && h.value.size() > 19'000 ? large : h.value);
                    if (whole)
                        respond.send(response{head.status, head.headers, "body", {}});
                    else
                        respond.start(std::move(head));
                });
                co_await yield();
                sent_then = the_client->received_bytes();
                respond.send(200, {{"Content-Type", "text/plain"}}, "after all");
            });
            fake_host client(loop);
            the_client = &client;
            client.request();
            loop.poll();
            CHECK(f.ec == r.expected);
            CHECK(f.text.find(r.named) != std::string::npos);
            CHECK(f.text.find("sluice::responder") != std::string::npos);
            CHECK(sent_then == 0);
            CHECK(client.ended_well());
            CHECK(client.body() == "after all");
            CHECK(client.header("Content-Type") == "text/plain");
            CHECK(client.header("X").empty()); // of the head that was refused nothing is left
        }
    }
}

TEST_CASE("R28: for a complete body the length is computed when none was given, and checked when one was")
{
    struct row {
        const char* what;
        std::string_view method;
        const char* given; // nullptr: none
        std::size_t size;
        errc expected; // 0: sent
    };
    constexpr errc none{};
    const row rows[] = {
        {"computed", "GET", nullptr, 5, none},
        {"computed, empty", "GET", nullptr, 0, none},
        {"computed, large", "GET", nullptr, 1'000'000, none},
        {"computed for HEAD", "HEAD", nullptr, 5, none},
        {"given", "GET", "5", 5, none},
        {"too much was written", "GET", "4", 5, errc::length_exceeded},
        {"HEAD may say more than it gives", "HEAD", "123456", 0, none},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        failure f;
        fake_loop loop([&](request&, responder respond) -> task<void> {
            f = failure_of([&] {
                response answer{200, {{"Content-Type", "text/plain"}}, text_of_size(r.size), {}};
                if (r.given)
                    answer.headers.add("Content-Length", r.given);
                respond.send(std::move(answer));
            });
            co_return;
        });
        fake_host client(loop);
        client.request(r.method);
        loop.poll();
        CHECK(f.ec == (r.expected == none ? error_code() : error_code(r.expected)));
        CHECK(client.ended_well());
        if (r.expected == none) {
            CHECK(client.header("Content-Length") == (r.given ? r.given : std::to_string(r.size)));
            CHECK(client.body() == (r.method == "HEAD" ? "" : text_of_size(r.size)));
        } else {
            CHECK(client.status() == 500);
        }
    }
}

TEST_CASE("R28: a body shorter than its announced length is refused before anything is sent")
{
    failure f;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        f = failure_of([&] {
            respond.send(200, {{"Content-Type", "text/plain"}, {"Content-Length", "6"}}, "five!");
        });
        co_return;
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(f.ec);
    CHECK(client.ended_well());
    CHECK(client.status() == 500);
}

TEST_CASE("R29: a whole body is released when it is sent, and when the client has gone")
{
    const std::string body = text_of_size(2 << 20);
    for (const bool leaves : {false, true}) {
        CAPTURE(leaves);
        fake_loop loop([&](request&, responder respond) -> task<void> {
            respond.send(200, {{"Content-Type", "text/plain"}}, body);
            co_return;
        });
        fake_host client(loop);
        client.stall();
        client.request();
        for (int i = 0; i < 20; ++i) {
            loop.poll();
            client.take(10'000);
            CHECK(client.held() <= 64 * 1024);
        }
        if (leaves)
            client.leave();
        else
            client.take_all();
        loop.poll();
        CHECK(client.ended_well() == !leaves);
        if (!leaves)
            CHECK(client.body() == body);
        CHECK(loop.statistics().pool_in_use == 0);
        CHECK(loop.statistics().active == 0);
    }
}

TEST_CASE("R30: a body that looks like headers passes untouched")
{
    const std::string body = "Status: 404 Not Found\r\nContent-Type: text/html\r\n\r\n\r\nHTTP/1.1 500\r\n";
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        for (const char c : body)
            co_await out.write(std::string_view(&c, 1));
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.body() == body);
}

TEST_CASE("R32, F30: a second call is an error and leaves the first response whole")
{
    using call = std::function<void(responder&, std::optional<writer>&)>;
    const auto start = [](responder& r, std::optional<writer>& w) { w.emplace(r.start(plain_text())); };
    const auto send = [](responder& r, std::optional<writer>&) {
        r.send(200, {{"Content-Type", "text/plain"}}, "whole");
    };
    const auto bad = [](responder& r, std::optional<writer>&) { r.send(42, {}, "whole"); };
    struct row {
        const char* what;
        call first;
        call second;
        bool let_it_end;
    };
    const row rows[] = {
        {"start, start", start, start, false},
        {"start, send", start, send, false},
        {"send, start", send, start, false},
        {"send, send", send, send, false},
        {"send, a bad one", send, bad, false},
        {"send, start when it is over", send, start, true},
        {"send, send when it is over", send, send, true},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        failure f;
        fake_loop loop([&](request&, responder respond) -> task<void> {
            std::optional<writer> out;
            std::optional<writer> second;
            r.first(respond, out);
            if (out)
                co_await out->write("who");
            if (r.let_it_end) {
                co_await yield();
                co_await yield();
            }
            f = failure_of([&] { r.second(respond, second); });
            CHECK_FALSE(second);
            if (out)
                co_await out->write("le");
        });
        fake_host client(loop);
        client.request();
        loop.poll();
        CHECK(f.ec == errc::already_responded);
        CHECK(client.ended_well());
        CHECK(client.status() == 200);
        CHECK(client.body() == "whole");
    }
}

TEST_CASE("R31: dropping a responder that was called does nothing")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        std::optional<writer> out;
        {
            responder mine(std::move(respond));
            out.emplace(mine.start(plain_text()));
        }
        co_await yield();
        co_await out->write("text");
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.status() == 200);
    CHECK(client.body() == "text");
}

TEST_CASE("exchange: a request that breaks CGI's rules is answered 400 without the app")
{
    bool ran = false;
    fake_loop loop([&](request&, responder) -> task<void> {
        ran = true;
        co_return;
    });
    fake_host client(loop);
    CHECK_FALSE(client.request("POST", {{"CONTENT_LENGTH", "-1"}}, true));
    loop.poll();
    CHECK_FALSE(ran);
    CHECK(client.ended_well());
    CHECK(client.status() == 400);
    CHECK(loop.log().contains("refused with 400"));
    CHECK(loop.log().contains("CONTENT_LENGTH"));
}

TEST_CASE("R34: a responder that the app keeps may outlive the loop's last turn")
{
    std::weak_ptr<std::optional<responder>> watched;
    {
        auto kept = std::make_shared<std::optional<responder>>();
        watched = kept;
        fake_loop loop([kept = std::move(kept)](request&, responder respond) -> task<void> {
            kept->emplace(std::move(respond));
            co_return;
        });
        fake_host client(loop);
        client.request();
        loop.poll();
        CHECK(watched.lock()->has_value());
        client.leave();
    } // the app goes with the loop, and with it the responder, which gives its exchange back
    CHECK(watched.expired());
}
