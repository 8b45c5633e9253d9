// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// How a response behind a transform ends, and bodies that are given whole.
#include <sluice/middleware/transform.hpp>

#include <sluice/middleware/around.hpp>
#include <sluice/middleware/filter.hpp>

#include "middleware/again.hpp"
#include "middleware/transform_support.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <stdexcept>
#include <vector>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("R41: an app that returns with its end held back ends well, once the client has read")
{
    doubling d([](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write(piece_at(0, 4000));
        while (out.try_write(piece_at(0, 1)) > 0) {
        }
    });
    d.client.stall();
    d.client.request();
    d.loop.poll();
    CHECK_FALSE(d.client.ended());
    CHECK(d.alive == 1);
    for (int i = 0; i < 100'000 && !d.client.ended(); ++i) {
        d.client.take(100);
        d.loop.poll();
    }
    CHECK(d.client.ended_well());
    CHECK(d.client.body().ends_with("."));
    CHECK(d.alive == 0);

    SECTION("and fails when the client leaves instead")
    {
        doubling e([](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            while (out.try_write(piece_at(0, 1000)) > 0) {
            }
            co_return;
        });
        e.client.stall();
        e.client.request();
        e.loop.poll();
        e.client.leave();
        e.loop.poll();
        CHECK(e.alive == 0);
        CHECK(e.loop.statistics().pool_in_use == 0);
        CHECK(e.loop.statistics().active == 0);
    }
}

TEST_CASE("R36, F14: finish behind a transform, after the app has returned")
{
    kept_doubling k;
    k.d.client.take_all();
    k.out->try_write(std::string_view("abc"));
    std::vector<outcome> ends(2);
    for (auto& o : ends) {
        boost::asio::co_spawn(k.d.loop.context(), note(o, [&] { return k.out->finish(); }),
                              boost::asio::detached);
        k.d.loop.poll();
        CHECK(o.ended);
        CHECK_FALSE(o.ec);
    }
    CHECK(k.d.client.ended_well());
    CHECK(k.d.client.body() == "aabbcc.");
    CHECK(k.out->sent() == 3);
    error_code ec;
    CHECK(k.out->try_write(std::string_view("x"), ec) == 0);
    CHECK(ec);
    k.out->abort(); // too late
    CHECK(k.d.client.ended_well());
}

TEST_CASE("R36: finish with no room for the end, which goes on by itself")
{
    kept_doubling k;
    while (k.out->try_write(piece_at(0, 100)) > 0) {
    }
    const auto written = k.out->accepted();
    outcome o;
    boost::asio::co_spawn(k.d.loop.context(), note(o, [&] { return k.out->finish(); }),
                          boost::asio::detached);
    k.d.loop.poll();
    CHECK_FALSE(o.ended);
    error_code ec;
    CHECK(k.out->try_write(std::string_view("x"), ec) == 0);
    CHECK(ec == errc::already_finished);
    k.out.reset();
    k.d.client.take_all();
    k.d.loop.poll();
    CHECK(o.ended);
    CHECK_FALSE(o.ec);
    CHECK(k.d.client.ended_well());
    CHECK(k.d.client.body().size() == 2 * written + 1);
}

TEST_CASE("R36: a wait for the end that is cancelled does not hold up the end")
{
    kept_doubling k;
    while (k.out->try_write(piece_at(0, 100)) > 0) {
    }
    boost::asio::cancellation_signal signal;
    outcome o, again;
    boost::asio::co_spawn(k.d.loop.context(), note(o, [&] { return k.out->finish(); }),
                          boost::asio::bind_cancellation_slot(signal.slot(), boost::asio::detached));
    k.d.loop.poll();
    CHECK_FALSE(o.ended);
    signal.emit(boost::asio::cancellation_type::terminal);
    k.d.loop.poll();
    CHECK(o.ec == boost::asio::error::operation_aborted);
    CHECK_FALSE(k.out->error());
    k.d.client.take_all(); // nobody waits for it
    k.d.loop.poll();
    CHECK(k.d.client.ended_well());
    boost::asio::co_spawn(k.d.loop.context(), note(again, [&] { return k.out->finish(); }),
                          boost::asio::detached);
    k.d.loop.poll();
    CHECK(again.ended);
    CHECK_FALSE(again.ec);
}

TEST_CASE("F21: an app that was done when its client left is not counted as told")
{
    doubling d([](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        while (out.try_write(piece_at(0, 100)) > 0) {
        }
        co_return;
    });
    d.client.stall();
    d.client.request();
    d.loop.poll();
    for (int i = 0; i < 1000 && d.alive == 1; ++i) { // until the transform's end is in the window
        d.client.take(100);
        d.loop.poll();
    }
    REQUIRE(d.alive == 0);
    CHECK_FALSE(d.client.ended());
    d.client.leave();
    d.loop.poll();
    CHECK_FALSE(d.client.ended_well());
    CHECK(d.loop.statistics().client_gone == 0);
    CHECK(d.loop.statistics().pool_in_use == 0);
}

TEST_CASE("R40, R41, F13: a response behind a transform that is given up fails")
{
    SECTION("the writer is dropped after the app has returned")
    {
        kept_doubling k;
        k.d.client.take_all();
        k.out->try_write(std::string_view("abcdefgh"));
        k.out.reset();
        k.d.loop.poll();
        CHECK(k.d.client.ended());
        CHECK_FALSE(k.d.client.ended_well());
        CHECK(k.d.alive == 0);
    }
    SECTION("an exception of the app, of the transform, or an abort")
    {
        const char* const way = GENERATE("app", "transform", "transform, later", "abort");
        CAPTURE(way);
        doubling d([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write("abcdefgh");
            if (way == std::string_view("app"))
                throw std::runtime_error("of the app");
            if (way == std::string_view("transform"))
                co_await out.write("!");
            if (way == std::string_view("transform, later"))
                co_await out.write(std::string(100'000, 'a') + "!");
            if (way == std::string_view("abort"))
                out.abort();
        });
        d.client.request();
        d.loop.poll();
        CHECK(d.client.ended());
        CHECK_FALSE(d.client.ended_well());
        CHECK(d.client.body().find('.') == std::string::npos);
        CHECK(d.alive == 0);
    }
}

TEST_CASE("R44: an announced length is held against what the app writes")
{
    const bool more = GENERATE(true, false);
    error_code ec;
    doubling d([&](request&, responder respond) -> task<void> {
        auto out = respond.start(with_length(10));
        out.try_write(std::string_view("123456789"), ec);
        CHECK_FALSE(ec);
        if (more) {
            CHECK(out.try_write(std::string_view("ab"), ec) == 0);
            out.try_write(std::string_view("0"));
        }
        co_return;
    });
    d.client.request();
    d.loop.poll();
    CHECK(d.client.ended());
    CHECK(d.client.ended_well() == more);
    CHECK_FALSE(d.client.has_header("Content-Length"));
    CHECK(ec == (more ? error_code(errc::length_exceeded) : error_code()));
    CHECK(d.loop.log().contains("Content-Length says 10, the app wrote 9 bytes") == !more);
}

TEST_CASE("R28, R29, F2: bodies given whole")
{
    const std::size_t size = GENERATE(0u, 1u, 3000u, 65536u, 65537u, 5'000'000u);
    CAPTURE(size);
    const auto body = text_of_size(size);
    doubling d([&](request&) { return response{200, {{"Content-Type", "text/plain"}}, body, {}}; });
    d.client.stall();
    d.client.request();
    d.loop.poll();
    CHECK(d.client.held() <= 2 * block);
    d.client.take_all();
    d.loop.poll();
    CHECK(d.client.ended_well());
    CHECK((d.client.body() == doubled(body) + "."));
    const bool at_once = size <= middleware::turn_input;
    CHECK(d.client.header("Content-Length") == (at_once ? std::to_string(2 * size + 1) : ""));
    CHECK(d.client.peak_held() <= limits{}.window);
    CHECK(d.alive == 0);
}

TEST_CASE("F8: the client leaves in the middle of a body given whole")
{
    const auto body = text_of_size(5'000'000);
    for (const std::uint64_t n : {0u, 1u, 100u, 5000u, 100'000u, 9'900'000u}) {
        CAPTURE(n);
        doubling d([&](request&) { return response{200, {{"Content-Type", "text/plain"}}, body, {}}; });
        d.client.break_after(n);
        d.client.request();
        d.loop.poll();
        CHECK(d.client.ended());
        CHECK_FALSE(d.client.ended_well());
        CHECK(d.alive == 0);
        CHECK(d.loop.statistics().pool_in_use == 0);
    }
}

TEST_CASE(
    "R37, R42, R43, R44: answers without a body, and those that are refused, do not reach the transform")
{
    const struct {
        const char* method;
        response answer;
        int status;
    } rows[] = {
        {"GET", {204, {}, {}, {}}, 204},
        {"GET", {304, {}, {}, {}}, 304},
        {"GET", {200, {{"Content-Type", "text/plain"}, {"Content-Length", "5"}}, "body", {}}, 500},
    };
    for (const auto& row : rows) {
        CAPTURE(row.method, row.status);
        doubling d([&](request&) { return again(row.answer); });
        d.client.request(row.method);
        d.loop.poll();
        CHECK(d.client.ended_well());
        CHECK(d.client.status() == row.status);
        CHECK(d.client.body().find("bboo") == std::string::npos);
    }
}

TEST_CASE("R33, R34, F14: delayed, from elsewhere, or never")
{
    std::optional<responder> kept;
    doubling d([&](request&, responder respond) -> task<void> {
        kept.emplace(std::move(respond));
        co_return;
    });
    d.client.request();
    d.loop.poll();
    SECTION("whole")
    {
        kept->send(200, {{"Content-Type", "text/plain"}}, "later");
        d.loop.poll();
        CHECK(d.client.ended_well());
        CHECK(d.client.body() == "llaatteerr.");
    }
    SECTION("a writer dropped is an abort")
    {
        {
            auto out = kept->start(plain_text());
            out.try_write(std::string_view("abcdefg"));
        }
        d.loop.poll();
        CHECK(d.client.ended());
        CHECK_FALSE(d.client.ended_well());
    }
    SECTION("never")
    {
        kept.reset();
        d.loop.poll();
        CHECK(d.client.ended_well());
        CHECK(d.client.status() == 500);
    }
    kept.reset();
    CHECK(d.alive == 0);
}

TEST_CASE("filters that pass on what they do not understand, and roles")
{
    const auto plain = [](request& req, responder respond) -> task<void> {
        co_await boost::asio::post(req.get_executor(), boost::asio::use_awaitable);
        auto out = respond.start(plain_text());
        error_code ec;
        const auto room = out.prepare(ec);
        CHECK_FALSE(ec);
        CHECK(room.size() > 0);
        out.commit(0);
        co_await out.write("text");
        co_await out.flush();
        CHECK(out.sent() == 4);
        co_await out.finish();
    };
    const auto framed = [](request& req, responder respond, const application& app) {
        return app(req, middleware::change_head(std::move(respond), [](response_head& head) {
                       head.headers.add("X-Frame-Options", "DENY");
                   }));
    };
    fake_loop loop(middleware::around(middleware::around(plain, framed), framed));
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.body() == "text");
    CHECK(client.header("X-Frame-Options") == "DENY\nDENY");

    const application guard = [](request&) { return authorization::allow(); };
    CHECK(middleware::around(guard, framed).serves(role::authorizer));
    CHECK_FALSE(middleware::around(guard, framed).serves(role::responder));
    const auto both = middleware::around(application::by_role({plain, guard}), framed);
    CHECK(both.serves(role::responder));
    CHECK(both.serves(role::authorizer));
    CHECK_FALSE(both.serves(role::filter));
    const auto filters = middleware::around(application::filter(plain), framed);
    CHECK(filters.serves(role::filter));
    CHECK_FALSE(filters.serves(role::responder));
    CHECK(middleware::around(application::by_role({plain, application::filter(plain)}), framed)
              .serves(role::filter));
}
