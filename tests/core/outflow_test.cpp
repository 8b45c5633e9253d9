// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/outflow.hpp>

#include "core/outflow_support.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

using namespace sluice;
using namespace sluice::test::outflow_support;

TEST_CASE("outflow: a block is open, then pulled, then back in the pool")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 20, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    CHECK(out.empty());
    CHECK_FALSE(out.can_pull());
    CHECK_FALSE(out.pull());
    CHECK(out.held() == 0);
    CHECK(out.credit() == pool.capacity());

    CHECK(out.append(bytes_of("one")) == 3);
    CHECK(out.append(bytes_of(" two")) == 4);
    CHECK(out.size() == 7);
    CHECK(out.held() == block);
    CHECK(out.credit() == pool.capacity() - 7);

    const auto first = out.pull();
    REQUIRE(first);
    CHECK(text_of(*first) == "one two");
    CHECK(out.room_behind(*first) == pool.capacity() - 7);
    CHECK_FALSE(out.can_pull());
    CHECK(out.size() == 7); // not yet with the kernel
    CHECK(out.credit() == 0);
    CHECK(out.append(bytes_of("three")) == 0); // frozen, and the window is one block

    out.release();
    CHECK(out.empty());
    CHECK(out.held() == 0);
    CHECK(out.peak_held() == block);
    CHECK(out.credit() == pool.capacity());
}

TEST_CASE("outflow: what is appended while a block is pulled goes into another, in order")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 20, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    open_wide(out);
    REQUIRE(out.append(bytes_of("first")) == 5);
    const auto first = out.pull();
    REQUIRE(first);
    std::memcpy(first->data - buffer_pool::headroom, "HEADROOM", 8); // as a transport does
    std::memset(first->data + first->size, 0, buffer_pool::tailroom);

    REQUIRE(out.append(bytes_of("second")) == 6);
    CHECK(text_of(*first) == "first");
    const auto second = out.pull();
    REQUIRE(second);
    CHECK(text_of(*second) == "second");
    CHECK(out.held() == 2 * block);
    CHECK(out.size() == 11);
    out.release();
    CHECK(out.size() == 6);
    CHECK(text_of(*second) == "second");
    out.release();
    CHECK(out.empty());
}

TEST_CASE("outflow: an empty append takes no block")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 20, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    CHECK(out.append({}) == 0);
    CHECK(out.held() == 0);
    CHECK_FALSE(out.can_pull());
}

TEST_CASE("outflow: there is credit exactly as long as append takes something")
{
    // Against every mixture of writes, pulls and releases, with a pool that is short at times.
    const auto l = make_limits(4 * 4096, 20'000);
    buffer_pool pool(6 * 4096, 4096);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    buffer_pool::account other(pool);
    std::vector<buffer_pool::block> others;

    const auto bytes = pattern(251 * 200);
    std::mt19937 random(7); // NOLINT(cert-msc51-cpp): the same run each time
    std::uint64_t written = 0;
    std::uint64_t taken = 0;
    std::size_t pulled = 0;
    std::vector<outflow::segment> segments;
    std::size_t refused = 0;
    for (int step = 0; step < 100'000; ++step) {
        const auto must = [step](bool ok, const char* what) {
            if (!ok)
                FAIL("step " << step << ": " << what);
        };
        switch (random() % 8) {
        case 0:
        case 1:
        case 2:
        case 3: {
            const auto piece =
                std::span(bytes).subspan(written % 251, random() % 3 == 0 ? random() % 9000 : random() % 60);
            const auto credit = out.credit();
            const auto n = out.append(piece);
            must(n >= std::min(credit, piece.size()), "less was taken than there was credit");
            must((n > 0) == (credit > 0 && !piece.empty()), "credit was wrong");
            refused += n == 0;
            written += n;
            break;
        }
        case 4:
            if (const auto s = out.pull()) {
                must(s->size > 0, "an empty block was pulled");
                segments.push_back(*s);
                ++pulled;
            }
            break;
        case 5:
            if (pulled > 0) {
                const auto s = segments.front();
                for (std::size_t i = 0; i < s.size; ++i)
                    must(s.data[i] == pattern_at(taken + i), "a byte is wrong");
                taken += s.size;
                segments.erase(segments.begin());
                --pulled;
                out.release();
                out.drained(s.size);
            }
            break;
        case 6:
            if (random() % 20 == 0)
                out.stalled();
            break;
        default:
            if (random() % 2 == 0) {
                if (auto b = other.acquire())
                    others.push_back(std::move(b));
            } else if (!others.empty()) {
                others.pop_back();
            }
        }
        must(out.size() == written - taken, "size() is wrong");
        must(out.empty() == (written == taken), "empty() is wrong");
        must(out.held() <= 4 * 4096, "more than the window is held");
    }
    CHECK(refused > 1000);
    CHECK(taken > 10'000'000);
}

TEST_CASE(
    "outflow: the window starts at one block, doubles with what is drained, and falls when the client stalls")
{
    struct row {
        const char* what;
        std::size_t max;
        std::vector<std::size_t> windows; // in blocks, after each window_growth drained
    };
    const row rows[] = {
        {"less than a block is one", 100, {1, 1}},
        {"one block", block, {1, 1}},
        {"not a multiple: rounded down", 3 * block + 5000, {1, 2, 3, 3}},
        {"the default", 4 * block, {1, 2, 4, 4}},
        {"a wide one", 32 * block, {1, 2, 4, 8, 16, 32, 32}},
    };
    constexpr std::size_t growth = 100'000;
    for (const auto& r : rows) {
        CAPTURE(r.what);
        const auto l = make_limits(r.max, growth);
        buffer_pool pool(64 * block, block);
        outflow out(pool, l);
        REQUIRE(out.reserve());
        for (int again = 0; again < 2; ++again) {
            for (const auto expected : r.windows) {
                CHECK(out.window() == expected * block);
                out.drained(growth - 1);
                CHECK(out.window() == expected * block);
                out.drained(1);
            }
            out.drained(growth - 1);
            out.stalled();
            CHECK(out.window() == block);
            out.drained(growth - 1); // counts from the stall on
            CHECK(out.window() == block);
            out.stalled();
        }
    }
}

TEST_CASE("outflow: after a stall nothing is appended before what is held has fallen below the small window")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 20, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    open_wide(out);
    const auto bytes = pattern(window);
    REQUIRE(out.append(bytes) == 4 * pool.capacity());
    CHECK(out.held() == window);
    out.stalled();
    CHECK(out.held() == window); // nothing is lost
    CHECK(out.credit() == 0);
    for (int i = 0; i < 3; ++i) {
        REQUIRE(take_block(out) > 0);
        CHECK(out.append(bytes) == 0);
    }
    REQUIRE(take_block(out) > 0);
    CHECK(out.append(bytes) == pool.capacity());
}

TEST_CASE("outflow: adopted bytes are a pulled block of their own")
{
    const auto l = make_limits();
    buffer_pool pool(1 << 20, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    const auto bytes = pattern(pool.capacity());
    for (const std::size_t n : {std::size_t{1}, std::size_t{8}, pool.capacity() - 1, pool.capacity()}) {
        CAPTURE(n);
        const auto s = out.adopt(std::span(bytes).first(n));
        REQUIRE(s);
        CHECK(s->size == n);
        CHECK(std::memcmp(s->data, bytes.data(), n) == 0);
        CHECK(out.size() == n);
        CHECK(out.held() == block);
        CHECK_FALSE(out.can_pull());
        CHECK(out.append(bytes_of("x")) == 0); // frozen, the window is one block
        out.release();
        CHECK(out.empty());
    }
    CHECK(out.peak_held() == block);
}

TEST_CASE("F23: with its reserve a stream always has one block, without it none when the pool is lent out")
{
    const auto l = make_limits();
    buffer_pool pool(2 * block, block);
    outflow out(pool, l);
    buffer_pool::account other(pool);
    REQUIRE(out.reserve());
    auto lent = other.acquire();
    REQUIRE(lent);
    CHECK_FALSE(other.acquire());

    open_wide(out);
    const auto bytes = pattern(window);
    CHECK(out.append(bytes) == pool.capacity());
    CHECK(out.credit() == 0);
    REQUIRE(take_block(out) > 0);
    CHECK(out.adopt(bytes_of("rest")));
    out.release();

    outflow late(pool, l);
    CHECK_FALSE(late.reserve());
    CHECK(late.credit() == 0);
    CHECK(late.append(bytes) == 0);
    CHECK_FALSE(late.adopt(bytes_of("rest")));

    lent.reset();
    CHECK(late.reserve());
    CHECK(late.append(bytes) == pool.capacity());
}

TEST_CASE("outflow: reset gives everything back and begins anew")
{
    const auto l = make_limits();
    buffer_pool pool(8 * block, block);
    outflow out(pool, l);
    REQUIRE(out.reserve());
    open_wide(out);
    REQUIRE(out.append(pattern(window)) > 3 * block);
    REQUIRE(out.pull());
    out.reset();
    CHECK(out.empty());
    CHECK(out.held() == 0);
    CHECK(out.peak_held() == 0);
    CHECK(out.window() == block);
    CHECK_FALSE(out.can_pull());
    CHECK(pool.stats().in_use == 0);
    CHECK(pool.can_reserve(8));

    REQUIRE(out.reserve());
    REQUIRE(out.append(bytes_of("again")) == 5);
    const auto s = out.pull();
    REQUIRE(s);
    CHECK(text_of(*s) == "again");
}
