// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a session refuses although it is good FastCGI, and how it does with little memory.
#include <sluice/fcgi/session.hpp>

#include <sluice/fcgi/errc.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

/// Blocks for `n` requests that hold nothing but their reserve: one out, one in.
limits room_for(std::size_t n)
{
    limits l = small_limits();
    l.pool_bytes = 2 * n * l.block_size;
    return l;
}

std::string long_post(id_type id, const std::string& body)
{
    return begin_request(id) +
           params(id, variables("POST", "/", {{"CONTENT_LENGTH", std::to_string(body.size())}})) +
           stdin_data(id, body, 3000) + stdin_end(id);
}

/// Reads the body of a played request to its end.
void read_all(session_peer& peer, played_request& app, std::size_t piece = 1000)
{
    for (int i = 0; i < 100'000 && !app.body_ended && !app.read_error; ++i) {
        app.read(piece);
        peer.settle();
        if (app.reading)
            return;
    }
}

} // namespace

TEST_CASE("F22: over limits::requests a request is answered with a complete 503, cut anywhere, and the rest "
          "goes on")
{
    limits l = small_limits();
    l.requests = 1;
    const auto second = long_post(2, "nobody reads this") + get_values({"FCGI_MAX_REQS"});
    for_each_cut(second, [&](const pieces& cut) {
        session_loop loop(l);
        session_peer peer(loop);
        peer.send(get(1));
        REQUIRE(loop.requests.size() == 1);
        peer.send(cut);
        CHECK(loop.requests.size() == 1);
        const auto refused = peer.reply_to(2);
        CHECK(refused.out_ended);
        CHECK(refused.ends == 1);
        CHECK(refused.status() == 503);
        CHECK(refused.protocol_status == fcgi::protocol_status::overloaded);
        CHECK(refused.head.find("Retry-After: ") != std::string::npos);
        CHECK_FALSE(refused.body.empty());
        CHECK_FALSE(peer.fault());
        CHECK(loop.log().contains("limits::requests"));
        loop.requests[0].answer("first");
        peer.settle();
        CHECK(peer.reply_to(1).well());
        peer.send(get(3));
        CHECK(loop.requests.size() == 2); // there is room again
    });
}

TEST_CASE("F22: limits::requests counts from BEGIN_REQUEST on: half-sent requests do not pass it")
{
    limits l = small_limits();
    l.requests = 3;
    session_loop loop(l);
    session_peer peer(loop);
    for (id_type id = 1; id <= 5; ++id)
        peer.send(begin_request(id));
    CHECK(loop.resources().figures().active.value() == 3);
    for (id_type id = 4; id <= 5; ++id)
        CHECK(peer.reply_to(id).status() == 503);
    for (id_type id = 1; id <= 3; ++id)
        peer.send(params(id, variables()) + stdin_end(id));
    REQUIRE(loop.requests.size() == 3);
    for (auto& app : loop.requests)
        app.answer("well");
    peer.settle();
    for (id_type id = 1; id <= 3; ++id)
        CHECK(peer.reply_to(id).well());
}

TEST_CASE("F22: limits::half_sent_requests: over it a request gets a complete 503, and there is room again "
          "when one is "
          "whole, aborted or lost")
{
    limits l = small_limits();
    l.half_sent_requests = 2;
    session_loop loop(l);
    session_peer peer(loop);
    session_peer other(loop);
    peer.send(begin_request(1));
    other.send(begin_request(1));
    peer.send(get(2));
    CHECK(peer.reply_to(2).status() == 503);
    CHECK(peer.reply_to(2).protocol_status == fcgi::protocol_status::overloaded);
    CHECK(loop.log().contains("limits::half_sent_requests"));

    peer.send(params(1, variables()) + stdin_end(1)); // whole
    CHECK(loop.requests.size() == 1);
    peer.send(get(3) + begin_request(4));
    CHECK(loop.requests.size() == 2);
    peer.send(abort_request(4) + get(5));
    CHECK(loop.requests.size() == 3);
    other.end(false); // lost
    peer.send(begin_request(6) + get(7));
    CHECK(loop.requests.size() == 4);
    CHECK(loop.resources().figures().half_sent.value() == 1);
    for (auto& app : loop.requests)
        app.answer("well");
    peer.settle();
    for (const id_type id : {id_type{1}, id_type{3}, id_type{5}, id_type{7}})
        CHECK(peer.reply_to(id).well());
    peer.end(false);
    CHECK(loop.resources().figures().half_sent.value() == 0);
}

TEST_CASE("F27: a request that begins on a draining connection gets a complete 503, the running one its end")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1));
    peer.session().drain();
    peer.send(get(2));
    CHECK(loop.requests.size() == 1);
    CHECK(peer.reply_to(2).status() == 503);
    CHECK(peer.reply_to(2).ends == 1);
    loop.requests.at(0).answer("to the end");
    peer.settle();
    CHECK(peer.reply_to(1).well());
    CHECK(peer.closed());
    CHECK_FALSE(peer.fault());
}

TEST_CASE("limits::input_window: one below a block still lets a body of any size through")
{
    limits l = small_limits();
    l.input_window = 1;
    session_loop loop(l);
    session_peer peer(loop);
    const auto body = pattern(50'000);
    peer.send(long_post(1, body));
    REQUIRE(loop.requests.size() == 1);
    read_all(peer, loop.requests[0]);
    CHECK(loop.requests[0].body_ended);
    CHECK(difference(loop.requests[0].body, body) == "");
    loop.requests[0].answer("read");
    peer.settle();
    CHECK(peer.reply_to(1).well());
}

TEST_CASE("F22: without a free block a request is answered with a complete 503, kept or not")
{
    for (const bool keep : {true, false}) {
        session_loop loop(room_for(1));
        session_peer first(loop), second(loop);
        first.send(get(1));
        REQUIRE(loop.requests.size() == 1);
        second.send(get(1, keep));
        CHECK(loop.requests.size() == 1);
        CHECK(second.reply_to(1).status() == 503);
        CHECK(second.reply_to(1).ends == 1);
        CHECK(second.closed() == !keep);
        CHECK(loop.log().contains("limits::pool_bytes"));
        loop.requests[0].answer("served");
        first.settle();
        loop.requests.clear();
        if (!keep)
            continue;
        second.send(get(2));
        REQUIRE(loop.requests.size() == 1);
        loop.requests[0].answer("now");
        second.settle();
        CHECK(second.reply_to(2).body == "now");
    }
}

TEST_CASE("F22: a block for the response but none for the body: 503, in full")
{
    limits l = room_for(1);
    l.pool_bytes += l.block_size;
    session_loop loop(l);
    session_peer first(loop), second(loop);
    first.send(get(1));
    second.send(long_post(1, pattern(10'000)));
    CHECK(second.reply_to(1).status() == 503);
    CHECK(second.reply_to(1).well());
    CHECK_FALSE(second.fault());
    CHECK(second.unread() == 0); // its body was thrown away
    CHECK(loop.requests.size() == 1);
}

TEST_CASE("limits::request_body: an announced body over it is answered with 413 at once, without the app")
{
    limits l = small_limits();
    l.request_body = 5000;
    for (const std::size_t size : {5000u, 5001u, 500'000u}) {
        session_loop loop(l);
        session_peer peer(loop);
        const auto bytes = long_post(1, pattern(size));
        peer.send(std::string_view(bytes).substr(0, 300));
        CHECK((peer.reply_to(1).status() == 413) == (size > 5000));
        CHECK(peer.reply_to(1).well() == (size > 5000));
        peer.send(std::string_view(bytes).substr(300));
        CHECK_FALSE(peer.fault());
        CHECK(loop.requests.size() == (size > 5000 ? 0 : 1));
        peer.send(get(2));
        loop.requests.back().answer("next");
        peer.settle();
        CHECK(peer.reply_to(2).body == "next");
    }
}

TEST_CASE("limits::request_body: a body that grows over it without having said so is an error to the app")
{
    limits l = small_limits();
    l.request_body = 5000;
    for (const std::size_t size : {5000u, 5001u, 50'000u}) {
        session_loop loop(l);
        session_peer peer(loop);
        peer.send(begin_request(1) + params(1, variables("POST")) + stdin_data(1, pattern(size), 1000) +
                  stdin_end(1));
        auto& app = loop.requests.at(0);
        read_all(peer, app);
        CHECK(app.body_ended == (size == 5000));
        CHECK((app.read_error == sluice::errc::body_too_large) == (size > 5000));
        CHECK(app.body.size() <= 5000);
        app.answer("so far");
        peer.settle();
        CHECK(peer.reply_to(1).well());
    }
}

TEST_CASE("R1–R8: an environment that breaks the rules of CGI is answered with 400, without the app, and the "
          "connection goes on")
{
    const auto without = [](std::string_view name) {
        auto all = variables("GET");
        std::erase_if(all, [&](const auto& v) { return v.first == name; });
        return all;
    };
    for (const auto& bad : {without("REQUEST_METHOD"), variables("", "/"), variables("G T", "/"), pairs{},
                            variables("POST", "/", {{"CONTENT_LENGTH", "ten"}}),
                            variables("POST", "/", {{"CONTENT_LENGTH", "-1"}})})
    {
        session_loop loop;
        session_peer peer(loop);
        peer.send(begin_request(1) + params(1, bad) + stdin_data(1, "body") + stdin_end(1));
        CHECK(peer.reply_to(1).status() == 400);
        CHECK(peer.reply_to(1).well());
        CHECK(loop.requests.empty());
        CHECK(loop.log().contains("400"));
        peer.send(get(2));
        REQUIRE(loop.requests.size() == 1);
        loop.requests[0].answer("good");
        peer.settle();
        CHECK(peer.reply_to(2).body == "good");
    }
}

TEST_CASE(
    "F22: a body loses nothing when others take the last blocks between the session's promise and its bytes")
{
    const auto body = pattern(30'000);
    const auto bytes = long_post(1, body);
    for (std::size_t first = 200; first < 20'000; first += 977) {
        INFO("pool taken after " << first << " bytes");
        session_loop loop(room_for(2));
        session_peer peer(loop);
        // What a driver does that waits for input: it asks once, and reads that much much later.
        std::size_t at = 0;
        while (at < first && peer.session().read_limit() > 0) {
            const auto n = std::min({peer.session().read_limit(), first - at, std::size_t{500}});
            peer.send(std::string_view(bytes).substr(at, n));
            at += n;
        }
        const auto promised = std::min(peer.session().read_limit(), bytes.size() - at);
        buffer_pool::account other(loop.resources().pool());
        std::vector<buffer_pool::block> taken;
        while (auto block = other.acquire())
            taken.push_back(std::move(block));
        {
            const detail::turn::scope turn(loop.resources().turn());
            const auto piece = std::as_bytes(std::span(bytes.data() + at, promised));
            CHECK_FALSE(peer.session().receive(piece));
            peer.session().start_apps();
            at += promised;
        }
        peer.settle();
        taken.clear();
        peer.send(std::string_view(bytes).substr(at));
        REQUIRE(loop.requests.size() == 1);
        read_all(peer, loop.requests[0]);
        CHECK(loop.requests[0].body_ended);
        REQUIRE(difference(loop.requests[0].body, body) == "");
        loop.requests[0].answer("whole");
        peer.settle();
        CHECK(peer.reply_to(1).well());
    }
}

TEST_CASE(
    "F22: a second request sent behind the first with a large body loses nothing when the pool is used up")
{
    const auto body = pattern(14'000); // fits the input window, but no one has blocks to lend
    session_loop loop(room_for(2));
    session_peer peer(loop);
    peer.send(get(1));
    REQUIRE(loop.requests.size() == 1);
    loop.requests[0].start();
    peer.settle();
    peer.send(long_post(2, body));
    REQUIRE(loop.requests.size() == 2);
    read_all(peer, loop.requests[1]);
    CHECK(loop.requests[1].body_ended);
    CHECK(difference(loop.requests[1].body, body) == "");
    for (auto& app : loop.requests)
        app.out ? app.finish() : app.answer("whole");
    peer.settle();
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(2).well());
}

TEST_CASE("F25: a server that sends its whole request before it reads: the body spills, and both directions "
          "progress")
{
    const auto body = pattern(300'000);
    session_loop loop(small_limits());
    session_peer peer(loop);
    peer.room = 0;
    peer.send(begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "300000"}})));
    auto& app = loop.requests.at(0);
    app.start();
    app.write_all(pattern(100'000)); // stuck: nobody reads
    peer.settle();
    CHECK_FALSE(app.written);
    peer.send(stdin_data(1, body, 8000) + stdin_end(1));
    CHECK(peer.unread() == 0); // all of it is taken although the app read nothing
    CHECK(loop.in_use() * loop.resources().limits().block_size <= 2 * loop.resources().limits().window);
    peer.read(session_peer::everything);
    CHECK(app.written == 100'000u);
    read_all(peer, app);
    CHECK(difference(app.body, body) == "");
    CHECK(app.body_ended);
    app.finish();
    peer.settle();
    CHECK(peer.reply_to(1).well());
    CHECK(difference(peer.reply_to(1).body, pattern(100'000)) == "");
}
