// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Cancellation of a single operation: what was accepted stays accepted, and the response goes on.
#include <sluice/writer.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>

using namespace sluice;
using namespace sluice::test;

namespace {

namespace asio = boost::asio;

struct cancellable : kept_writer {
    ~cancellable()
    {
        client.leave(); // what still waits ends before what it refers to
        loop.poll();
    }

    // Starts a write that can be cancelled.
    void start(std::string_view bytes)
    {
        out->async_write(asio::buffer(bytes),
                         asio::bind_cancellation_slot(signal.slot(), [this](error_code ec, std::size_t n) {
                             result = ec;
                             written = n;
                         }));
    }
    void cancel() { signal.emit(asio::cancellation_type::terminal); }

    asio::cancellation_signal signal;
    std::optional<std::size_t> written;
    error_code result;
};

} // namespace

TEST_CASE("writer: a cancelled write says how much was accepted, and writing goes on right behind that")
{
    const std::string body = text_of_size(300'000);
    for (const std::uint64_t taken_before : {0u, 1'000u, 30'000u, 100'000u}) {
        CAPTURE(taken_before);
        cancellable k;
        k.start(body);
        k.loop.poll();
        k.client.take(taken_before);
        k.loop.poll();
        REQUIRE_FALSE(k.written);
        k.cancel();
        CHECK_FALSE(k.written); // never from inside
        k.loop.poll();
        REQUIRE(k.written);
        CHECK(k.result == asio::error::operation_aborted);
        CHECK(*k.written < body.size());
        CHECK(k.out->accepted() == *k.written);
        CHECK_FALSE(k.out->error());

        k.cancel(); // of nothing, now
        k.loop.poll();
        const auto rest = std::string_view(body).substr(*k.written);
        k.written.reset();
        k.start(rest);
        k.client.take_all();
        k.loop.poll();
        CHECK(k.written == rest.size());
        CHECK_FALSE(k.result);
        asio::co_spawn(k.loop.context(), k.out->finish(), [](std::exception_ptr) {});
        k.loop.poll();
        CHECK(k.client.ended_well());
        CHECK(k.client.body() == body);
    }
}

TEST_CASE("writer: a cancellation that comes while the operation is about to go on is not lost")
{
    cancellable k;
    const std::string body = text_of_size(300'000);
    k.start(body);
    k.loop.poll();
    REQUIRE_FALSE(k.written);
    {
        const detail::turn::scope turn(k.loop.resources().turn());
        k.client.take(40'000); // there is room now: the operation's next step waits for the end of the turn
        k.cancel();
    }
    k.loop.poll();
    // The client reads nothing more: without the cancellation it would wait for ever.
    REQUIRE(k.written);
    CHECK(k.result == asio::error::operation_aborted);
    CHECK(k.out->accepted() == *k.written);
}

TEST_CASE("writer: a cancelled wait or flush leaves what was written alone")
{
    for (const bool flush : {false, true}) {
        CAPTURE(flush);
        kept_writer k;
        std::size_t accepted = 0;
        while (const auto n = k.out->try_write(piece_at(accepted, 1000)))
            accepted += n;
        asio::cancellation_signal signal;
        std::optional<error_code> result;
        auto done = asio::bind_cancellation_slot(signal.slot(), [&](error_code ec) { result = ec; });
        if (flush)
            k.out->async_flush(done);
        else
            k.out->async_wait_writable(done);
        k.loop.poll();
        REQUIRE_FALSE(result);
        signal.emit(asio::cancellation_type::partial);
        k.loop.poll();
        REQUIRE(result);
        CHECK(*result == asio::error::operation_aborted);
        CHECK_FALSE(k.out->error());
        k.client.take_all();
        k.loop.poll();
        CHECK(k.client.body() == text_of_size(accepted));
    }
}

TEST_CASE("writer: cancelling a refused second operation does not end the first")
{
    cancellable k;
    const std::string body = text_of_size(300'000);
    asio::cancellation_signal other;
    k.start(body);
    k.loop.poll();
    std::optional<error_code> second;
    k.out->async_wait_writable(
        asio::bind_cancellation_slot(other.slot(), [&](error_code ec) { second = ec; }));
    other.emit(asio::cancellation_type::terminal);
    k.loop.poll();
    REQUIRE(second);
    CHECK_FALSE(k.written); // the first waits on
    k.client.take_all();
    k.loop.poll();
    CHECK(k.written == body.size());
    CHECK_FALSE(k.result);
    CHECK(k.client.body() == body);
}

TEST_CASE("writer: an app's own time limit on a write leaves a response that can go on")
{
    using namespace boost::asio::experimental::awaitable_operators;
    const std::string body = text_of_size(300'000);
    bool timed_out = false;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        asio::steady_timer limit(req.get_executor(), std::chrono::milliseconds(1));
        const auto which = co_await (out.write(body) || limit.async_wait(asio::use_awaitable));
        timed_out = which.index() == 1;
        CHECK_FALSE(req.aborted());
        CHECK(out.accepted() < body.size());
        co_await out.write(std::string_view(body).substr(out.accepted()));
    });
    fake_host client(loop);
    client.stall();
    client.request();
    CHECK(loop.poll_until([&] { return timed_out; }));
    client.take_all();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.body() == body);
}
