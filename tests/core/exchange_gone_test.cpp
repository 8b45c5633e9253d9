// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The client leaves, or takes nothing any more: who is told, when, and what comes back.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <optional>
#include <vector>

using namespace sluice;
using namespace sluice::test;

static constexpr auto long_time = std::chrono::hours(24);

TEST_CASE("F8, F12: the client leaves, and whatever the app waits for ends with an error")
{
    struct row {
        const char* what;
        std::function<task<void>(request&, writer&)> wait;
        std::optional<error_code> expected; // when it is sluice that says it
    };
    const row rows[] = {
        {"write", [](request&, writer& out) { return out.write(piece_at(0, 1 << 20)); }, errc::client_gone},
        {"flush",
         [](request&, writer& out) -> task<void> {
             co_await out.write("text");
             co_await out.flush();
         },
         errc::client_gone},
        {"finish",
         [](request&, writer& out) -> task<void> {
             co_await out.write("text");
             co_await out.finish();
         },
         errc::client_gone},
        {"the body",
         [](request& req, writer&) -> task<void> {
             char buffer[10];
             co_await req.body().read(boost::asio::buffer(buffer));
         },
         errc::client_gone},
        {"time, the body unread", [](request&, writer&) { return sleep_for(long_time); },
         boost::asio::error::operation_aborted},
        {"something of its own",
         [](request& req, writer&) -> task<void> {
             boost::asio::steady_timer never(req.get_executor(), long_time);
             co_await never.async_wait(boost::asio::use_awaitable);
         },
         boost::asio::error::operation_aborted},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        outcome o;
        bool aborted_before = true;
        bool aborted_after = false;
        outcome second;
        fake_loop loop([&](request& req, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            aborted_before = req.aborted();
            co_await note(o, [&] { return r.wait(req, out); });
            aborted_after = req.aborted();
            // F9: the error stays.
            error_code ec;
            CHECK(out.try_write(std::string_view("more"), ec) == 0);
            CHECK(ec == errc::client_gone);
            CHECK(out.error() == errc::client_gone);
            // In a coroutine that has been cancelled, each further co_await throws.
            try {
                co_await note(second, [&] { return out.write("more"); });
            } catch (const system_error& e) {
                second = {true, e.code()};
            }
        });
        fake_host client(loop);
        client.stall();
        client.request("POST", {}, true);
        loop.poll();
        CHECK_FALSE(o.ended);
        CHECK_FALSE(aborted_before);

        client.leave();
        CHECK(loop.statistics().pool_in_use == 0); // at once, not when the app is done
        loop.poll();
        CHECK(o.ended);
        if (r.expected)
            CHECK(o.ec == *r.expected);
        CHECK(aborted_after);
        CHECK(second.ended);
        CHECK(second.ec);
        CHECK(loop.statistics().client_gone == 1);
        CHECK(loop.statistics().active == 0);
        CHECK(loop.log().contains("the client has left"));
    }
}

TEST_CASE("F8, F9: callbacks hear of it too, once each, and a later wait fails at once")
{
    std::optional<writer> out;
    request* the_request = nullptr;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        the_request = &req;
        out.emplace(respond.start(plain_text()));
        co_return;
    });
    fake_host client(loop);
    client.stall();
    client.request("POST", {}, true);
    loop.poll();

    std::vector<error_code> writes;
    std::vector<error_code> reads;
    const std::string body = text_of_size(200'000);
    char buffer[10];
    out->async_write(boost::asio::buffer(body), [&](error_code ec, std::size_t) { writes.push_back(ec); });
    the_request->body().async_read(boost::asio::buffer(buffer),
                                   [&](error_code ec, std::size_t) { reads.push_back(ec); });
    loop.poll();
    CHECK(writes.empty());
    CHECK(reads.empty());
    client.leave();
    loop.poll();
    CHECK(writes == std::vector<error_code>{errc::client_gone});
    CHECK(reads == std::vector<error_code>{errc::client_gone});
    CHECK(the_request->aborted());

    out->async_wait_writable([&](error_code ec) { writes.push_back(ec); });
    loop.poll();
    out->async_flush([&](error_code ec) { writes.push_back(ec); });
    loop.poll();
    out->async_write(boost::asio::buffer(body), [&](error_code ec, std::size_t n) {
        CHECK(n == 0);
        writes.push_back(ec);
    });
    the_request->body().async_read(boost::asio::buffer(buffer),
                                   [&](error_code ec, std::size_t) { reads.push_back(ec); });
    loop.poll();
    CHECK(writes == std::vector<error_code>(4, errc::client_gone));
    CHECK(reads == std::vector<error_code>(2, errc::client_gone));
    out.reset();
}

TEST_CASE("F10: after the connection broke at most one more write succeeds, then the error sticks")
{
    for (const auto way : {fake_host::direct::no, fake_host::direct::give_back, fake_host::direct::adopt}) {
        for (const std::size_t piece : {std::size_t{100}, std::size_t{16'000}, std::size_t{100'000}}) {
            CAPTURE(static_cast<int>(way), piece);
            std::uint64_t writes = 0;
            std::uint64_t writes_at_break = 0;
            error_code ec;
            fake_loop loop([&](request&, responder respond) -> task<void> {
                auto out = respond.start(plain_text());
                // An endless producer that looks at nothing but its own writes.
                while (!ec && writes < 1'000'000) {
                    std::size_t done = 0;
                    while (done < piece && !ec) {
                        done += out.try_write(piece_at(0, piece - done), ec);
                        if (done < piece && !ec)
                            co_await out.async_wait_writable(
                                boost::asio::redirect_error(boost::asio::use_awaitable, ec));
                    }
                    if (!ec)
                        ++writes;
                }
                for (int i = 0; i < 3; ++i) {
                    error_code again;
                    CHECK(out.try_write(std::string_view("more"), again) == 0);
                    CHECK(again == errc::client_gone);
                }
            });
            fake_host client(loop, way);
            client.break_after(1'000'000);
            client.after_send = [&] {
                if (client.ended() && writes_at_break == 0)
                    writes_at_break = writes;
            };
            client.request();
            client.forget_content();
            loop.poll();
            CHECK(client.ended());
            CHECK_FALSE(client.ended_well());
            CHECK(ec == errc::client_gone);
            CHECK(client.received_bytes() == 1'000'000);
            CHECK(writes * piece <= 1'000'000 + 64 * 1024 + 2 * piece);
            CHECK(loop.statistics().pool_in_use == 0);
        }
    }
}

TEST_CASE("F11: an idle app that waits for time is told at once when the client leaves")
{
    outcome o;
    std::chrono::steady_clock::time_point told;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("one line, then silence\n");
        co_await note(o, [] { return sleep_for(long_time); });
        CHECK(req.aborted());
        told = std::chrono::steady_clock::now();
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.body() == "one line, then silence\n");
    CHECK_FALSE(o.ended);
    const auto left = std::chrono::steady_clock::now();
    client.leave();
    loop.poll();
    CHECK(o.ended);
    CHECK(o.ec == boost::asio::error::operation_aborted);
    CHECK(told - left < std::chrono::milliseconds(100));
}

TEST_CASE("F11: an app that ignores that the client has gone meets it at each further wait")
{
    int waits = 0;
    fake_loop loop([&](request&, responder) -> task<void> {
        for (; waits < 5; ++waits) {
            try {
                co_await sleep_for(long_time);
            } catch (const system_error&) {
            }
        }
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(waits == 0);
    client.leave();
    loop.poll();
    CHECK(waits == 5);
}
