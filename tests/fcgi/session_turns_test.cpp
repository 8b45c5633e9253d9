// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Many requests on one connection: whose turn it is.
#include <sluice/fcgi/session.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <map>
#include <utility>

using namespace sluice;
using namespace sluice::test;

namespace {

/// Records of others that went out before the last of `id`.
std::size_t records_before_end_of(id_type id, std::string_view output)
{
    std::size_t n = 0;
    for (const auto& r : parse_records(output).all) {
        if (r.id == id && r.type == fcgi::record_type::end_request)
            return n;
        n += r.id != id;
    }
    FAIL("no end of " << id);
    return n;
}

} // namespace

TEST_CASE("F29: an answer that comes up while endless responses wait for the kernel goes out behind one "
          "block of each")
{
    const auto endless = GENERATE(as<std::size_t>(), 1, 2, 5);
    CAPTURE(endless);
    auto l = small_limits();
    l.window_growth = l.block_size;
    const auto body = pattern(200'000);
    std::size_t most_waiting = 0;
    // The kernel stops somewhere among the blocks that were offered to it together.
    for (std::size_t room = 100'000; room < 120'000; room += 1000) {
        CAPTURE(room);
        session_loop loop(
            [&](request& req, responder respond) -> task<void> {
                if (req.env().path_info() == "/small")
                    co_return respond.send(200, {{"Content-Type", "text/plain"}}, "small");
                auto out = respond.start(200, {{"Content-Type", "text/plain"}});
                for (std::size_t at = 0; at < body.size(); at += 1000)
                    co_await out.write(std::string_view(body).substr(at, 1000));
            },
            l);
        session_peer peer(loop);
        peer.room = room;
        std::string requests;
        for (std::size_t i = 0; i < endless; ++i)
            requests += get(static_cast<id_type>(i + 1));
        peer.send(requests);
        most_waiting = std::max(most_waiting, loop.in_use());
        const auto before = parse_records(peer.output());
        peer.send(get(100, true, "/small"));
        peer.read(session_peer::everything);
        CHECK(peer.reply_to(100).body == "small");
        CHECK(records_before_end_of(100, peer.output()) - before.all.size() <=
              endless + (before.left_over > 0));
        for (std::size_t i = 0; i < endless; ++i) {
            const auto reply = peer.reply_to(static_cast<id_type>(i + 1));
            CHECK(reply.well());
            CHECK(difference(reply.body, body) == "");
        }
    }
    CHECK(most_waiting > endless);
}

TEST_CASE("F29: responses that wait for the kernel together take turns, each with its errors and its end, at "
          "any cut")
{
    const auto body = pattern(20'000);
    for (const std::size_t step : {1u, 7u, 1000u, 4096u, 30'000u}) {
        CAPTURE(step);
        session_loop loop(small_limits());
        session_peer peer(loop);
        peer.room = 10;
        for (id_type id = 1; id <= 4; ++id) {
            peer.send(get(id));
            loop.requests.back().start();
            loop.requests.back().req.errors().line("said by " + std::to_string(id));
            loop.requests.back().write_all(body);
            peer.settle();
            peer.read(step);
        }
        std::map<played_request*, bool> told;
        for (int i = 0; i < 200'000 && !loop.requests.empty(); ++i) {
            for (auto& r : loop.requests)
                if (r.written && !std::exchange(told[&r], true)) {
                    r.req.errors().line("at the end");
                    r.finish();
                }
            peer.read(step);
        }
        peer.read(session_peer::everything);
        for (id_type id = 1; id <= 4; ++id) {
            const auto reply = peer.reply_to(id);
            CHECK(reply.well());
            CHECK(reply.errors == "said by " + std::to_string(id) + "\nat the end\n");
            CHECK(difference(reply.body, body) == "");
        }
    }
}

TEST_CASE("F22: refusals that nobody reads are kept in little memory, however many one read brings")
{
    auto l = small_limits();
    l.requests = 1;
    session_loop loop(l);
    session_peer peer(loop);
    peer.send(begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "1000000"}})));
    loop.requests.at(0).start();
    peer.room = 0;
    std::string many;
    for (id_type id = 2; id < 4000; ++id)
        many += begin_request(id);
    peer.send(many);
    peer.read(session_peer::everything);
    CHECK(peer.unread() == 0);
    CHECK(peer.most_offered() > 16'000);
    CHECK(peer.most_offered() <
          16'000 + 4 * l.block_size); // the words for one read's would be ten times as long
    CHECK(peer.reply_to(2).status() == 503);
    CHECK(peer.reply_to(3999).protocol_status == fcgi::protocol_status::overloaded);
    std::map<id_type, int> ends;
    for (const auto& r : parse_records(peer.output()).all)
        ends[r.id] += r.type == fcgi::record_type::end_request;
    for (id_type id = 2; id < 4000; ++id)
        REQUIRE(ends[id] == 1);
}
