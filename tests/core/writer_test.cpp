// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/writer.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <optional>
#include <vector>

using namespace sluice;
using namespace sluice::test;

namespace {

namespace asio = boost::asio;

template <class T>
bool ready(fake_loop& loop, std::future<T>& f)
{
    loop.poll();
    return f.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

error_code error_of(std::future<void>& f)
{
    try {
        f.get();
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("writer: async_write completes when all is accepted, with any token")
{
    const std::string body = text_of_size(200'000);
    enum class token { callback, future, deferred, awaitable, tuple };
    for (const auto how : {token::callback, token::future, token::deferred, token::awaitable, token::tuple}) {
        CAPTURE(static_cast<int>(how));
        kept_writer k;
        std::optional<std::size_t> written;
        std::future<std::size_t> future;
        const auto done = [&](error_code ec, std::size_t n) {
            CHECK_FALSE(ec);
            written = n;
        };
        switch (how) {
        case token::callback: k.out->async_write(asio::buffer(body), done); break;
        case token::future: future = k.out->async_write(asio::buffer(body), asio::use_future); break;
        case token::deferred: {
            auto operation = k.out->async_write(asio::buffer(body));
            k.loop.poll();
            CHECK(k.out->accepted() == 0); // not begun before it is asked for
            std::move(operation)(done);
            break;
        }
        case token::awaitable:
        case token::tuple:
            asio::co_spawn(
                k.loop.context(),
                [&]() -> task<void> {
                    if (how == token::awaitable)
                        done({}, co_await k.out->async_write(asio::buffer(body), asio::use_awaitable));
                    else
                        std::apply(done, co_await k.out->async_write(asio::buffer(body),
                                                                     asio::as_tuple(asio::use_awaitable)));
                },
                asio::detached);
        }
        CHECK_FALSE(written); // never from inside the call
        k.loop.poll();
        CHECK_FALSE(written);
        CHECK(k.out->accepted() < body.size());
        for (int i = 0; i < 100 && k.client.received_bytes() < body.size(); ++i) {
            k.client.take(10'000);
            k.loop.poll();
            if (how == token::future && ready(k.loop, future))
                break;
        }
        if (how == token::future) {
            REQUIRE(ready(k.loop, future));
            written = future.get();
        }
        k.client.take_all();
        k.loop.poll();
        CHECK(written == body.size());
        CHECK(k.out->accepted() == body.size());
        CHECK(k.out->sent() == body.size());
        CHECK(k.client.body() == body);
    }
}

TEST_CASE("writer: accepted() counts what the app gave, sent() what the kernel has - neither counts the head")
{
    kept_writer k;
    k.client.take_all();
    CHECK(k.client.received_bytes() > 0); // the head
    CHECK(k.out->accepted() == 0);
    CHECK(k.out->sent() == 0);
    k.client.stall();
    const auto accepted = k.out->try_write(piece_at(0, 1000));
    CHECK(accepted == 1000);
    k.loop.poll();
    CHECK(k.out->accepted() == accepted);
    CHECK(k.out->sent() == 0);
    k.client.take_all();
    k.loop.poll();
    CHECK(k.out->sent() == accepted);
    CHECK(k.client.body().size() == accepted);
    k.out->try_write(piece_at(accepted, 1000));
    k.loop.poll();
    CHECK(k.out->accepted() == accepted + 1000);
    CHECK(k.out->sent() == accepted + 1000);
}

TEST_CASE("writer: async_wait_writable completes when try_write would take something, not before")
{
    kept_writer k;
    while (k.out->try_write(piece_at(0, 1000)) > 0) {
    }
    auto writable = k.out->async_wait_writable(asio::use_future);
    CHECK_FALSE(ready(k.loop, writable));
    k.client.take(100);
    CHECK_FALSE(ready(k.loop, writable)); // no block is free yet
    k.client.take(100'000);
    REQUIRE(ready(k.loop, writable));
    writable.get();
    CHECK(k.out->try_write(std::string_view("x")) == 1);
}

TEST_CASE("writer: flush completes when the kernel has every byte")
{
    kept_writer k;
    k.client.take_all();
    k.loop.poll();
    k.client.stall();
    REQUIRE(k.out->try_write(piece_at(0, 10'000)) == 10'000);
    auto by_token = k.out->async_flush(asio::use_future);
    CHECK_FALSE(ready(k.loop, by_token));
    k.client.take(9'999);
    CHECK_FALSE(ready(k.loop, by_token));
    k.client.take(1);
    REQUIRE(ready(k.loop, by_token));
    by_token.get();

    REQUIRE(k.out->try_write(piece_at(0, 10)) == 10);
    bool flushed = false;
    asio::co_spawn(k.loop.context(), k.out->flush(), [&](std::exception_ptr e) { flushed = !e; });
    k.loop.poll();
    CHECK_FALSE(flushed);
    k.client.take(10);
    k.loop.poll();
    CHECK(flushed);

    auto nothing = k.out->async_flush(asio::use_future); // nothing to flush: at once
    CHECK(ready(k.loop, nothing));
}

TEST_CASE("writer: finish resumes when the end has been handed over")
{
    kept_writer k;
    k.client.take_all();
    k.loop.poll();
    k.client.stall();
    k.out->try_write(piece_at(0, 10'000));
    bool finished = false;
    asio::co_spawn(k.loop.context(), k.out->finish(), [&](std::exception_ptr e) { finished = !e; });
    k.loop.poll();
    CHECK_FALSE(finished);
    CHECK_FALSE(k.client.ended());
    k.client.take(9'999);
    k.loop.poll();
    CHECK_FALSE(finished);
    k.client.take(1);
    CHECK(k.client.ended_well());
    k.loop.poll();
    CHECK(finished);
}

TEST_CASE("R36: finish is idempotent, and a write after it is an error")
{
    int finished = 0;
    std::vector<error_code> errors;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write("whole");
        for (int i = 0; i < 3; ++i) {
            co_await out.finish();
            ++finished;
        }
        const auto meet = [&](task<void> operation) -> task<void> {
            try {
                co_await std::move(operation);
                errors.push_back({});
            } catch (const system_error& e) {
                errors.push_back(e.code());
            }
        };
        error_code ec;
        CHECK(out.try_write(std::string_view("more"), ec) == 0);
        errors.push_back(ec);
        co_await meet(out.write("more"));
        co_await meet(out.async_wait_writable(asio::use_awaitable));
        out.abort(); // too late, and no harm
        co_await out.finish();
        ++finished;
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(finished == 4);
    CHECK(errors == std::vector<error_code>(3, errc::already_finished));
    CHECK(client.ended_well());
    CHECK(client.body() == "whole");
}

TEST_CASE("R36: the same before the end has been handed over")
{
    kept_writer k;
    k.out->try_write(std::string_view("whole"));
    std::vector<std::exception_ptr> ends;
    asio::co_spawn(k.loop.context(), k.out->finish(), [&](std::exception_ptr e) { ends.push_back(e); });
    k.loop.poll();
    CHECK(ends.empty());
    error_code ec;
    CHECK(k.out->try_write(std::string_view("more"), ec) == 0);
    CHECK(ec == errc::already_finished);
    k.client.take_all();
    k.loop.poll();
    REQUIRE(ends.size() == 1);
    CHECK_FALSE(ends[0]);
    CHECK(k.client.ended_well());
    CHECK(k.client.body() == "whole");
}

TEST_CASE("writer: one operation at a time - a second is refused, never mixed in")
{
    const std::string first = text_of_size(100'000);
    kept_writer k;
    auto pending = k.out->async_write(asio::buffer(first), asio::use_future);
    CHECK_FALSE(ready(k.loop, pending));

    auto write = k.out->async_write(asio::buffer("second", 6), asio::use_future);
    auto wait = k.out->async_wait_writable(asio::use_future);
    auto flush = k.out->async_flush(asio::use_future);
    error_code ec;
    CHECK(k.out->try_write(std::string_view("third"), ec) == 0);
    CHECK(ec == errc::operation_pending);
    REQUIRE(ready(k.loop, write));
    REQUIRE(ready(k.loop, wait));
    REQUIRE(ready(k.loop, flush));
    CHECK_THROWS_MATCHES(write.get(), system_error, Catch::Predicate<system_error>([](const system_error& e) {
                             return e.code() == errc::operation_pending;
                         }));
    CHECK(error_of(wait) == errc::operation_pending);
    CHECK(error_of(flush) == errc::operation_pending);
    CHECK_FALSE(ready(k.loop, pending));

    k.client.take_all();
    REQUIRE(ready(k.loop, pending));
    CHECK(pending.get() == first.size());
    CHECK(k.client.body() == first);
}

TEST_CASE("writer: a handler runs on its own executor, from outside of the call that started the wait")
{
    kept_writer k;
    asio::io_context other;
    bool called = false;
    k.out->async_write(asio::buffer("x", 1), asio::bind_executor(other, [&](error_code ec, std::size_t n) {
                           CHECK_FALSE(ec);
                           CHECK(n == 1);
                           called = true;
                       }));
    k.client.take_all();
    k.loop.poll();
    CHECK_FALSE(called);
    other.poll();
    CHECK(called);
}

TEST_CASE("writer: an app may give its writer away - assigned over, the old one is dropped")
{
    kept_writer k;
    kept_writer other;
    k.client.take_all();
    other.client.take_all();
    *k.out = std::move(*other.out);
    other.out.reset();
    k.loop.poll();
    CHECK(k.client.ended());
    CHECK_FALSE(k.client.ended_well());
    CHECK_FALSE(other.client.ended());
    CHECK(k.out->try_write(std::string_view("here")) == 4);
    other.loop.poll();
    CHECK(other.client.body() == "here");
    k.out.reset();
    other.loop.poll();
    CHECK(other.client.ended());
}
