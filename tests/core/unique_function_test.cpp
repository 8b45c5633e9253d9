// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/unique_function.hpp>

#include "support/allocation_count.hpp"
#include "support/catch.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace {

using sluice::detail::unique_function;

// Counts how many of it live and how often it was called; `Size` bytes on top.
template <std::size_t Size, bool NothrowMove = true>
struct probe {
    probe(int& live_count, int& call_count) : live(&live_count), calls(&call_count) { ++*live; }
    probe(probe&& other) noexcept(NothrowMove) : live(other.live), calls(other.calls) { ++*live; }
    ~probe() { --*live; }
    probe(const probe&) = delete;
    probe& operator=(const probe&) = delete;
    probe& operator=(probe&&) = delete;
    void operator()(int n) const { *calls += n; }

    int* live;
    int* calls;
    std::array<char, Size> ballast{};
};

template <class Probe>
void check_life(bool in_place)
{
    int live = 0;
    int calls = 0;
    {
        Probe p(live, calls);
        const auto before = sluice::test::allocations();
        unique_function<void(int)> f(std::move(p));
        if (sluice::test::allocations_are_counted())
            CHECK((sluice::test::allocations() == before) == in_place);
        CHECK(live == 2);
        REQUIRE(f);
        f(1);
        f(10);
        CHECK(calls == 11);

        unique_function<void(int)> g(std::move(f));
        CHECK_FALSE(f); // NOLINT(bugprone-use-after-move): moved from is empty
        CHECK(live == 2);
        g(100);
        CHECK(calls == 111);

        unique_function<void(int)> h(Probe(live, calls));
        CHECK(live == 3);
        h = std::move(g);
        CHECK(live == 2);
        h(1000);
        CHECK(calls == 1111);

        auto& same = h;
        h = std::move(same);
        REQUIRE(h);
        CHECK(live == 2);

        h = {};
        CHECK_FALSE(h);
        CHECK(live == 1);
    }
    CHECK(live == 0);
}

} // namespace

TEST_CASE(
    "unique_function: up to six words are kept in place, what is larger or may throw when moved on the heap")
{
    check_life<probe<1>>(true);
    check_life<probe<4 * sizeof(void*)>>(true);
    check_life<probe<4 * sizeof(void*) + 1>>(false);
    check_life<probe<1000>>(false);
    check_life<probe<1, false>>(false);
}

TEST_CASE("unique_function: takes callables that cannot be copied, and passes arguments on without copies")
{
    std::string seen;
    unique_function<void(std::unique_ptr<int>, std::string&)> f(
        [own = std::make_unique<int>(40)](std::unique_ptr<int> n, std::string& to) {
            to = std::to_string(*own + *n);
        });
    f(std::make_unique<int>(2), seen);
    CHECK(seen == "42");
}

TEST_CASE("unique_function: an empty one is false and can be moved")
{
    unique_function<void()> f;
    CHECK_FALSE(f);
    unique_function<void()> g(std::move(f));
    CHECK_FALSE(g);
    int calls = 0;
    g = [&calls] { ++calls; };
    REQUIRE(g);
    g();
    CHECK(calls == 1);
    f = std::move(g);
    f();
    CHECK(calls == 2);
}

TEST_CASE("unique_function: the callable may replace the function it was called through after moving it out")
{
    // As a waiter does: it is taken out, called, and starts the next wait.
    unique_function<void()> slot;
    int calls = 0;
    struct again {
        unique_function<void()>& slot;
        int& calls;
        void operator()() const
        {
            if (++calls < 5)
                slot = again{slot, calls};
        }
    };
    slot = again{slot, calls};
    while (slot)
        std::exchange(slot, {})();
    CHECK(calls == 5);
}
