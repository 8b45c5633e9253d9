// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The first promise, on the machine that keeps it.
#include <sluice/outflow.hpp>

#include "core/outflow_support.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

#include <sys/mman.h>

using namespace sluice;
using namespace sluice::test::outflow_support;

TEST_CASE("F1, F3: 2 GiB written in 64 KiB pieces never hold more than the window")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 22, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    constexpr std::uint64_t total = std::uint64_t{2} << 30;
    const auto bytes = pattern(251 + 64 * 1024);

    // A client that has stopped: every further write is refused, not only the first one.
    std::uint64_t accepted = 0;
    for (std::uint64_t offered = 0; offered < total; offered += 64 * 1024) {
        accepted += out.append(std::span(bytes).subspan(accepted % 251, 64 * 1024));
        REQUIRE(out.held() <= block);
        if (offered % (64 * 1024 * 100) == 0)
            out.stalled();
    }
    CHECK(accepted == pool.capacity());

    // One that takes a block whenever there is no room: all of it passes, through the window.
    std::uint64_t taken = 0;
    while (accepted < total) {
        const auto piece = std::min<std::uint64_t>(64 * 1024, total - accepted);
        const auto n = out.append(std::span(bytes).subspan(accepted % 251, piece));
        accepted += n;
        REQUIRE(out.held() <= window);
        REQUIRE(out.held() == pool.stats().in_use * block);
        if (n == piece)
            continue;
        const auto s = out.pull();
        REQUIRE(s);
        REQUIRE(std::memcmp(s->data, bytes.data() + taken % 251, s->size) == 0);
        taken += s->size;
        out.release();
        out.drained(s->size);
    }
    CHECK(taken + out.size() == total);
    CHECK(out.peak_held() == window);
    CHECK(pool.stats().peak == window / block);
}

TEST_CASE("F2: one write of 1 GiB holds no more than the window")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 22, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    constexpr std::size_t total = std::size_t{1} << 30;
    // Never written to, so all of it is the kernel's one page of zeros.
    void* const memory =
        ::mmap(nullptr, total, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    const std::unique_ptr<void, void (*)(void*)> unmap(memory, [](void* p) { ::munmap(p, total); });
    std::span<const std::byte> rest(static_cast<const std::byte*>(memory), total);

    std::uint64_t taken = 0;
    while (!rest.empty()) {
        rest = rest.subspan(out.append(rest));
        REQUIRE(out.held() <= window);
        taken += take_block(out);
    }
    while (const auto n = take_block(out))
        taken += n;
    CHECK(taken == total);
    CHECK(out.peak_held() == window);
}

TEST_CASE("F4: 10 million writes of one byte are held in whole blocks, up to the window")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 22, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    open_wide(out);
    constexpr std::uint64_t writes = 10'000'000;
    const std::byte one[] = {std::byte{1}};

    SECTION("the client has stopped")
    {
        std::uint64_t accepted = 0;
        std::size_t most = 0;
        for (std::uint64_t i = 0; i < writes; ++i) {
            accepted += out.append(one);
            most = std::max(most, out.held());
        }
        CHECK(accepted == 4 * pool.capacity());
        CHECK(most == window);
        CHECK(pool.stats().peak == 4);
    }
    SECTION("every byte is framed at once, so that each costs a block")
    {
        std::uint64_t accepted = 0;
        std::size_t most = 0;
        for (std::uint64_t i = 0; i < writes; ++i) {
            accepted += out.append(one);
            out.pull();
            most = std::max(most, out.held());
        }
        CHECK(accepted == 4);
        CHECK(most == window);
    }
    SECTION("the client takes a block when there is no room")
    {
        std::uint64_t accepted = 0;
        std::uint64_t taken = 0;
        std::uint64_t blocks = 0;
        std::size_t most = 0;
        while (accepted < writes) {
            const auto n = out.append(one);
            accepted += n;
            most = std::max(most, out.held());
            if (n == 0) {
                taken += take_block(out);
                ++blocks;
            }
        }
        CHECK(taken + out.size() == writes);
        CHECK(most == window);
        CHECK(blocks <= writes / pool.capacity() + 1); // gathered
    }
}
