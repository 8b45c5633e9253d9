// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a session gives up when time passes. Time is an input: nothing here waits.
#include <sluice/fcgi/session.hpp>

#include <sluice/fcgi/errc.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// Some point in time; the session takes what it is told.
constexpr std::chrono::steady_clock::time_point start_of_time{std::chrono::hours(1000)};

} // namespace

TEST_CASE("F20: a peer that stops reading for ever is given up after write_stall, and not before")
{
    limits l = small_limits();
    l.write_stall = 300s;
    session_loop loop(l);
    session_peer peer(loop);
    peer.room = 100;
    peer.send(get());
    auto& app = loop.requests.at(0);
    app.start();
    app.write_all(pattern(50'000));
    peer.settle();
    auto now = start_of_time;
    peer.check(now); // the first look sees that something had gone
    peer.check(now += 1s);
    for (int i = 0; i < 5; ++i) { // each byte read counts as life
        peer.check(now += 299s);
        CHECK_FALSE(peer.fault());
        peer.read(8000);
        peer.check(now += 1s);
        peer.check(now += 1s);
    }
    peer.check(now += 299s);
    CHECK_FALSE(peer.fault());
    CHECK_FALSE(app.written);
    peer.check(now += 1s);
    CHECK(peer.fault() == sluice::errc::write_stalled);
    CHECK(peer.closed());
    CHECK(app.error == sluice::errc::write_stalled);
    CHECK(loop.in_use() == 0);
}

TEST_CASE("F20: an app that is silent is no stalled peer")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get());
    auto now = start_of_time;
    for (int i = 0; i < 10; ++i)
        peer.check(now += 1000s); // not even the head
    loop.requests.at(0).start();
    peer.settle();
    for (int i = 0; i < 10; ++i)
        peer.check(now += 1000s);
    CHECK_FALSE(peer.fault());
    loop.requests.at(0).finish();
    peer.settle();
    CHECK(peer.reply_to(1).well());
}

TEST_CASE("F21: finished with data queued and a dead peer: the blocks are back within the linger")
{
    limits l = small_limits();
    l.linger = 30s;
    session_loop loop(l);
    session_peer peer(loop);
    peer.room = 0;
    peer.send(get());
    loop.requests.at(0).start();
    loop.requests.at(0).write(pattern(3000));
    loop.requests.at(0).finish();
    peer.settle();
    auto now = start_of_time;
    peer.check(now);
    peer.check(now += 29s);
    CHECK(loop.in_use() > 0);
    peer.check(now += 1s);
    CHECK(peer.closed());
    CHECK(loop.in_use() == 0);
}

TEST_CASE("request_idle: a request half sent is given up, and a connection that brought none - a kept one "
          "and a running "
          "app are not")
{
    limits l = small_limits();
    l.request_idle = 60s;
    const std::string whole = begin_request(1) +
                              params(1, variables("POST", "/", {{"CONTENT_LENGTH", "4"}})) +
                              stdin_data(1, "body") + stdin_end(1);
    const auto after_params = whole.size() - 12 - 8;
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        INFO("after " << cut << " bytes");
        session_loop loop(l);
        session_peer peer(loop);
        peer.send(whole.substr(0, cut));
        if (!loop.requests.empty() && cut < whole.size())
            loop.requests[0].read(100); // waits for its body, or gets a part of it
        peer.settle();
        if (!loop.requests.empty() && !loop.requests[0].reading && !loop.requests[0].body_ended)
            loop.requests[0].read(100);
        peer.settle();
        const bool waits = cut < after_params || (!loop.requests.empty() && loop.requests[0].reading);
        auto now = start_of_time;
        peer.check(now);
        peer.check(now += 59s);
        CHECK_FALSE(peer.closed());
        peer.check(now += 1s);
        CHECK((peer.fault() == fcgi::errc::request_idle) == waits);
        CHECK(peer.closed() == waits);
    }
}

TEST_CASE("request_idle: every byte of a body that comes starts the time anew, but none of the variables")
{
    limits l;
    l.request_idle = 60s;
    const auto head = begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "20"}}));
    {
        session_loop loop(l);
        session_peer peer(loop);
        auto now = start_of_time;
        peer.send(head);
        loop.requests.at(0).read(100);
        for (const char c : stdin_data(1, "twenty bytes, slowly")) {
            peer.send(std::string_view(&c, 1));
            if (!loop.requests.at(0).reading)
                loop.requests.at(0).read(100);
            peer.check(now += 59s);
            REQUIRE_FALSE(peer.fault());
        }
        CHECK(loop.requests.at(0).body == "twenty bytes, slowly");
    }
    for (const auto step : {1s, 7s, 59s}) {
        CAPTURE(step.count());
        session_loop loop(l);
        session_peer peer(loop);
        auto now = start_of_time;
        std::chrono::seconds passed{};
        peer.check(now);
        for (std::size_t i = 0; i < head.size() && !peer.fault(); ++i) {
            peer.send(head.substr(i, 1));
            peer.check(now += step);
            if (i >= 16) // the record that begins it has come
                passed += step;
        }
        CHECK(peer.fault() == fcgi::errc::request_idle);
        CHECK(passed <= 60s + 2 * step);
    }
}

TEST_CASE(
    "F22: request_idle: half-sent requests of which a byte comes now and then make room in time, all of "
    "them")
{
    limits l = small_limits();
    l.request_idle = 60s;
    l.half_sent_requests = 40;
    session_loop loop(l);
    session_peer hostile(loop), other(loop);
    std::string all;
    for (id_type id = 1; id <= 30; ++id)
        all += begin_request(id);
    hostile.send(all);
    auto now = start_of_time;
    for (int i = 0; i <= 60; ++i) {
        for (id_type id = 1; id <= 30; ++id)
            hostile.send(record(4, id, "x"));
        hostile.check(now += 1s);
    }
    CHECK_FALSE(hostile.closed());
    for (id_type id = 1; id <= 30; ++id)
        CHECK(hostile.reply_to(id).status() == 503);
    CHECK(loop.loop().statistics().active == 0);
    other.send(get());
    CHECK(loop.requests.size() == 1);
}

TEST_CASE("F20: a peer that asks and never reads the answers is given up after write_stall, and not before")
{
    limits l = small_limits();
    l.write_stall = 300s;
    session_loop loop(l);
    session_peer peer(loop);
    peer.room = 10;
    for (int i = 0; i < 5000; ++i)
        peer.send(get_values({"FCGI_MAX_REQS"}));
    CHECK(peer.unread() > 0); // no more is read than answers are kept for
    auto now = start_of_time;
    peer.check(now);
    for (int i = 0; i < 5; ++i) {
        peer.check(now += 299s);
        CHECK_FALSE(peer.fault());
        peer.read(8); // each byte read counts as life
        peer.check(now += 1s);
    }
    peer.check(now += 299s);
    CHECK_FALSE(peer.fault());
    peer.check(now += 1s);
    CHECK(peer.fault() == sluice::errc::write_stalled);
    CHECK(peer.closed());
}

TEST_CASE("F20: an answer that waits at the first look has waited no time yet")
{
    limits l = small_limits();
    l.write_stall = 300s;
    session_loop loop(l);
    session_peer peer(loop);
    peer.room = 0;
    peer.send(get() + abort_request(1));
    auto now = start_of_time;
    peer.check(now);
    CHECK_FALSE(peer.fault());
    peer.check(now += 299s);
    CHECK_FALSE(peer.fault());
    peer.check(now += 1s);
    CHECK(peer.fault() == sluice::errc::write_stalled);
}

TEST_CASE("request_idle: beside others a request that stops coming fails alone, whatever else comes")
{
    limits l = small_limits();
    l.request_idle = 60s;
    session_loop loop(l);
    session_peer peer(loop);
    peer.send(get(1) + begin_request(2) + begin_request(3) +
              params(3, variables("POST", "/", {{"CONTENT_LENGTH", "4"}})));
    REQUIRE(loop.requests.size() == 2);
    auto& streaming = loop.requests.at(0);
    auto& uploading = loop.requests.at(1);
    streaming.start();
    streaming.write("begun ");
    uploading.read(10);
    peer.settle();
    auto now = start_of_time;
    for (int i = 0; i < 8; ++i) { // two are given up in two looks
        peer.send(get_values({"FCGI_MAX_REQS"}));
        peer.check(now += 10s);
    }
    CHECK_FALSE(peer.closed());
    CHECK(uploading.read_error == fcgi::errc::request_idle);
    uploading.answer("it never came");
    streaming.write("and ended");
    streaming.finish();
    peer.settle();
    CHECK(peer.reply_to(1).body == "begun and ended");
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(2).status() == 503);
    CHECK(peer.reply_to(3).body == "it never came");
    peer.send(params_end(2) + stdin_end(2) + get(4)); // what still comes of it is ignored
    CHECK(loop.requests.size() == 3);
    CHECK_FALSE(peer.fault());
}

TEST_CASE("F20, F21: on a connection that moves nobody is stalled, though it waits for its turn longer than "
          "the linger")
{
    limits l = small_limits();
    l.linger = 30s;
    session_loop loop(l);
    session_peer peer(loop);
    peer.room = 0;
    peer.send(get(1) + get(2));
    for (auto& app : loop.requests) {
        app.start();
        app.write(pattern(3000));
        app.finish();
    }
    peer.settle();
    auto now = start_of_time;
    for (int i = 0; i < 5; ++i) {
        peer.read(10);
        peer.check(now += 20s);
        REQUIRE_FALSE(peer.closed());
    }
    peer.check(now += 20s);
    peer.check(now += 30s);
    CHECK(peer.closed());
}

TEST_CASE(
    "F20, F21: a response that is finished does not end those that share its connection before write_stall")
{
    limits l = small_limits();
    l.linger = 30s;
    l.write_stall = 300s;
    session_loop loop(l);
    session_peer peer(loop);
    peer.room = 0;
    peer.send(get(1) + get(2));
    for (auto& app : loop.requests) {
        app.start();
        app.write(pattern(3000));
    }
    loop.requests.at(0).finish();
    peer.settle();
    auto now = start_of_time;
    peer.check(now);
    peer.check(now += 299s);
    CHECK_FALSE(peer.closed());
    peer.read(session_peer::everything);
    CHECK(peer.reply_to(1).well());
    loop.requests.at(1).finish();
    peer.settle();
    CHECK(peer.reply_to(2).well());
}
