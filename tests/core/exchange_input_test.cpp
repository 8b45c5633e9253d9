// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

// Reads the body to its end in pieces of `piece`, by either of the two ways.
task<std::string> read_all(request& req, std::size_t piece, bool by_token)
{
    auto body = req.body();
    std::string all;
    std::string buffer(piece, '\0');
    for (;;) {
        const auto to = boost::asio::buffer(buffer);
        const auto n =
            by_token ? co_await body.async_read(to, boost::asio::use_awaitable) : co_await body.read(to);
        if (n == 0)
            co_return all;
        all.append(buffer, 0, n);
    }
}

} // namespace

TEST_CASE("R17: a body of any bytes is read to its end, whatever the sizes, then the end again")
{
    for (const bool by_token : {false, true}) {
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{300'000}}) {
            for (const std::size_t piece : {std::size_t{1}, std::size_t{777}, std::size_t{65'536}}) {
                for (const bool announced : {false, true}) {
                    if (piece == 1 && size > 1000)
                        continue;
                    CAPTURE(by_token, size, piece, announced);
                    const std::string sent = binary(size);
                    std::string got = "nothing";
                    fake_loop loop([&](request& req, responder respond) -> task<void> {
                        CHECK(req.body().length().has_value() == announced);
                        got = co_await read_all(req, piece, by_token);
                        char more[4];
                        CHECK(co_await req.body().read(boost::asio::buffer(more)) == 0);
                        CHECK(co_await req.body().async_read(boost::asio::buffer(more),
                                                             boost::asio::use_awaitable) == 0);
                        respond.send(200, {{"Content-Type", "text/plain"}}, "read");
                    });
                    fake_host client(loop);
                    const auto length = std::to_string(size);
                    if (announced)
                        client.request("POST", {{"CONTENT_LENGTH", length}}, true);
                    else
                        client.request("POST", {}, true);
                    client.feed_all(sent);
                    loop.poll();
                    CHECK(got == sent);
                    CHECK(client.ended_well());
                    CHECK(client.body() == "read");
                }
            }
        }
    }
}

TEST_CASE(
    "R19: the end is at CONTENT_LENGTH, else where the web server says - less is an error, more is not read")
{
    struct row {
        const char* what;
        std::string_view announced; // "" when there is none
        std::string_view sent;
        bool end_comes;
        std::string_view got;
        error_code ec;
    };
    const row rows[] = {
        {"all", "5", "12345", true, "12345", {}},
        {"all, and no other end", "5", "12345", false, "12345", {}},
        {"nothing", "0", "", true, "", {}},
        {"nothing, and no other end", "0", "", false, "", {}},
        {"too much", "5", "12345678", true, "12345", {}},
        {"too much, and no other end", "5", "12345678", false, "12345", {}},
        {"too little", "5", "1234", true, "1234", errc::body_incomplete},
        {"none of it", "5", "", true, "", errc::body_incomplete},
        {"not announced", "", "12345", true, "12345", {}},
        {"not announced, empty", "", "", true, "", {}},
    };
    for (const auto& r : rows) {
        for (const bool by_token : {false, true}) {
            for (const bool one_by_one : {false, true}) {
                CAPTURE(r.what, by_token, one_by_one);
                bool over = false;
                std::string got;
                error_code ec;
                fake_loop loop([&](request& req, responder respond) -> task<void> {
                    char buffer[3];
                    try {
                        const auto to = boost::asio::buffer(buffer);
                        for (;;) {
                            const auto n =
                                by_token ? co_await req.body().async_read(to, boost::asio::use_awaitable)
                                         : co_await req.body().read(to);
                            if (n == 0)
                                break;
                            got.append(buffer, n);
                        }
                    } catch (const system_error& e) {
                        ec = e.code();
                    }
                    over = true;
                    respond.send(200, {{"Content-Type", "text/plain"}}, "read");
                });
                fake_host client(loop);
                if (r.announced.empty())
                    client.request("POST", {}, true);
                else
                    client.request("POST", {{"CONTENT_LENGTH", r.announced}}, true);
                for (std::size_t at = 0, n = 1; at < r.sent.size() && n > 0; at += n) {
                    n = client.feed(one_by_one ? r.sent.substr(at, 1) : r.sent.substr(at));
                    loop.poll();
                }
                if (r.end_comes)
                    client.end_body();
                loop.poll();
                CHECK(over);
                CHECK(got == r.got);
                CHECK(ec == r.ec);
                CHECK(client.ended_well());
            }
        }
    }
}

TEST_CASE("R17: a request without a body is at its end at once")
{
    std::string got = "nothing";
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        got = co_await read_all(req, 10, true) + co_await read_all(req, 10, false);
        respond.send(200, {{"Content-Type", "text/plain"}}, "read");
    });
    fake_host client(loop);
    client.request("GET");
    loop.poll();
    CHECK(got.empty());
    CHECK(client.ended_well());
}

TEST_CASE("exchange: a body nobody reads is held up to the input window - reading gives credit back")
{
    limits l;
    l.input_window = 32 * 1024;
    kept_request kept;
    fake_loop loop(kept.app(), l);
    fake_host client(loop);
    client.request("POST", {}, true);
    loop.poll();
    const std::string sent = binary(200'000);
    std::size_t fed = 0;
    while (const auto n = client.feed(std::string_view(sent).substr(fed)))
        fed += n;
    CHECK(fed > 16 * 1024);
    CHECK(fed <= l.input_window);
    CHECK(client.x().body().credit() == 0);
    CHECK(loop.statistics().pool_in_use == 2);

    const auto wanted = client.input_wanted_calls();
    std::string got(sent.size(), '?');
    std::size_t read = 0;
    for (int i = 0; i < 10'000 && read < sent.size(); ++i) {
        error_code ec;
        bool end = false;
        read += client.x().body().try_read(std::as_writable_bytes(std::span(got).subspan(
                                               read, std::min<std::size_t>(9000, got.size() - read))),
                                           ec, end);
        CHECK_FALSE(ec);
        CHECK_FALSE(end);
        fed += client.feed(std::string_view(sent).substr(fed));
        CHECK(loop.statistics().pool_in_use <= 2);
    }
    CHECK(got == sent);
    CHECK(client.input_wanted_calls() > wanted);
    kept.respond.reset();
}

TEST_CASE("R20: what the app did not read is thrown away and does not delay the response")
{
    for (const std::size_t arrived_before : {std::size_t{0}, std::size_t{10}, std::size_t{64'000}}) {
        CAPTURE(arrived_before);
        fake_loop loop([&](request&, responder respond) -> task<void> {
            co_await yield();
            auto out = respond.start(plain_text());
            co_await out.write(piece_at(0, 50'000));
        });
        fake_host client(loop);
        client.stall();
        client.request("POST", {{"CONTENT_LENGTH", "1000000000"}}, true);
        const std::string sent = binary(64'000);
        const auto fed = client.feed(std::string_view(sent).substr(0, arrived_before));
        loop.poll();
        for (int i = 0; i < 5; ++i) {
            client.take(9'900);
            loop.poll();
        }
        REQUIRE_FALSE(client.ended());
        REQUIRE(client.x().state() == exchange::phase::finished);
        // Whatever comes now is taken, without limit, and not kept.
        CHECK(client.x().body().credit() > 1'000'000'000);
        const auto in_use = loop.statistics().pool_in_use;
        for (int i = 0; i < 100; ++i)
            CHECK(client.feed(sent) == sent.size());
        CHECK(loop.statistics().pool_in_use == in_use);
        client.take_all();
        CHECK(client.ended_well()); // though the body has not ended
        CHECK(client.body().size() == 50'000);
        CHECK(loop.statistics().pool_in_use == 0);
        CHECK(fed <= arrived_before);
    }
}

TEST_CASE("exchange: limits::request_body refuses what is announced with 413, and cuts what is not")
{
    limits l;
    l.request_body = 1000;
    std::string got;
    error_code ec;
    bool ran = false;
    fake_loop loop(
        [&](request& req, responder respond) -> task<void> {
            ran = true;
            char buffer[300];
            try {
                while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
                    got.append(buffer, n);
            } catch (const system_error& e) {
                ec = e.code();
            }
            respond.send(200, {{"Content-Type", "text/plain"}}, "read");
        },
        l);
    fake_host announced(loop);
    CHECK_FALSE(announced.request("POST", {{"CONTENT_LENGTH", "1001"}}, true));
    loop.poll();
    CHECK_FALSE(ran);
    CHECK(announced.ended_well());
    CHECK(announced.status() == 413);
    CHECK(loop.log().contains("limits::request_body"));

    fake_host just_right(loop);
    just_right.request("POST", {{"CONTENT_LENGTH", "1000"}}, true);
    just_right.feed_all(binary(1000));
    loop.poll();
    CHECK(got == binary(1000));
    CHECK_FALSE(ec);

    got.clear();
    fake_host unannounced(loop);
    unannounced.request("POST", {}, true);
    loop.poll();
    for (int i = 0; i < 20; ++i) {
        unannounced.feed(binary(100));
        loop.poll();
    }
    CHECK(ec == errc::body_too_large);
    CHECK(got.size() <= 1000);
    CHECK(unannounced.status() == 200);
}

TEST_CASE("F25: an echo of 1 MiB goes on in both directions, window by window")
{
    const std::string sent = binary(1 << 20);
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        char buffer[10'000];
        while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
            co_await out.write(std::string_view(buffer, n));
    });
    fake_host client(loop);
    client.stall();
    client.request("POST", {}, true);
    client.feed_all(sent);
    loop.poll();
    CHECK(client.held() > 0);
    CHECK(loop.statistics().pool_in_use <= 8);
    for (int i = 0; i < 1000 && !client.ended(); ++i) {
        client.take(11'111);
        loop.poll();
        CHECK(loop.statistics().pool_in_use <= 8);
    }
    CHECK(client.ended_well());
    CHECK(client.body() == sent);
}
