// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Large writes go to the kernel straight from the app's buffer. Wherever the kernel stops, the peer gets the exact bytes.
#include <sluice/fcgi/session.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

using namespace sluice;
using namespace sluice::test;

namespace {

const std::string& large_body()
{
    static const std::string body =
        pattern(20'003); // five records of the smallest block, padding behind the last
    return body;
}

/// Writes the body with try_write, and spoils what was taken: the library must not look at it again.
task<void> write_and_spoil(request&, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    co_await out.flush();
    std::string buffer = large_body();
    for (std::size_t at = 0; at < buffer.size();) {
        const auto n = out.try_write(std::string_view(buffer).substr(at));
        std::fill_n(buffer.begin() + static_cast<std::ptrdiff_t>(at), n, '#');
        at += n;
        if (n == 0)
            co_await out.async_wait_writable(boost::asio::use_awaitable);
    }
    co_await out.write("the end");
}

/// Plays a connection with two requests: A writes a little, B a lot, until the kernel takes no more. Then B is aborted.
struct two_requests {
    session_loop loop{small_limits()};
    session_peer peer{loop};

    two_requests(std::size_t room, const std::string& body)
    {
        peer.send(get(1) + get(2));
        a().start();
        b().start();
        peer.settle();
        peer.room = room;
        a().write("A begins, ");
        b().req.errors().line("about B");
        b().write_all(body);
        peer.settle();
    }
    played_request& a() { return loop.requests.at(0); }
    played_request& b() { return loop.requests.at(1); }
};

} // namespace

TEST_CASE("direct writes: the kernel stops anywhere, and the peer sees the exact bytes")
{
    session_loop loop(application(write_and_spoil), small_limits());
    std::string whole;
    {
        session_peer peer(loop);
        peer.send(get());
        whole = peer.output();
        // Head, body, ending: the body was not copied block by block.
        CHECK(loop.resources().pool().stats().peak <= 2);
    }
    const auto wanted = large_body() + "the end";
    for (const auto cut : cuts_of(whole, 5)) {
        INFO("first " << cut << " bytes");
        loop.log().clear();
        session_peer peer(loop);
        peer.room = cut;
        peer.send(get());
        REQUIRE(peer.output().size() == cut);
        peer.read(session_peer::everything);
        const auto reply = peer.reply_to(1);
        CHECK(reply.well());
        REQUIRE(difference(reply.body, wanted) == "");
        REQUIRE(loop.in_use() == 0);
    }
}

TEST_CASE("direct writes: the kernel stops again and again")
{
    for (const std::size_t take :
         {1u, 2u, 3u, 7u, 8u, 9u, 100u, 4079u, 4080u, 4087u, 4088u, 4089u, 5000u, 20'000u})
    {
        INFO(take << " bytes at a time");
        session_loop loop(application(write_and_spoil), small_limits());
        session_peer peer(loop);
        peer.take = take;
        peer.send(get());
        CHECK(peer.reply_to(1).well());
        CHECK(difference(peer.reply_to(1).body, large_body() + "the end") == "");
    }
}

TEST_CASE("direct writes: the connection breaks after every byte")
{
    int over = 0, told = 0;
    session_loop loop(application([&](request& req, responder respond) -> task<void> {
                          req.on_end([&] { ++over; });
                          auto out = respond.start(200, {{"Content-Type", "text/plain"}});
                          try {
                              co_await out.write(large_body());
                              co_await out.write(large_body());
                          } catch (const system_error& e) {
                              told += e.code() == errc::client_gone;
                              throw;
                          }
                      }),
                      small_limits());
    for (std::size_t cut = 0; cut < 20'500; cut += cut < 4200 ? 1 : 61) {
        INFO("after " << cut << " bytes");
        loop.log().clear();
        over = told = 0;
        session_peer peer(loop);
        peer.breaks_at = cut;
        peer.send(get());
        CHECK(over == 1);
        CHECK(told == 1);
        CHECK(peer.closed());
        CHECK(loop.in_use() == 0);
    }
}

TEST_CASE("direct writes: beside many other requests of the connection, each byte goes once")
{
    // More requests than a driver hands slices to the kernel: what is direct waits for the second trip.
    const auto body = pattern(100'000);
    std::vector<std::string> small;
    for (unsigned i = 0; i < 100; ++i)
        small.push_back(pattern(3000, i));
    for (const unsigned others : {1u, 31u, 40u, 64u, 100u})
        for (std::size_t room = 1000; room < 450'000; room += 7919) {
            INFO(others << " others, kernel stops after " << room);
            session_loop loop(small_limits());
            session_peer peer(loop);
            for (unsigned id = 1; id <= others + 1; ++id)
                peer.send(get(static_cast<id_type>(id)));
            for (auto& app : loop.requests)
                app.start();
            peer.settle();
            peer.room = room;
            std::size_t taken = 0;
            {
                const detail::turn::scope turn(loop.resources().turn());
                for (unsigned i = 0; i < others; ++i)
                    CHECK(loop.requests[i].write(small[i]) == 3000);
                taken = loop.requests.back().write(body);
            }
            peer.read(session_peer::everything);
            if (taken < body.size())
                loop.requests.back().write_all(body.substr(taken));
            peer.settle();
            for (auto& app : loop.requests)
                app.finish();
            peer.settle();
            const auto got = parse_records(peer.output());
            CHECK(got.left_over == 0);
            for (unsigned i = 0; i < others; ++i) {
                CHECK(reply_to(static_cast<id_type>(i + 1), got).well());
                REQUIRE(difference(reply_to(static_cast<id_type>(i + 1), got).body, small[i]) == "");
            }
            CHECK(reply_to(static_cast<id_type>(others + 1), got).well());
            CHECK(difference(reply_to(static_cast<id_type>(others + 1), got).body, body) == "");
        }
}

TEST_CASE("F24: ABORT for B with its record cut anywhere leaves A's records intact")
{
    // Queued in a block (3000), in blocks (9000), straight from the app's buffer with padding behind (20 003).
    for (const std::size_t size : {3000u, 9000u, 20'003u}) {
        const auto body = pattern(size);
        const auto before = two_requests(0, body).peer.output().size();
        const auto whole = two_requests(session_peer::everything, body).peer.output();
        for (const auto cut : cuts_of(std::string_view(whole).substr(before), 61)) {
            INFO(size << " bytes, aborted after " << cut);
            two_requests t(cut, body);
            bool over = false;
            t.b().req.on_end([&] { over = true; });
            t.peer.send(abort_request(2));
            CHECK(over); // B is told at once, although its record is stuck
            t.b().drop();
            const auto a_holds = t.loop.in_use();
            CHECK(a_holds <= 2);
            t.peer.read(session_peer::everything);
            t.a().write("A goes on");
            t.a().finish();
            t.peer.settle();
            const auto got = parse_records(t.peer.output());
            CHECK(got.left_over == 0);
            CHECK(reply_to(1, got).well());
            REQUIRE(reply_to(1, got).body == "A begins, A goes on");
            const auto b = reply_to(2, got);
            CHECK(b.ends == 1);
            REQUIRE(std::string_view(body).starts_with(b.body));
        }
    }
}

TEST_CASE("F24: ABORT for B while A is stalled: B is told, A loses nothing")
{
    session_loop loop(small_limits());
    session_peer peer(loop);
    peer.send(get(1) + begin_request(2) + params(2, variables("POST")));
    loop.requests.at(0).start();
    peer.settle();
    peer.room = 10;
    loop.requests.at(0).write_all(pattern(50'000));
    peer.settle();
    CHECK_FALSE(loop.requests.at(0).written);
    loop.requests.at(1).read(100);
    peer.send(abort_request(2));
    CHECK_FALSE(loop.requests.at(1).reading);
    CHECK(loop.requests.at(1).read_error == errc::client_gone);
    CHECK(loop.requests.at(1).req.aborted());
    CHECK_FALSE(loop.requests.at(0).req.aborted());
    peer.read(session_peer::everything);
    CHECK(loop.requests.at(0).written == 50'000u);
    loop.requests.at(0).finish();
    peer.settle();
    CHECK(difference(peer.reply_to(1).body, pattern(50'000)) == "");
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(2).ends == 1);
}
