// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/turn.hpp>

#include "support/catch.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace {

using sluice::detail::turn;

// A turn whose `schedule` is counted, and a log of what ran.
struct fixture {
    int scheduled = 0;
    std::string ran;
    turn t{[this] { ++scheduled; }};
};

struct named_task final : turn::task {
    named_task(fixture& f, char c, std::function<void()> more = {}) : owner(f), name(c), then(std::move(more))
    {}
    void run() override
    {
        owner.ran += name;
        if (then)
            then();
    }
    fixture& owner;
    char name;
    std::function<void()> then;
};

} // namespace

TEST_CASE("turn: what is put off within a scope runs when it ends, once and in order")
{
    fixture f;
    named_task a(f, 'a');
    named_task b(f, 'b');
    named_task c(f, 'c');
    {
        const turn::scope scope(f.t);
        CHECK(f.t.active());
        f.t.put_off(b);
        f.t.put_off(a);
        f.t.put_off(b);
        f.t.put_off(c);
        CHECK(f.ran.empty());
    }
    CHECK(f.ran == "bac");
    CHECK(f.scheduled == 0);
    CHECK_FALSE(f.t.active());
    {
        const turn::scope scope(f.t);
    }
    CHECK(f.ran == "bac");
}

TEST_CASE("turn: nested scopes run nothing before the outermost ends")
{
    fixture f;
    named_task a(f, 'a');
    {
        const turn::scope outer(f.t);
        {
            const turn::scope inner(f.t);
            f.t.put_off(a);
        }
        CHECK(f.ran.empty());
        CHECK(f.t.active());
    }
    CHECK(f.ran == "a");
}

TEST_CASE("turn: put off outside of a scope, it asks for a turn of its own, once")
{
    fixture f;
    named_task a(f, 'a');
    named_task b(f, 'b');
    f.t.put_off(a);
    f.t.put_off(b);
    f.t.put_off(a);
    CHECK(f.scheduled == 1);
    CHECK(f.ran.empty());
    f.t.run();
    CHECK(f.ran == "ab");
    f.t.put_off(a);
    CHECK(f.scheduled == 2);
    f.t.run();
    CHECK(f.ran == "aba");
    f.t.run();
    CHECK(f.ran == "aba");
}

TEST_CASE("turn: a scope runs what waits for its own turn, which then finds nothing")
{
    fixture f;
    named_task a(f, 'a');
    f.t.put_off(a);
    {
        const turn::scope scope(f.t);
    }
    CHECK(f.ran == "a");
    f.t.run();
    CHECK(f.ran == "a");
    f.t.put_off(a);
    CHECK(f.scheduled == 2);
}

TEST_CASE("F29: two rounds a turn - what they put off waits for the next")
{
    fixture f;
    // Each puts the next off: an app resumed, its output pumped, resumed again…
    named_task d(f, 'd');
    named_task c(f, 'c', [&] { f.t.put_off(d); });
    named_task b(f, 'b', [&] { f.t.put_off(c); });
    named_task a(f, 'a', [&] { f.t.put_off(b); });
    {
        const turn::scope scope(f.t);
        f.t.put_off(a);
    }
    CHECK(f.ran == "ab");
    CHECK(f.scheduled == 1);
    f.t.run();
    CHECK(f.ran == "abcd");
    CHECK(f.scheduled == 1);
}

TEST_CASE("F29: a task that always puts itself off again runs twice a turn, and asks for one more each time")
{
    fixture f;
    named_task* self = nullptr;
    named_task a(f, 'a', [&] { f.t.put_off(*self); });
    self = &a;
    {
        const turn::scope scope(f.t);
        f.t.put_off(a);
    }
    CHECK(f.ran == "aa");
    for (int turns = 1; turns <= 5; ++turns) {
        CAPTURE(turns);
        CHECK(f.scheduled == turns);
        f.t.run();
        CHECK(f.ran.size() == static_cast<std::size_t>(2 * turns + 2));
    }
    a.then = {};
    f.t.run();
}

TEST_CASE("turn: a scope opened by a running task does not run the others from inside")
{
    fixture f;
    named_task c(f, 'c');
    named_task b(f, 'b');
    named_task a(f, 'a', [&] {
        {
            const turn::scope inner(f.t);
            f.t.put_off(c);
        }
        CHECK(f.ran == "a");
    });
    {
        const turn::scope scope(f.t);
        f.t.put_off(a);
        f.t.put_off(b);
    }
    CHECK(f.ran == "abc");
    CHECK(f.scheduled == 0);
}

TEST_CASE("turn: put off to the next turn, it does not run in this one")
{
    fixture f;
    named_task a(f, 'a');
    named_task b(f, 'b');
    {
        const turn::scope scope(f.t);
        f.t.put_off_to_next(a);
        f.t.put_off_to_next(a);
        f.t.put_off(b);
        f.t.put_off(a); // stays where it is
        CHECK(f.scheduled == 1);
    }
    CHECK(f.ran == "b");
    {
        const turn::scope scope(f.t);
    } // another handler of the loop, not yet the next turn
    CHECK(f.ran == "b");
    f.t.run();
    CHECK(f.ran == "ba");

    f.t.put_off_to_next(a); // outside of a scope too
    CHECK(f.scheduled == 2);
    CHECK(f.ran == "ba");
    f.t.run();
    CHECK(f.ran == "baa");
}

TEST_CASE("turn: what is put off to the next turn from a running task waits for it")
{
    fixture f;
    named_task* self = nullptr;
    named_task a(f, 'a', [&] { f.t.put_off_to_next(*self); });
    self = &a;
    f.t.put_off(a);
    for (int turns = 1; turns <= 4; ++turns) {
        CAPTURE(turns);
        CHECK(f.scheduled == turns);
        f.t.run();
        CHECK(f.ran.size() == static_cast<std::size_t>(turns));
    }
    a.then = {};
    f.t.run();
}

TEST_CASE("turn: a task that is destroyed is forgotten, wherever it waits")
{
    fixture f;
    auto doomed = std::make_unique<named_task>(f, 'x');
    auto later = std::make_unique<named_task>(f, 'y');
    named_task a(f, 'a', [&] { doomed.reset(); });
    named_task b(f, 'b');
    {
        const turn::scope scope(f.t);
        f.t.put_off(a);
        f.t.put_off(*doomed);
        f.t.put_off(b);
        f.t.put_off_to_next(*later);
    }
    CHECK(f.ran == "ab");
    later.reset();
    f.t.run();
    CHECK(f.ran == "ab");
}

TEST_CASE("turn: joined where several handlers are ready, in one turn that waits for all of them")
{
    fixture f;
    f.t.join_when_crowded();
    named_task a(f, 'a');
    named_task b(f, 'b');
    const auto handler = [&](named_task& t) {
        const turn::scope scope(f.t);
        f.t.put_off(t);
    };
    // Alone, now and then one waits for others; then `schedule` calls, and nobody has come.
    int waited = 0;
    for (int i = 0; i < 64; ++i) {
        handler(a);
        if (f.ran.empty()) {
            ++waited;
            f.t.run();
        }
        CHECK(f.ran == "a");
        f.ran.clear();
    }
    CHECK(waited == 4);
    CHECK(f.scheduled == waited);
    // Until one has: from then on each waits.
    while (f.scheduled == waited) {
        f.ran.clear();
        handler(a);
    }
    CHECK(f.ran.empty());
    handler(b);
    CHECK(f.ran.empty());
    f.t.run();
    CHECK(f.ran == "ab");
    f.ran.clear();
    handler(b);
    CHECK(f.ran.empty());
    f.t.run(); // nobody else this time
    CHECK(f.ran == "b");
    f.ran.clear();
    handler(a);
    CHECK(f.ran == "a");
}

TEST_CASE("turn: no more than 32 handlers are joined before their output goes out")
{
    fixture f;
    f.t.join_when_crowded();
    std::vector<std::unique_ptr<named_task>> tasks;
    const auto handler = [&] {
        const turn::scope scope(f.t);
        tasks.push_back(std::make_unique<named_task>(f, 'x'));
        f.t.put_off(*tasks.back());
    };
    while (f.scheduled == 0)
        handler();
    const auto before = f.ran.size();
    for (int i = 0; i < 30; ++i)
        handler();
    CHECK(f.ran.size() == before);
    handler();
    CHECK(f.ran.size() == before + 32);
    handler();
    f.t.run();
    CHECK(f.ran.size() == before + 33);
    handler(); // the last look found many: crowded
    CHECK(f.ran.size() == before + 33);
    f.t.run();
}
