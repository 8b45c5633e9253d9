// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/file_threads.hpp>

#include "support/catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <thread>

using namespace sluice;
using detail::file_threads;
namespace asio = boost::asio;

namespace {

/// Runs `read` in a thread of `loop`'s, `done` behind it on the loop.
void start(asio::io_context& loop, std::function<void()> read, std::function<void()> done)
{
    asio::co_spawn(
        loop,
        [](asio::io_context& l, std::function<void()> r, std::function<void()> d) -> task<void> {
            co_await file_threads::of(l.get_executor()).run(std::ref(r));
            d();
        }(loop, std::move(read), std::move(done)),
        asio::detached);
}

} // namespace

TEST_CASE("R29: what waits for a disk waits in a thread, and the loop goes on")
{
    asio::io_context loop;
    CHECK_FALSE(file_threads::of(loop.get_executor()).started());
    const auto own = std::this_thread::get_id();
    std::thread::id reader, resumed;
    start(
        loop, [&] { reader = std::this_thread::get_id(); }, [&] { resumed = std::this_thread::get_id(); });
    loop.run(); // has work until the thread has told
    CHECK(file_threads::of(loop.get_executor()).started());
    CHECK(reader != std::thread::id());
    CHECK(reader != own);
    CHECK(resumed == own);
}

TEST_CASE("R29: as many threads as the limit says wait at once, and the others take their turn")
{
    for (const std::size_t most : {1u, 3u}) {
        asio::io_context loop;
        file_threads::of(loop.get_executor()).limit(most);
        std::counting_semaphore<> go(0);
        std::atomic<std::size_t> waiting = 0;
        std::size_t highest = 0, done = 0;
        for (int i = 0; i < 8; ++i)
            start(
                loop,
                [&] {
                    ++waiting;
                    go.acquire();
                    --waiting;
                },
                [&] { ++done; });
        loop.poll();
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (waiting < most && std::chrono::steady_clock::now() < deadline)
            std::this_thread::yield();
        highest = waiting;
        go.release(8);
        loop.run();
        CHECK(highest == most);
        CHECK(done == 8);
    }
}

TEST_CASE("R29: a loop that goes waits for the read that has begun, and drops the others")
{
    const auto held = std::make_shared<int>();
    std::atomic<int> begun = 0, ended = 0;
    std::binary_semaphore go(0);
    bool resumed = false;
    std::optional<asio::io_context> loop(std::in_place);
    file_threads::of(loop->get_executor()).limit(1);
    for (int i = 0; i < 3; ++i)
        start(
            *loop,
            [&, held] {
                ++begun;
                go.acquire();
                ++ended;
            },
            [&] { resumed = true; });
    loop->poll();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (begun == 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    REQUIRE(begun == 1);
    std::jthread disk([&] { go.release(); });
    loop.reset();
    CHECK(begun == ended);
    CHECK_FALSE(resumed);
    CHECK(held.use_count() == 1);
}
