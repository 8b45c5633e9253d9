// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/buffer_pool.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace {

using sluice::buffer_pool;
using account = buffer_pool::account;
using block = buffer_pool::block;

constexpr std::size_t size = 16 * 1024;

// How many pages of the block are in memory.
std::size_t resident_pages(const std::byte* content)
{
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> pages(size / page);
    auto* const base = const_cast<std::byte*>(content) - buffer_pool::headroom;
    REQUIRE(::mincore(base, size, pages.data()) == 0);
    return static_cast<std::size_t>(
        std::count_if(pages.begin(), pages.end(), [](unsigned char p) { return (p & 1) != 0; }));
}

} // namespace

TEST_CASE("buffer_pool: a block size must be a power of two from 4096 to 16 MiB")
{
    for (const std::size_t wrong : {0u, 1u, 512u, 2048u, 4095u, 4097u, 12288u, 16383u, 1u << 25}) {
        CAPTURE(wrong);
        CHECK_THROWS_AS(buffer_pool(1 << 20, wrong), std::invalid_argument);
    }
    for (const std::size_t right : {4096u, 8192u, 16384u, 65536u, 1u << 24}) {
        CAPTURE(right);
        const buffer_pool pool(1, right);
        CHECK(pool.stats().total == 1);
        CHECK(pool.block_size() == right);
        CHECK(pool.capacity() == right - buffer_pool::headroom - buffer_pool::tailroom);
    }
    CHECK(buffer_pool(10 * size + size / 2, size).stats().total == 10);
}

TEST_CASE("buffer_pool: blocks do not overlap, room before and after the content included")
{
    buffer_pool pool(8 * 4096, 4096);
    account a(pool);
    std::vector<block> blocks;
    while (auto b = a.acquire())
        blocks.push_back(std::move(b));
    REQUIRE(blocks.size() == 8);

    const auto whole = pool.block_size();
    for (std::size_t i = 0; i < blocks.size(); ++i)
        std::memset(blocks[i].data() - buffer_pool::headroom, static_cast<int>(i + 1), whole);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        CAPTURE(i);
        const auto* const p = blocks[i].data() - buffer_pool::headroom;
        CHECK(std::count(p, p + whole, static_cast<std::byte>(i + 1)) == static_cast<std::ptrdiff_t>(whole));
    }
}

TEST_CASE("buffer_pool: a block goes back when it is destroyed, reset or assigned over")
{
    buffer_pool pool(4 * size, size);
    account a(pool);
    {
        const auto b = a.acquire();
        CHECK(a.held() == 1);
        CHECK(pool.stats().in_use == 1);
    }
    CHECK(a.held() == 0);

    auto b = a.acquire();
    auto c = a.acquire();
    b = std::move(c);
    CHECK_FALSE(c); // NOLINT(bugprone-use-after-move): moved from is empty
    CHECK(a.held() == 1);
    block d(std::move(b));
    CHECK(a.held() == 1);
    d.reset();
    d.reset();
    CHECK(a.held() == 0);
    CHECK(pool.stats().in_use == 0);
    CHECK(pool.stats().peak == 2);
}

TEST_CASE("buffer_pool: a reserve is granted only while there are blocks nobody was promised")
{
    buffer_pool pool(4 * size, size);
    account a(pool);
    account b(pool);
    account c(pool);
    CHECK(a.reserve(2));
    CHECK(b.reserve(2));
    CHECK_FALSE(pool.can_reserve(1));
    CHECK_FALSE(c.reserve(1));
    CHECK_FALSE(a.reserve(3));
    CHECK(a.reserve(2)); // what failed left it as it was

    CHECK(a.reserve(1)); // smaller always can
    CHECK(c.reserve(1));
    CHECK_FALSE(b.reserve(3));
    CHECK(c.reserve(0));
    CHECK(b.reserve(3));

    auto held = b.acquire();
    CHECK(b.reserve(0)); // the block taken stays taken
    CHECK(b.held() == 1);
    CHECK(c.reserve(2));
    CHECK_FALSE(c.reserve(3));
    held.reset();
    CHECK(c.reserve(3));
}

TEST_CASE("buffer_pool: an account that ends gives its reserve back")
{
    buffer_pool pool(size, size);
    {
        account a(pool);
        REQUIRE(a.reserve(1));
        CHECK_FALSE(pool.can_reserve(1));
    }
    CHECK(pool.can_reserve(1));
}

TEST_CASE("F22, F23: what was promised to others is not lent, and counts as a wait")
{
    buffer_pool pool(4 * size, size);
    account careful(pool);
    account greedy(pool);
    REQUIRE(careful.reserve(2));
    REQUIRE(greedy.reserve(1));

    std::vector<block> taken;
    while (auto b = greedy.acquire())
        taken.push_back(std::move(b));
    CHECK(taken.size() == 2); // its own and the one that nobody has reserved
    CHECK(pool.stats().waits == 1);
    CHECK_FALSE(greedy.can_acquire());
    CHECK_FALSE(greedy.acquire());
    CHECK(pool.stats().waits == 2);

    CHECK(careful.can_acquire());
    auto first = careful.acquire();
    auto second = careful.acquire();
    CHECK((first && second));
    CHECK(pool.stats().in_use == 4);
    CHECK_FALSE(careful.acquire());

    first.reset(); // its own again, not to be lent
    CHECK_FALSE(greedy.can_acquire());
    CHECK(careful.can_acquire());
    taken.pop_back(); // the borrowed one: to be lent to anyone
    CHECK(greedy.can_acquire());
    auto again = careful.acquire();
    auto borrowed = careful.acquire();
    CHECK((again && borrowed));
    CHECK(greedy.held() == 1);
    CHECK_FALSE(greedy.can_acquire());
}

TEST_CASE("F23: no promise is ever broken, whatever is reserved, taken and given back")
{
    constexpr std::size_t total = 13;
    buffer_pool pool(total * 4096, 4096);
    struct user {
        std::unique_ptr<account> acct;
        std::size_t reserved = 0;
        std::vector<block> blocks;
    };
    std::vector<user> users(5);
    for (auto& u : users)
        u.acct = std::make_unique<account>(pool);

    const auto below = [](std::size_t n, auto& random) { return static_cast<std::size_t>(random()) % n; };
    std::mt19937 random(20260101); // NOLINT(cert-msc51-cpp): the same run each time
    std::size_t refused = 0;
    std::size_t peak = 0;
    for (int step = 0; step < 200'000; ++step) {
        const auto must = [step](bool ok, const char* what) {
            if (!ok)
                FAIL("step " << step << ": " << what); // a million times CHECK would take seconds
        };
        auto& u = users[below(users.size(), random)];
        switch (below(4, random)) {
        case 0: {
            const auto n = below(6, random);
            const bool granted = u.acct->reserve(n);
            must(granted || n > u.reserved, "a smaller reserve was refused");
            if (granted)
                u.reserved = n;
            break;
        }
        case 1:
        case 2: {
            const bool promised = u.blocks.size() < u.reserved;
            const bool possible = u.acct->can_acquire();
            auto b = u.acct->acquire();
            must(static_cast<bool>(b) == possible, "can_acquire said otherwise");
            must(b || !promised, "a promise was broken");
            if (b)
                u.blocks.push_back(std::move(b));
            else
                ++refused;
            break;
        }
        default:
            if (!u.blocks.empty())
                u.blocks.erase(u.blocks.begin() +
                               static_cast<std::ptrdiff_t>(below(u.blocks.size(), random)));
        }

        std::size_t held = 0;
        std::size_t promised = 0;
        for (const auto& each : users) {
            must(each.acct->held() == each.blocks.size(), "held() is wrong");
            held += each.blocks.size();
            promised += std::max(each.reserved, each.blocks.size()) - each.blocks.size();
        }
        must(held + promised <= total, "more was promised than there is");
        must(pool.stats().in_use == held, "in_use is wrong");
        must(pool.can_reserve(total - held - promised), "what is free cannot be reserved");
        must(!pool.can_reserve(total - held - promised + 1), "more than is free could be reserved");
        peak = std::max(peak, held);
    }
    CHECK(refused > 1000); // the pool was short often enough to mean something
    CHECK(pool.stats().peak == peak);
    CHECK(pool.stats().waits == refused);
}

TEST_CASE("buffer_pool: pages are committed when first used, and idle ones given back by trim")
{
    buffer_pool pool(16 * size, size);
    account a(pool);
    std::vector<block> blocks;
    for (int i = 0; i < 8; ++i)
        blocks.push_back(a.acquire());

    std::vector<std::byte*> content;
    for (auto& b : blocks) {
        CHECK(resident_pages(b.data()) == 0);
        std::memset(b.data(), 0x5a, pool.capacity());
        CHECK(resident_pages(b.data()) == size / static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
        content.push_back(b.data());
    }

    pool.trim();
    pool.trim();
    for (const auto* p : content) {
        CHECK(resident_pages(p) > 0); // in use: never taken away
        CHECK(std::count(p, p + pool.capacity(), std::byte{0x5a}) ==
              static_cast<std::ptrdiff_t>(pool.capacity()));
    }

    blocks.clear();
    pool.trim(); // they were in use since the last one
    for (const auto* p : content)
        CHECK(resident_pages(p) > 0);

    blocks.push_back(a.acquire()); // used since, so it stays
    const auto* const warm = blocks.back().data();
    blocks.clear();
    pool.trim();
    for (const auto* p : content) {
        CAPTURE(p == warm);
        CHECK((resident_pages(p) > 0) == (p == warm));
    }
    CHECK(std::find(content.begin(), content.end(), warm) != content.end());

    pool.trim();
    CHECK(resident_pages(warm) == 0);

    auto again = a.acquire();
    REQUIRE(again);
    std::memset(again.data(), 1, pool.capacity()); // usable as ever
    CHECK(resident_pages(again.data()) > 0);
}
