// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The first promise, on the whole way of the bytes: app, writer, exchange, transport.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include <sys/mman.h>

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr std::size_t window = 64 * 1024;
constexpr auto ways = {fake_host::direct::no, fake_host::direct::give_back, fake_host::direct::adopt};

// Writes `total` bytes in pieces, and counts the writes that have returned.
struct producer {
    std::uint64_t total;
    std::size_t piece;
    std::uint64_t writes = 0;
    std::uint64_t accepted = 0;

    task<void> operator()(request&, responder respond)
    {
        auto out = respond.start(plain_text());
        for (std::uint64_t at = 0; at < total; at += piece) {
            co_await out.write(piece_at(at, std::min<std::uint64_t>(piece, total - at)));
            accepted = out.accepted();
            ++writes;
        }
    }
};

application app_of(producer& p)
{
    return [&p](request& req, responder respond) { return p(req, std::move(respond)); };
}

} // namespace

TEST_CASE("F1, F3: whatever is written, at most a window is held, and the app waits for its client")
{
    for (const auto way : ways) {
        for (const std::size_t piece : {1u, 16u, 1000u, 16'368u, 16'384u, 65'536u, 300'000u, 1u << 20}) {
            CAPTURE(static_cast<int>(way), piece);
            producer p{std::min<std::uint64_t>(2 << 20, piece * std::uint64_t{100'000}), piece};
            fake_loop loop(app_of(p));
            fake_host client(loop, way);
            client.stall();
            client.request();
            loop.poll();
            // Nothing is read: the producer is suspended, and stays so.
            const auto writes = p.writes;
            CHECK(client.held() > 0);
            CHECK(client.held() <= window);
            CHECK(writes * piece <= window);
            for (int i = 0; i < 3; ++i) {
                loop.poll();
                CHECK(p.writes == writes);
            }

            // A client of uneven steps, that stops now and then.
            std::size_t most = 0;
            std::uint64_t step = 1;
            for (int i = 0; i < 1000 && !client.ended(); ++i) {
                client.take(step);
                most = std::max(most, client.held());
                loop.poll();
                most = std::max(most, client.held());
                step = (step * 7 + 3) % 40'009;
            }
            CHECK(most <= window);
            for (int i = 0; i < 1'000'000 && !client.ended(); ++i) {
                client.take(100'000);
                loop.poll();
            }
            CHECK(client.ended_well());
            CHECK(client.peak_held() <= window);
            CHECK(client.body() == text_of_size(p.total));
            CHECK(loop.statistics().produced == p.total);
            CHECK(loop.statistics().peak_held <= window);
            CHECK(loop.statistics().pool_in_use == 0);
        }
    }
}

TEST_CASE("F1: 2 GiB in pieces of 64 KiB to a client that reads in bursts")
{
    for (const auto way : ways) {
        CAPTURE(static_cast<int>(way));
        producer p{std::uint64_t{2} << 30, 64 * 1024};
        fake_loop loop(app_of(p));
        fake_host client(loop, way);
        client.forget_content();
        client.stall();
        client.request();
        loop.poll();
        std::size_t most = 0;
        const auto head = [&] {
            return client.received_bytes() - std::min(client.received_bytes(), p.total);
        };
        for (int i = 0; i < 100'000 && !client.ended(); ++i) {
            client.take(1'000'003);
            loop.poll();
            most = std::max(most, client.held());
            if (!client.ended() && p.accepted > client.received_bytes() + window) {
                CHECK(p.accepted <= client.received_bytes() + window);
                break;
            }
        }
        CHECK(client.ended_well());
        CHECK(client.received_bytes() > p.total);
        CHECK(head() < 200);
        CHECK(most <= window);
        CHECK(loop.statistics().peak_held <= window);
        CHECK(loop.statistics().pool_peak <= window / (16 * 1024));
    }
}

TEST_CASE("F2: one write of 1 GiB is held no further than the window")
{
    constexpr std::size_t total = std::size_t{1} << 30;
    // Never written to, so all of it is the kernel's one page of zeros.
    void* const memory =
        ::mmap(nullptr, total, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    const std::unique_ptr<void, void (*)(void*)> unmap(memory, [](void* p) { ::munmap(p, total); });

    for (const auto way : ways) {
        CAPTURE(static_cast<int>(way));
        bool written = false;
        fake_loop loop([&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write(boost::asio::buffer(memory, total));
            written = true;
            CHECK(out.accepted() == total);
        });
        fake_host client(loop, way);
        client.forget_content();
        client.stall();
        client.request();
        loop.poll();
        CHECK(client.held() <= window);
        for (int i = 0; i < 100'000 && !client.ended(); ++i) {
            CHECK_FALSE((written && client.received_bytes() + window < total));
            client.take(10'000'019);
            loop.poll();
        }
        CHECK(written);
        CHECK(client.ended_well());
        CHECK(client.received_bytes() - total < 200);
        CHECK(loop.statistics().peak_held <= window);
        CHECK(loop.statistics().pool_peak <= window / (16 * 1024));
    }
}

TEST_CASE("F3, F4: 10 million writes of one byte while the client is stalled hold a window in whole blocks")
{
    std::optional<writer> out;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        out.emplace(respond.start(plain_text()));
        co_return;
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    // First a client that reads well, so that the window is wide open; then it stops.
    client.forget_content();
    while (client.x().output().window() < window)
        out->try_write(piece_at(0, 100'000)), loop.poll();
    client.stall();
    loop.poll();

    std::uint64_t taken = 0;
    std::uint64_t errors = 0;
    std::size_t most = 0;
    for (int i = 0; i < 10'000'000; ++i) {
        error_code ec;
        taken += out->try_write(std::string_view("x"), ec);
        errors += ec ? 1 : 0;
        most = std::max(most, client.held());
    }
    CHECK(errors == 0);
    CHECK(taken > window / 2);
    CHECK(taken < window);
    CHECK(most == window);

    // A whole block is released when the client has all of it, not before.
    const auto before = client.held();
    client.take(16'000);
    CHECK(client.held() == before);
    client.take(400);
    CHECK(client.held() == before - 16 * 1024);
    out.reset();
}

TEST_CASE("F4: a client that stalls from the start is held one block")
{
    std::optional<writer> out;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        out.emplace(respond.start(plain_text()));
        co_return;
    });
    fake_host client(loop);
    client.stall();
    client.request();
    loop.poll();
    for (int i = 0; i < 100'000; ++i)
        out->try_write(std::string_view("x"));
    CHECK(client.held() == 16 * 1024);
    CHECK(client.peak_held() == 16 * 1024);
    out.reset();
}

TEST_CASE("F22, F23: many stalled responses hold the pool, and each healthy one still goes on")
{
    limits l;
    l.pool_bytes = 12 * 16 * 1024;
    const std::string body = text_of_size(500'000);
    fake_loop loop(
        [&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write(body);
        },
        l);
    // Wide windows, then all of them stall.
    std::vector<std::unique_ptr<fake_host>> stalled;
    for (int i = 0; i < 10; ++i) {
        auto& c = *stalled.emplace_back(std::make_unique<fake_host>(loop, fake_host::direct::no));
        c.stall();
        REQUIRE(c.request());
        loop.poll();
    }
    for (int round = 0; round < 40; ++round) {
        for (auto& c : stalled) {
            c->x().output().drained(l.window_growth); // as if they had read a lot
            c->take(10);
        }
        loop.poll();
    }
    CHECK(loop.statistics().pool_in_use == 12);
    CHECK(loop.statistics().pool_waits > 0);

    // No block to promise: refused, not admitted to wait among those who wait.
    fake_host late(loop);
    CHECK_FALSE(late.request());

    // One of them is healthy after all: it goes through to its end with its own block.
    auto& healthy = *stalled[3];
    for (int i = 0; i < 1000 && !healthy.ended(); ++i) {
        healthy.take(5'000);
        loop.poll();
        CHECK(loop.statistics().pool_in_use <= 12);
    }
    CHECK(healthy.ended_well());
    CHECK(healthy.body() == body);

    // Its block is free now for the next.
    REQUIRE(late.request());
    loop.poll();
    CHECK(late.ended_well());
    CHECK(late.body() == body);

    // And whichever reads next advances.
    for (auto& c : stalled) {
        for (int i = 0; i < 1000 && !c->ended(); ++i) {
            c->take(9'000);
            loop.poll();
        }
        CHECK(c->ended());
    }
    CHECK(loop.statistics().pool_in_use == 0);
}

TEST_CASE("F22: without a block for its body a request is answered 503 in full")
{
    limits l;
    l.pool_bytes = 2 * 16 * 1024;
    fake_loop loop([](request&, responder) -> task<void> { co_await sleep_for(std::chrono::hours(1)); }, l);
    fake_host first(loop);
    REQUIRE(first.request());
    fake_host second(loop);
    CHECK_FALSE(second.request("POST", {}, true));
    loop.poll();
    CHECK(second.ended_well());
    CHECK(second.status() == 503);
    CHECK_FALSE(second.body().empty());
    fake_host third(loop);
    CHECK(third.request());
    fake_host fourth(loop);
    CHECK_FALSE(fourth.open());
}
