// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Authorizers (FastCGI specification section 6.3), and many requests on one connection.
#include <sluice/fcgi/session.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

#include <array>

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr unsigned authorizer = 2;

authorization guard(request& req)
{
    CHECK(req.role() == role::authorizer);
    if (req.env().get("HTTP_AUTHORIZATION") != "Bearer secret")
        return authorization::deny(401, {{"WWW-Authenticate", "Bearer"}}, "no\n");
    return authorization::allow({{"REMOTE_USER", "anna"}});
}

task<authorization> guard_later(request& req)
{
    co_await sluice::sleep_for(std::chrono::milliseconds(0));
    co_return guard(req);
}

std::string ask(id_type id, bool keep, bool with_secret)
{
    pairs more;
    if (with_secret)
        more = {{"HTTP_AUTHORIZATION", "Bearer secret"}};
    return begin_request(id, keep, authorizer) + params(id, variables("GET", "/", more));
}

// The test is the app for responders.
limits few(std::size_t requests)
{
    limits l;
    l.connection_requests = requests;
    return l;
}

} // namespace

TEST_CASE("an authorizer answers without waiting for STDIN, whether or not its end comes at all")
{
    for (const bool with_end : {false, true}) {
        for (const bool later : {false, true}) {
            CAPTURE(with_end, later);
            session_loop loop(later ? application(guard_later) : application(guard));
            session_peer peer(loop);
            peer.send(ask(1, true, true));
            loop.loop().poll_until([&] { return peer.reply_to(1).ends == 1; });
            const auto yes = peer.reply_to(1);
            CHECK(yes.well());
            CHECK(yes.status() == 200);
            CHECK(yes.head.find("Variable-REMOTE_USER: anna\r\n") != std::string::npos);
            CHECK(yes.head.find("Content-") == std::string::npos); // Apache would give it to the file behind
            if (with_end)
                peer.send(stdin_end(1));
            peer.send(ask(2, false, false));
            loop.loop().poll_until([&] { return peer.reply_to(2).ends == 1; });
            CHECK(peer.reply_to(2).status() == 401);
            CHECK(peer.reply_to(2).body == "no\n");
            peer.settle();
            CHECK(peer.closed());
            CHECK_FALSE(peer.lingered()); // no body is on its way
            CHECK_FALSE(peer.fault());
        }
    }
}

TEST_CASE("an app that answers is no authorizer: the web server is told, and nobody is let in by mistake")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(ask(1, true, true));
    CHECK(peer.reply_to(1).protocol_status == fcgi::protocol_status::unknown_role);
    CHECK(loop.requests.empty());
}

TEST_CASE("with multiplexing off a second request on a connection is told so, and the first goes on")
{
    session_loop loop(few(1));
    session_peer peer(loop);
    peer.send(get(1) + get(2) + get_values({"FCGI_MPXS_CONNS"}));
    CHECK(loop.requests.size() == 1);
    CHECK(peer.reply_to(2).protocol_status == fcgi::protocol_status::cant_mpx_conn);
    loop.requests.at(0).answer("first");
    peer.settle();
    CHECK(peer.reply_to(1).well());
    peer.send(get(3));
    REQUIRE(loop.requests.size() == 2);
    loop.requests.at(1).answer("third");
    peer.settle();
    CHECK(peer.reply_to(3).body == "third");
    CHECK(peer.output().find("FCGI_MPXS_CONNS0") != std::string::npos);
}

TEST_CASE("limits::connection_requests: over it a request gets a complete 503")
{
    session_loop loop(few(2));
    session_peer peer(loop);
    peer.send(get(1) + get(2) + get(3));
    CHECK(loop.requests.size() == 2);
    CHECK(peer.reply_to(3).status() == 503);
    for (auto& r : loop.requests)
        r.answer("well");
    peer.settle();
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(2).well());
}

TEST_CASE("F24: a body that its app does not read hides nothing of the others on its connection")
{
    session_loop loop;
    session_peer peer(loop);
    const auto body = pattern(300'000); // more than the input window
    peer.send(get(1));
    auto& quick = loop.requests.at(0);
    quick.start();
    peer.send(post(2, true, body));
    CHECK(peer.unread() == 0); // in blocks, and the rest in a file
    REQUIRE(loop.requests.size() == 2);
    peer.send(abort_request(1));
    CHECK(peer.unread() == 0);
    CHECK(quick.req.aborted());

    auto& slow = loop.requests.at(1);
    while (!slow.body_ended) {
        slow.read(10'000);
        peer.settle();
        REQUIRE_FALSE(slow.read_error);
    }
    CHECK(slow.body == body);
    slow.answer("got it");
    peer.settle();
    CHECK(peer.reply_to(2).well());
}

TEST_CASE("limits::spill: an unread body beside others fails alone when its file is full")
{
    auto l = small_limits();
    l.spill = 50'000;
    session_loop loop(l);
    session_peer peer(loop);
    peer.send(get(1));
    peer.send(post(2, true, pattern(200'000)));
    REQUIRE(loop.requests.size() == 2);
    CHECK(peer.unread() == 0);
    CHECK(loop.log().contains("limits::spill"));
    auto& slow = loop.requests.at(1);
    while (!slow.read_error && !slow.body_ended) {
        slow.read(10'000);
        peer.settle();
    }
    CHECK(slow.read_error == errc::body_too_large);
    slow.answer("not all of it");
    loop.requests.at(0).answer("unharmed");
    peer.settle();
    CHECK(peer.reply_to(1).body == "unharmed");
    CHECK(peer.reply_to(2).well());
}

TEST_CASE("limits::spill_total: the body that takes all files together past it fails alone, and reading "
          "gives room back")
{
    auto l = small_limits();
    l.spill_total = 150'000;
    session_loop loop(l);
    session_peer peer(loop);
    const auto body = pattern(100'000); // of which the input window keeps little
    peer.send(get(9));
    loop.requests.at(0).start(); // who shares the connection
    peer.send(post(1, true, body) + post(2, true, body));
    REQUIRE(loop.requests.size() == 3);
    CHECK(peer.unread() == 0);
    CHECK(loop.log().contains("limits::spill_total"));
    const auto read_all = [&](played_request& r) {
        while (!r.read_error && !r.body_ended) {
            r.read(10'000);
            peer.settle();
        }
    };
    read_all(loop.requests[2]);
    CHECK(loop.requests[2].read_error == errc::body_too_large);
    read_all(loop.requests[1]);
    CHECK_FALSE(loop.requests[1].read_error);
    CHECK(difference(loop.requests[1].body, body) == "");
    CHECK(loop.resources().figures().spilled.value() == 0);

    loop.requests[1].answer("well");
    peer.settle();
    peer.send(post(3, true, body));
    REQUIRE(loop.requests.size() == 4);
    CHECK(loop.resources().figures().spilled.value() > 50'000);
    read_all(loop.requests[3]);
    CHECK(difference(loop.requests[3].body, body) == "");
    peer.send(post(4, true, body));
    CHECK(loop.resources().figures().spilled.value() > 50'000);
    peer.send(abort_request(4));
    CHECK(loop.resources().figures().spilled.value() == 0);
    loop.requests[2].answer("in part");
    loop.requests[3].answer("well");
    peer.settle();
    for (const id_type id : {id_type(1), id_type(2), id_type(3)})
        CHECK(peer.reply_to(id).well());
}

TEST_CASE("an authorizer that is sent a body all the same finds none, beside others too")
{
    auto l = small_limits();
    l.spill = 100;
    std::size_t read = 1;
    error_code failure;
    session_loop loop(application::by_role({application([&](request& req) -> task<authorization> {
                                                std::array<char, 10> buffer{};
                                                try {
                                                    read =
                                                        co_await req.body().read(boost::asio::buffer(buffer));
                                                } catch (const system_error& e) {
                                                    failure = e.code();
                                                }
                                                co_return authorization::allow();
                                            }),
                                            application([](request&, responder respond) -> task<void> {
                                                respond.send(200, {{"Content-Type", "text/plain"}}, "well");
                                                co_return;
                                            })}),
                      l);
    session_peer peer(loop);
    peer.send(begin_request(1) + begin_request(2, true, authorizer) + params(2, variables()) +
              stdin_data(2, pattern(5000)) + stdin_end(2) + params(1, variables()) + stdin_end(1));
    CHECK(read == 0);
    CHECK_FALSE(failure);
    CHECK(peer.reply_to(2).status() == 200);
    CHECK(peer.reply_to(1).well());
}
