// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "connection_poll.hpp"

#include "support/catch.hpp"

#include <chrono>

#include <sys/socket.h>
#include <unistd.h>

using sluice::fcgi::connection_poll;
using namespace std::chrono_literals;

namespace {

struct socket_pair {
    socket_pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0); }
    ~socket_pair()
    {
        ::close(fds[0]);
        if (fds[1] >= 0)
            ::close(fds[1]);
    }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;

    int fds[2];
};

// How often it is not due before it is again.
int times_skipped(connection_poll& p)
{
    int n = 0;
    while (!p.due() && n < 100000)
        ++n;
    return n;
}

} // namespace

TEST_CASE("fcgi: busy polling sees bytes and the end of input, and takes neither")
{
    socket_pair s;
    connection_poll p(1h);
    REQUIRE(::write(s.fds[1], "x", 1) == 1);
    CHECK(p.look(s.fds[0]));
    CHECK(p.look(s.fds[0]));
    char c = 0;
    REQUIRE(::read(s.fds[0], &c, 1) == 1);
    CHECK(c == 'x');
    ::close(s.fds[1]);
    s.fds[1] = -1;
    CHECK(p.look(s.fds[0]));
}

TEST_CASE("fcgi: busy polling ends in its time")
{
    socket_pair s;
    connection_poll p(1us);
    CHECK_FALSE(p.look(s.fds[0]));
}

TEST_CASE(
    "fcgi: busy polling is tried ever more seldom while nothing comes of it, and again at once where it does")
{
    connection_poll p(20us);
    CHECK(times_skipped(p) == 0);
    int last = 0;
    int seen = 0;
    for (int i = 0; i < 20; ++i) {
        p.note(false);
        const int n = times_skipped(p);
        CHECK(n >= last);
        last = n;
        seen += n;
    }
    CHECK(last == 1023);
    CHECK(seen > 10000); // 20 tries in so many requests

    for (int i = 0; i < 10; ++i) {
        p.note(true);
        static_cast<void>(times_skipped(p));
    }
    p.note(true);
    CHECK(times_skipped(p) == 0);

    // Every other try in vain: not more than a quarter is spent on it.
    int tries = 0, asked = 0;
    while (asked < 100000) {
        asked += times_skipped(p) + 1;
        p.note(++tries % 2 == 0);
    }
    CHECK(tries < asked);
}

TEST_CASE("fcgi: busy polling of no length is off")
{
    connection_poll p(0us);
    for (int i = 0; i < 3000; ++i)
        REQUIRE_FALSE(p.due());
}
