// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// writer::prepare and commit: bytes that come from elsewhere are read straight into the response.
#include <sluice/exchange.hpp>
#include <sluice/testing/memory_sink.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <cstring>

using namespace sluice;
using namespace sluice::test;

namespace {

/// Reads from `source` into the response until there is no room; says how much.
std::size_t fill(writer& out, std::string_view source, std::size_t piece, error_code& ec)
{
    std::size_t done = 0;
    while (done < source.size()) {
        const auto room = out.prepare(ec);
        if (ec || room.size() == 0)
            break;
        const auto n = std::min({room.size(), piece, source.size() - done});
        std::memcpy(room.data(), source.data() + done, n);
        out.commit(n);
        done += n;
    }
    return done;
}

std::size_t blocks_held(fake_loop& loop)
{
    return loop.resources().pool().stats().in_use;
}

} // namespace

TEST_CASE("prepare: what is read into the response comes out, in order, whatever the pieces")
{
    const auto piece = GENERATE(as<std::size_t>(), 1, 7, 4096, 100'000);
    kept_writer kept;
    const auto text = text_of_size(300'000);
    std::size_t done = 0;
    error_code ec;
    for (int i = 0; i < 100'000 && done < text.size(); ++i) {
        done += fill(*kept.out, std::string_view(text).substr(done), piece, ec);
        REQUIRE_FALSE(ec);
        REQUIRE(kept.out->accepted() == done);
        kept.client.take_all();
        kept.out->async_wait_writable([](error_code) {});
        kept.loop.poll();
    }
    CHECK((kept.client.body() == text));
    CHECK(kept.loop.statistics().produced == text.size());
}

TEST_CASE("F1: prepare lends no more than the window, and says nothing until the client has made room")
{
    kept_writer kept;
    error_code ec;
    const auto text = text_of_size(1'000'000);
    const auto done = fill(*kept.out, text, 100'000, ec);
    CHECK_FALSE(ec);
    const auto& l = kept.loop.resources().limits();
    CHECK(done > 0);
    CHECK(done <= l.window);
    CHECK(blocks_held(kept.loop) * l.block_size <= l.window + l.block_size);
    CHECK(kept.out->prepare(ec).size() == 0);
    outcome seen;
    kept.out->async_wait_writable([&](error_code e) { seen = {true, e}; });
    kept.loop.poll();
    CHECK_FALSE(seen.ended);
    kept.client.take_all();
    kept.loop.poll();
    CHECK(seen.ended);
    CHECK_FALSE(seen.ec);
    CHECK(kept.out->prepare(ec).size() > 0);
    kept.out->commit(0);
}

TEST_CASE("prepare: room that is not used goes back")
{
    kept_writer kept;
    kept.client.take_all();
    kept.loop.poll();
    const auto before = blocks_held(kept.loop);
    error_code ec;
    REQUIRE(kept.out->prepare(ec).size() > 0);
    kept.out->commit(0);
    CHECK(blocks_held(kept.loop) == before);
    // Behind bytes that wait nothing of them is lost.
    kept.client.stall();
    kept.out->try_write("waiting");
    REQUIRE(kept.out->prepare(ec).size() > 0);
    kept.out->commit(0);
    kept.client.take_all();
    kept.loop.poll();
    CHECK(kept.client.body() == "waiting");
}

TEST_CASE("R44: prepare ends at the Content-Length, then fails")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        auto out = respond.start(with_length(20'000));
        const auto text = text_of_size(30'000);
        error_code ec;
        std::size_t done = 0;
        while (!ec) {
            done += fill(out, std::string_view(text).substr(done), 30'000, ec);
            if (!ec)
                co_await out.async_wait_writable(boost::asio::use_awaitable);
        }
        CHECK(ec == errc::length_exceeded);
        CHECK(done == 20'000);
        co_await out.finish();
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.body() == text_of_size(20'000));
    CHECK(client.ended_well());
}

TEST_CASE("R42: what is read into the response to HEAD is counted, not sent, and lets others in (F29)")
{
    bool ended = false;
    limits l;
    l.unsent_body = 20'000'000;
    const application app = [&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        error_code ec;
        const auto text = text_of_size(100'000);
        int waits = 0;
        for (std::size_t done = 0; done < 10'000'000;) {
            done += fill(out, text, 100'000, ec);
            REQUIRE_FALSE(ec);
            if (out.prepare(ec).size() == 0) {
                ++waits;
                co_await out.async_wait_writable(boost::asio::use_awaitable);
            }
        }
        CHECK(waits > 5);
        co_await out.finish();
        ended = true;
    };
    fake_loop loop(app, l);
    fake_host client(loop);
    client.request("HEAD");
    loop.poll();
    CHECK(ended);
    CHECK(client.body().empty());
    CHECK(client.ended_well());
}

TEST_CASE(
    "F10: prepare fails as every write does once the client has left, and while another operation waits")
{
    kept_writer kept;
    error_code ec;
    kept.out->try_write(text_of_size(100'000), ec);
    kept.out->async_wait_writable([](error_code) {});
    CHECK(kept.out->prepare(ec).size() == 0);
    CHECK(ec == errc::operation_pending);
    kept.client.leave();
    kept.loop.poll();
    CHECK(kept.out->prepare(ec).size() == 0);
    CHECK(ec == errc::client_gone);
}

TEST_CASE("memory_sink: prepare lends what the window has left")
{
    boost::asio::io_context context;
    auto client = testing::memory_sink::make(context.get_executor(), 1000);
    writer out(client);
    error_code ec;
    const auto text = text_of_size(1500);
    CHECK(fill(out, text, 300, ec) == 1000);
    CHECK(out.prepare(ec).size() == 0);
    CHECK_FALSE(ec);
    client->drain();
    CHECK(fill(out, std::string_view(text).substr(1000), 300, ec) == 500);
    client->drain();
    CHECK(client->received() == text);
    client->leave();
    CHECK(out.prepare(ec).size() == 0);
    CHECK(ec == errc::client_gone);
}
