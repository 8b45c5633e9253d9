// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// How requests and connections end: by the web server, by the app's fault, by shutdown.
#include <sluice/fcgi/session.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

#include <spdlog/spdlog.h>

#include <stdexcept>

using namespace sluice;
using namespace sluice::test;
using fcgi::record_type;

namespace {

/// Streams "begun ", then throws.
task<void> fail_in_mid_body(request&, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    co_await out.write("begun ");
    throw std::runtime_error("no more");
}

} // namespace

// ABORT_REQUEST

TEST_CASE(
    "ABORT_REQUEST: in every state of a request, END_REQUEST comes exactly once and the connection goes on")
{
    const std::string whole = begin_request(1) +
                              params(1, variables("POST", "/", {{"CONTENT_LENGTH", "4"}}), 50) +
                              stdin_data(1, "body") + stdin_end(1);
    std::vector<std::size_t> boundaries;
    for (std::size_t at = 0; const auto& r : parse_records(whole).all)
        boundaries.push_back(at += 8 + r.content.size());
    for (const bool rest_follows : {false, true})
        for (const std::size_t cut : boundaries)
            for (const auto& abort : {abort_request(1), record(2, 1, "content nobody knows", 4)}) {
                INFO("after " << cut << " bytes" << (rest_follows ? ", the rest follows" : ""));
                session_loop loop(small_limits());
                session_peer peer(loop);
                peer.send(whole.substr(0, cut));
                int ends = 0;
                for (auto& app : loop.requests)
                    app.req.on_end([&] { ++ends; });
                peer.send(abort);
                CHECK(parse_records(peer.output()).all.size() == 1);
                CHECK(peer.reply_to(1).ends == 1);
                CHECK(ends == static_cast<int>(loop.requests.size()));
                CHECK(loop.in_use() == 0);
                peer.send(abort_request(1)); // crossed the END_REQUEST on its way
                if (rest_follows)
                    peer.send(whole.substr(cut));
                CHECK_FALSE(peer.fault());
                CHECK(peer.reply_to(1).ends == 1);
                const auto before = loop.requests.size();
                for (auto& app : loop.requests) {
                    app.start(); // R35: a writer comes back all the same
                    CHECK(app.write("late") == 0);
                    CHECK(app.error == sluice::errc::client_gone);
                }
                peer.send(get(1));
                REQUIRE(loop.requests.size() == before + 1);
                loop.requests.back().answer("again");
                peer.settle();
                CHECK(peer.reply_to(1, 1).well());
                CHECK(peer.reply_to(1, 1).body == "again");
            }
}

TEST_CASE("ABORT_REQUEST: on a connection not to be kept, it ends the connection")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1, false));
    peer.send(abort_request(1));
    CHECK(peer.reply_to(1).ends == 1);
    CHECK(peer.closed());
    CHECK(loop.resources().figures().client_gone.value() == 1);
}

TEST_CASE("ABORT_REQUEST: after the response's end, sent or half sent, it changes nothing")
{
    for (std::size_t cut = 0; cut < 120; ++cut) {
        session_loop loop;
        session_peer peer(loop);
        peer.room = cut;
        peer.send(get(1));
        loop.requests.at(0).answer("complete");
        peer.settle();
        INFO("after " << cut << " bytes");
        peer.send(abort_request(1));
        peer.read(session_peer::everything);
        CHECK(peer.reply_to(1).ends == 1);
        CHECK(peer.reply_to(1).well());
        CHECK(peer.reply_to(1).body == "complete");
        CHECK_FALSE(peer.closed());
    }
}

// The app's fault

TEST_CASE("F13: a response cut short ends with a record of unknown type and a close, never with END_REQUEST")
{
    for (const bool keep : {true, false}) {
        session_loop loop(application(fail_in_mid_body), small_limits());
        session_peer peer(loop);
        peer.send(get(1, keep));
        const auto reply = peer.reply_to(1);
        CHECK(reply.fault);
        CHECK(reply.ends == 0);
        CHECK_FALSE(reply.out_ended);
        CHECK(reply.body == "begun ");
        CHECK(parse_records(peer.output()).all.back() ==
              wire_record{static_cast<record_type>(255), 1, "", 0});
        CHECK(peer.closed());
        CHECK(loop.log().contains("no more"));
    }
}

TEST_CASE("F13: with other requests on the connection, END_REQUEST has appStatus 1 and the others go on")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1) + get(2));
    for (auto& app : loop.requests)
        app.start();
    loop.requests.at(0).write("begun ");
    loop.requests.at(0).drop();
    peer.settle();
    CHECK(peer.reply_to(1).ends == 1);
    CHECK(peer.reply_to(1).app_status == 1);
    CHECK_FALSE(peer.closed());
    loop.requests.at(1).write("whole");
    loop.requests.at(1).finish();
    peer.settle();
    CHECK(peer.reply_to(2).well());
    CHECK(peer.reply_to(2).body == "whole");
}

TEST_CASE(
    "R40, R44: a dropped writer, an abort and too few bytes fail visibly - nothing before the head does")
{
    for (const int way : {0, 1, 2}) {
        session_loop loop;
        session_peer peer(loop);
        peer.send(get());
        auto& app = loop.requests.at(0);
        app.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "10"}});
        CHECK(app.write("123456789") == 9);
        if (way == 0)
            app.drop();
        else if (way == 1)
            app.out->abort();
        else
            app.finish();
        peer.settle();
        INFO("way " << way);
        CHECK(peer.reply_to(1).fault);
        CHECK(peer.closed());
    }
    // R33, R39, R41: a complete 500, and the connection goes on.
    session_loop loop;
    session_peer peer(loop);
    peer.send(get());
    loop.requests.at(0).drop();
    peer.settle();
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(1).status() == 500);
    CHECK_FALSE(peer.closed());
}

// The web server ends, or we do

TEST_CASE("F13: nothing follows the fault: refusals that wait behind another go first")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get(1));
    auto& app = loop.requests.at(0);
    app.start();
    peer.settle();
    peer.room = 0;
    peer.session().drain();
    peer.send(get(2));
    peer.send(get(3));
    app.drop();
    peer.read(session_peer::everything);
    const auto got = parse_records(peer.output()).all;
    REQUIRE_FALSE(got.empty());
    CHECK(static_cast<unsigned>(got.back().type) > 11);
    CHECK(peer.reply_to(1).fault);
    for (const id_type id : {id_type{2}, id_type{3}}) {
        CHECK(peer.reply_to(id).status() == 503);
        CHECK(peer.reply_to(id).ends == 1);
    }
    CHECK(peer.closed());
}

TEST_CASE("R19: a body without a length that ends with the connection, not with its empty STDIN, is cut off")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(begin_request(1) + params(1, variables("POST")) + stdin_data(1, "some"));
    peer.send(begin_request(2) + params(2, variables("POST", "/", {{"CONTENT_LENGTH", "4"}})) +
              stdin_data(2, "more"));
    peer.send(begin_request(3) + params(3, variables("POST")) + stdin_data(3, "all") + stdin_end(3));
    peer.end(true);
    for (auto& app : loop.requests) {
        for (int i = 0; i < 2; ++i) {
            app.read(100);
            peer.settle();
        }
    }
    CHECK(loop.requests.at(0).body == "some");
    CHECK_FALSE(loop.requests.at(0).body_ended);
    CHECK(loop.requests.at(0).read_error == make_error_code(errc::body_incomplete));
    CHECK(loop.requests.at(1).body_ended);
    CHECK(loop.requests.at(2).body_ended);
    for (auto& app : loop.requests)
        app.answer("still here");
    peer.settle();
    for (id_type id = 1; id <= 3; ++id)
        CHECK(peer.reply_to(id).well());
}

TEST_CASE("a half-closed connection gets the responses under way, then is closed")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(begin_request(1) + params(1, variables("POST")) + stdin_data(1, "some") + get(2));
    peer.end(true);
    CHECK_FALSE(peer.closed());
    CHECK_FALSE(peer.fault());
    loop.requests.at(0).read(100);
    peer.settle();
    CHECK(loop.requests.at(0).body == "some");
    for (auto& app : loop.requests) {
        CHECK_FALSE(app.req.aborted());
        app.answer("still here");
    }
    peer.settle();
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(2).well());
    CHECK(peer.closed());
    CHECK_FALSE(peer.lingered());
}

TEST_CASE("a peer that leaves takes its requests along - one that has the whole response does not fail it")
{
    session_loop loop;
    {
        session_peer peer(loop);
        peer.send(get(1));
        loop.requests.at(0).start();
        peer.settle();
        peer.end(false);
        CHECK(peer.closed());
        CHECK(loop.requests.at(0).req.aborted());
        CHECK(loop.requests.at(0).write("x") == 0);
        CHECK(loop.requests.at(0).error == sluice::errc::client_gone);
        CHECK(loop.resources().figures().client_gone.value() == 1);
    }
    loop.requests.clear();
    loop.log().clear();
    // nginx without keep-conn closes on the empty STDOUT: all that is missing here is END_REQUEST.
    session_peer peer(loop);
    peer.send(get(1));
    loop.requests.at(0).start();
    loop.requests.at(0).write("all of it");
    peer.settle();
    peer.breaks_at = peer.output().size() + 8;
    loop.requests.at(0).finish();
    peer.settle();
    CHECK(peer.closed());
    CHECK(loop.requests.at(0).finished);
    CHECK(loop.log().contains("complete"));
    CHECK(loop.resources().figures().client_gone.value() == 1); // as before
}

TEST_CASE("drain: an idle session ends at once, a busy one after its responses")
{
    session_loop loop;
    session_peer idle(loop), busy(loop);
    idle.send(get(1));
    loop.requests.at(0).answer("kept");
    idle.settle();
    busy.send(get(1) + get(2));
    for (auto* peer : {&idle, &busy}) {
        peer->session().drain();
        peer->check({}); // lets the driver look
    }
    CHECK(idle.closed());
    CHECK_FALSE(busy.closed());
    loop.requests.at(2).answer("second");
    busy.settle();
    CHECK_FALSE(busy.closed());
    loop.requests.at(1).answer("first");
    busy.settle();
    CHECK(busy.closed());
    CHECK(busy.reply_to(1).well());
    CHECK(busy.reply_to(2).well());
}

TEST_CASE("drain: whoever has just connected, or is sending a request's first bytes, still gets its answer, "
          "and no second")
{
    const auto wire = get(1);
    for (const std::size_t sent : {0u, 1u, 8u, 15u}) {
        CAPTURE(sent);
        session_loop loop;
        session_peer peer(loop);
        peer.send(wire.substr(0, sent));
        peer.session().drain();
        peer.settle();
        CHECK_FALSE(peer.closed());
        peer.send(wire.substr(sent) + get(2));
        REQUIRE(loop.requests.size() == 1);
        CHECK(peer.reply_to(2).status() == 503);
        loop.requests.at(0).answer("in time");
        peer.settle();
        CHECK(peer.reply_to(1).well());
        CHECK(peer.closed());
    }
}

TEST_CASE("drain: whoever has just connected and sends nothing is not waited for, nor for a cancelled one")
{
    using namespace std::chrono_literals;
    session_loop loop;
    session_peer silent(loop), cancelled(loop);
    const std::chrono::steady_clock::time_point start{1h};
    silent.session().drain();
    silent.check(start);
    CHECK_FALSE(silent.closed());
    silent.check(start + 499ms);
    CHECK_FALSE(silent.closed());
    silent.check(start + 500ms);
    CHECK(silent.closed());
    CHECK_FALSE(silent.fault());
    cancelled.session().drain();
    cancelled.session().cancel(errc::shutting_down);
    cancelled.check(start); // lets the driver look
    CHECK(cancelled.closed());
}

TEST_CASE("cancel: what has not answered gets a 503, what streams fails visibly, all are told")
{
    session_loop loop;
    session_peer waiting(loop), streaming(loop), reading(loop);
    for (auto* peer : {&waiting, &streaming})
        peer->send(get(1));
    reading.send(begin_request(1) + params(1, variables("POST")));
    loop.requests.at(1).start();
    loop.requests.at(1).write("begun");
    loop.requests.at(2).read(10);
    for (auto* peer : {&waiting, &streaming, &reading}) {
        peer->settle();
        peer->session().cancel(sluice::errc::shutting_down);
        peer->settle();
        CHECK(peer->closed());
    }
    CHECK(waiting.reply_to(1).status() == 503);
    CHECK(waiting.reply_to(1).well());
    CHECK(streaming.reply_to(1).fault);
    CHECK(reading.reply_to(1).status() == 503);
    CHECK(loop.requests.at(2).read_error == sluice::errc::shutting_down);
    for (auto& app : loop.requests)
        CHECK(app.req.aborted());
}

TEST_CASE("the log: every record at trace, a line a request at info")
{
    session_loop loop;
    session_peer peer(loop);
    spdlog::default_logger()->set_level(spdlog::level::trace);
    peer.send(post(1, true, "body"));
    auto& app = loop.requests.at(0);
    app.start();
    app.req.errors().line("oh");
    app.write("body");
    app.finish();
    peer.settle();
    CHECK(peer.reply_to(1).well());
    for (const auto* line :
         {"trace in  BEGIN_REQUEST id 1 8 bytes", "trace in  PARAMS id 1 ", "trace in  PARAMS id 1 0 bytes",
          "trace in  STDIN id 1 4 bytes", "trace in  STDIN id 1 0 bytes", "trace out STDERR id 1 3 bytes",
          "trace out STDOUT id 1 ", "trace out STDOUT id 1 0 bytes, END_REQUEST", "info #"})
        CHECK(loop.log().contains(line));
    CHECK(loop.log().contains(" POST / 200 4 bytes, "));
    CHECK(loop.log().contains("trace out STDERR id 1 0 bytes"));

    // What answers no request of an app.
    peer.send(get_values({"FCGI_MAX_REQS"}) + record(99, 0, "x") + begin_request(2, true, 2) +
              begin_request(3) + abort_request(3));
    for (const auto* line : {"trace out GET_VALUES_RESULT id 0 ", "trace out UNKNOWN_TYPE id 0 8 bytes",
                             "trace out END_REQUEST id 2 8 bytes", "trace out END_REQUEST id 3 8 bytes"})
        CHECK(loop.log().contains(line));
    spdlog::default_logger()->set_level(spdlog::level::info);
}
