// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/inflow.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sluice;

constexpr std::size_t block = 4096;

limits make_limits(std::size_t input_window = 4 * block)
{
    limits l;
    l.input_window = input_window;
    return l;
}

std::string pattern(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        s[i] = static_cast<char>(i % 251); // every byte value up to 250, NUL among them
    return s;
}

std::span<const std::byte> bytes_of(std::string_view s)
{
    return std::as_bytes(std::span(s.data(), s.size()));
}

std::string read(inflow& in, std::size_t most)
{
    std::string to(most, '?');
    error_code ec;
    to.resize(in.read(std::as_writable_bytes(std::span(to.data(), to.size())), ec));
    CHECK_FALSE(ec);
    return to;
}

} // namespace

TEST_CASE("inflow: only reading gives credit back, and all credit together is bounded by the window")
{
    for (const std::size_t window : {std::size_t{1}, block, 2 * block, 4 * block, 4 * block + 100}) {
        CAPTURE(window);
        const auto l = make_limits(window);
        const auto blocks = std::max<std::size_t>(1, window / block);
        buffer_pool pool(16 * block, block);
        inflow in(pool, l);
        REQUIRE(in.reserve());
        CHECK(in.credit() == pool.capacity());

        std::size_t pushed = 0;
        const auto source = pattern(blocks * block);
        while (const auto n = in.credit()) {
            REQUIRE(pushed + n <= source.size());
            in.push(bytes_of(std::string_view(source).substr(pushed, n)));
            pushed += n;
            CHECK(in.size() == pushed);
        }
        CHECK(pushed == blocks * pool.capacity());
        CHECK(pool.stats().in_use == blocks);

        // Within the first block nothing is free yet; with it a whole block is.
        CHECK(read(in, pool.capacity() - 1) == source.substr(0, pool.capacity() - 1));
        CHECK(in.credit() == 0);
        CHECK(read(in, 1) == source.substr(pool.capacity() - 1, 1));
        CHECK(in.credit() == pool.capacity());
        CHECK(read(in, source.size()) == source.substr(pool.capacity(), pushed - pool.capacity()));
        CHECK(in.size() == 0);
        CHECK(pool.stats().in_use == 0);
        CHECK(read(in, 10).empty());
    }
}

TEST_CASE("R17: every byte comes out once and in order, for every size of push and read")
{
    const auto l = make_limits();
    buffer_pool pool(16 * block, block);
    const auto capacity = pool.capacity();
    const auto source = pattern(3 * block + 77);
    const std::size_t sizes[] = {
        1, 2, 3, 7, 61, 1000, capacity - 1, capacity, capacity + 1, 2 * capacity + 5};
    for (const auto push : sizes) {
        for (const auto take : sizes) {
            CAPTURE(push, take);
            inflow in(pool, l);
            REQUIRE(in.reserve());
            std::string out;
            std::size_t at = 0;
            std::size_t guard = 0;
            while (out.size() < source.size() && ++guard < 100'000) {
                const auto n = std::min({push, source.size() - at, in.credit()});
                in.push(bytes_of(std::string_view(source).substr(at, n)));
                at += n;
                out += read(in, take);
            }
            CHECK(out == source);
            CHECK(in.size() == 0);
        }
    }
    CHECK(pool.stats().in_use == 0);
}

TEST_CASE("inflow: a waiting reader's own buffer is filled first, the rest goes into blocks, cut anywhere")
{
    const auto l = make_limits();
    buffer_pool pool(16 * block, block);
    const std::string source = pattern(24);
    for (std::size_t loan = 0; loan <= source.size() + 1; ++loan) {
        for (std::size_t first = 0; first <= source.size(); ++first) {
            for (std::size_t second = first; second <= source.size(); second += 5) {
                CAPTURE(loan, first, second);
                inflow in(pool, l);
                REQUIRE(in.reserve());
                std::string own(loan, '?');
                in.lend(std::as_writable_bytes(std::span(own.data(), own.size())));
                CHECK(in.credit() == loan + pool.capacity());
                in.push(bytes_of(std::string_view(source).substr(0, first)));
                in.push(bytes_of(std::string_view(source).substr(first, second - first)));
                in.push(bytes_of(std::string_view(source).substr(second)));
                const auto got = std::min(loan, source.size());
                CHECK(in.lent() == got);
                CHECK(in.size() == source.size() - got);
                REQUIRE(in.end_loan() == got);
                CHECK(in.lent() == 0);
                CHECK(own.substr(0, got) + read(in, source.size()) == source);

                in.push(bytes_of("after")); // the loan is over: its buffer is not touched any more
                CHECK(own.substr(got) == std::string(loan - got, '?'));
                CHECK(read(in, 10) == "after");
            }
        }
    }
}

TEST_CASE("inflow: what goes straight to the reader takes no block")
{
    const auto l = make_limits();
    buffer_pool pool(16 * block, block);
    inflow in(pool, l);
    REQUIRE(in.reserve());
    std::string own(100'000, '?');
    const auto source = pattern(own.size());
    in.lend(std::as_writable_bytes(std::span(own.data(), own.size())));
    in.push(bytes_of(source));
    CHECK(pool.stats().peak == 0);
    CHECK(in.end_loan() == source.size());
    CHECK(own == source);
}

TEST_CASE("F23: with its reserve a body always has one block, without it none when the pool is lent out")
{
    const auto l = make_limits();
    buffer_pool pool(2 * block, block);
    inflow in(pool, l);
    buffer_pool::account other(pool);
    REQUIRE(in.reserve());
    auto lent = other.acquire();
    REQUIRE(lent);

    const auto source = pattern(2 * block);
    CHECK(in.credit() == pool.capacity());
    in.push(bytes_of(std::string_view(source).substr(0, pool.capacity())));
    CHECK(in.credit() == 0); // the window would allow more
    CHECK(read(in, block) == source.substr(0, pool.capacity()));
    CHECK(in.credit() == pool.capacity());

    inflow late(pool, l);
    CHECK_FALSE(late.reserve());
    CHECK(late.credit() == 0);
    lent.reset();
    CHECK(late.reserve());
    CHECK(late.credit() == pool.capacity());
}

TEST_CASE("inflow: reset drops content, loan and reserve")
{
    const auto l = make_limits();
    buffer_pool pool(2 * block, block);
    inflow in(pool, l);
    REQUIRE(in.reserve());
    std::string own(4, '?');
    in.lend(std::as_writable_bytes(std::span(own.data(), own.size())));
    in.push(bytes_of("0123456789"));
    in.reset();
    CHECK(in.size() == 0);
    CHECK(in.lent() == 0);
    CHECK(in.end_loan() == 0);
    CHECK(pool.stats().in_use == 0);
    CHECK(pool.can_reserve(2));

    REQUIRE(in.reserve());
    in.push(bytes_of("again"));
    CHECK(own == "0123"); // of the dropped loan
    CHECK(read(in, 10) == "again");
}
