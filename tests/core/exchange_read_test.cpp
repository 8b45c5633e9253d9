// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Reads of the request body, one by one: the test is the app.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <optional>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("R19: a body that was thrown away is not taken for one that was read to its end")
{
    struct row {
        const char* what;
        bool client_leaves; // else the response is finished first
        bool announced;
    };
    for (const auto& r : {row{"client gone", true, true}, row{"client gone, no length", true, false},
                          row{"finished", false, true}, row{"finished, no length", false, false}})
    {
        for (const bool by_token : {false, true}) {
            CAPTURE(r.what, by_token);
            kept_request kept;
            fake_loop loop(kept.app());
            fake_host client(loop);
            client.stall();
            const std::string sent = binary(10'000);
            const std::string length = std::to_string(sent.size());
            if (r.announced)
                client.request("POST", {{"CONTENT_LENGTH", length}}, true);
            else
                client.request("POST", {}, true);
            loop.poll();
            std::optional<writer> out(kept.respond->start(plain_text()));
            std::size_t fed = 0;
            if (!r.client_leaves) {
                fed = client.feed(std::string_view(sent).substr(0, 4000));
                boost::asio::co_spawn(loop.context(), out->finish(), [](std::exception_ptr) {});
                loop.poll();
                REQUIRE(client.x().state() == exchange::phase::finished);
            }
            CHECK(client.feed(std::string_view(sent).substr(fed)) == sent.size() - fed);
            client.end_body();
            loop.poll();
            if (r.client_leaves)
                client.leave();
            loop.poll();

            error_code ec;
            std::size_t got = 0;
            std::string buffer(3000, '?');
            for (int i = 0; i < 100 && !ec; ++i) {
                std::optional<std::size_t> n;
                if (by_token)
                    kept.req->body().async_read(boost::asio::buffer(buffer),
                                                [&](error_code e, std::size_t k) {
                                                    ec = e;
                                                    n = k;
                                                });
                else
                    boost::asio::co_spawn(loop.context(), kept.req->body().read(boost::asio::buffer(buffer)),
                                          [&](std::exception_ptr e, std::size_t k) {
                                              n = k;
                                              if (e)
                                                  ec = errc::client_gone;
                                          });
                loop.poll();
                REQUIRE(n);
                got += *n;
                if (*n == 0)
                    break;
            }
            CHECK(got < sent.size());
            CHECK(ec); // not all came, so it is no end
            out.reset();
            kept.respond.reset();
        }
    }
}

TEST_CASE("exchange: one read at a time - a second is refused and leaves the first alone")
{
    kept_request kept;
    fake_loop loop(kept.app());
    fake_host client(loop);
    client.request("POST", {}, true);
    loop.poll();
    char first[10];
    char second[10];
    std::optional<std::size_t> got;
    error_code refused;
    kept.req->body().async_read(boost::asio::buffer(first), [&](error_code ec, std::size_t n) {
        CHECK_FALSE(ec);
        got = n;
    });
    kept.req->body().async_read(boost::asio::buffer(second),
                                [&](error_code ec, std::size_t) { refused = ec; });
    loop.poll();
    CHECK(refused == errc::operation_pending);
    CHECK_FALSE(got);
    error_code ec;
    bool end = false;
    CHECK(client.x().body().try_read(std::as_writable_bytes(std::span(second)), ec, end) == 0);
    CHECK(ec == errc::operation_pending);
    client.feed("hello");
    loop.poll();
    CHECK(got == 5u);
    CHECK(std::string_view(first, 5) == "hello");
    kept.respond.reset();
}

TEST_CASE("exchange: a read that is cancelled loses no byte")
{
    struct row {
        const char* what;
        std::string_view before, between; // fed before the cancellation, and before it is delivered
    };
    for (const auto& r : {row{"nothing came", "", ""}, row{"something comes with it", "", "later"},
                          row{"something came", "early", ""}})
    {
        CAPTURE(r.what);
        kept_request kept;
        fake_loop loop(kept.app());
        fake_host client(loop);
        client.request("POST", {}, true);
        loop.poll();
        boost::asio::cancellation_signal signal;
        std::string buffer(10, '?');
        std::optional<std::size_t> got;
        error_code result;
        kept.req->body().async_read(
            boost::asio::buffer(buffer),
            boost::asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t n) {
                result = ec;
                got = n;
            }));
        {
            const detail::turn::scope turn(loop.resources().turn());
            client.feed(r.before);
            signal.emit(boost::asio::cancellation_type::terminal);
            CHECK_FALSE(got); // never from inside
            client.feed(r.between);
        }
        loop.poll();
        REQUIRE(got);
        const std::string expected = std::string(r.before) + std::string(r.between);
        if (expected.empty())
            CHECK(result == boost::asio::error::operation_aborted);
        else
            CHECK_FALSE(result);
        CHECK(buffer.substr(0, *got) == expected);

        signal.emit(boost::asio::cancellation_type::terminal); // of nothing, now
        client.feed("more");
        char more[10];
        auto next = kept.req->body().async_read(boost::asio::buffer(more), boost::asio::use_future);
        loop.poll();
        REQUIRE(next.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
        CHECK(std::string_view(more, next.get()) == "more");
        kept.respond.reset();
    }
}
