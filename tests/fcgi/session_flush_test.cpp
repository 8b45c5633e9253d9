// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A flush of one block takes a short way to the kernel. What the peer gets is the same wherever the kernel stops, and the
// block stays with the response for the rest of the turn only.
#include <sluice/fcgi/session.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

TEST_CASE("F5: a block that a flush emptied is used again in the same turn and goes back at its end")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1));
    auto& it = loop.requests.at(0);
    it.start();
    std::string all;
    for (int i = 0; i < 100; ++i) {
        const auto line = std::to_string(i) + "\n";
        REQUIRE(it.write(line) == line.size());
        all += line;
        REQUIRE(it.out->try_flush());
        REQUIRE(loop.in_use() == 1);
        REQUIRE(peer.reply_to(1).body == all);
    }
    CHECK(peer.reply_to(1).records == 100);
    CHECK(it.out->sent() == all.size());
    peer.settle(); // the turn ends
    CHECK(loop.in_use() == 0);

    // The next turn finds nothing of the last one.
    REQUIRE(it.write("then") == 4);
    peer.settle();
    CHECK(loop.in_use() == 0);
    it.finish();
    peer.settle();
    CHECK(it.finished);
    CHECK(peer.reply_to(1).body == all + "then");
}

TEST_CASE("F5: what follows a flush in the same turn leaves when the turn ends")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1));
    auto& it = loop.requests.at(0);
    it.start();
    REQUIRE(it.write("flushed, ") == 9);
    REQUIRE(it.out->try_flush());
    REQUIRE(it.write("not ") == 4);
    REQUIRE(it.write("flushed") == 7);
    CHECK(peer.reply_to(1).body == "flushed, ");
    peer.settle();
    CHECK(peer.reply_to(1).body == "flushed, not flushed");
    CHECK(loop.in_use() == 0);
    it.finish();
    peer.settle();
}

TEST_CASE("a flush that the kernel cuts anywhere goes on where it stopped")
{
    const std::string first = pattern(21), second = pattern(30, 2);
    for (std::size_t room = 0; room <= 120; ++room) {
        CAPTURE(room);
        session_loop loop;
        session_peer peer(loop);
        peer.send(get(1));
        auto& it = loop.requests.at(0);
        it.start();
        peer.settle(); // the head is out
        const auto before = peer.output().size();
        peer.room = room;
        REQUIRE(it.write(first) == first.size());
        const bool whole = it.out->try_flush();
        CHECK(whole == (room >= 32)); // header, 21 bytes, 3 of padding
        CHECK(peer.output().size() - before == std::min<std::size_t>(room, 32));
        it.write_all(second); // a frozen block is the whole window of a new response: this waits for it
        peer.settle();
        CHECK(peer.output().size() - before == std::min<std::size_t>(room, 32 + 40));
        peer.read(session_peer::everything);
        peer.settle();
        it.finish();
        peer.settle();
        CHECK(it.finished);
        CHECK(peer.reply_to(1).body == first + second);
        CHECK(peer.reply_to(1).well());
    }
}

TEST_CASE("a flush beside another response on the connection goes the general way")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1) + get(2));
    auto &a = loop.requests.at(0), &b = loop.requests.at(1);
    a.start();
    b.start();
    REQUIRE(a.write("from a") == 6);
    REQUIRE(b.write("from b") == 6);
    CHECK(a.out->try_flush());
    CHECK(peer.reply_to(1, 0).body == "from a");
    CHECK(peer.reply_to(2, 0).body == "from b");
    a.finish();
    b.finish();
    peer.settle();
    CHECK(loop.in_use() == 0);
}

TEST_CASE("error text leaves before the bytes that a flush pushes out after it")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1));
    auto& it = loop.requests.at(0);
    it.start();
    it.req.errors().line("first this");
    REQUIRE(it.write("then that") == 9);
    CHECK(it.out->try_flush());
    const auto got = parse_records(peer.output());
    REQUIRE(got.all.size() == 2);
    CHECK(peer.reply_to(1).body == "then that");
    it.finish();
    peer.settle();
}
