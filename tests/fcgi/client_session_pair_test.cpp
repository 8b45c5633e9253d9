// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The client's machine and the server's, one against the other.
#include <sluice/fcgi/client_session.hpp>

#include "fcgi/client_events.hpp"
#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using fcgi::client_session;

namespace {

task<void> echo(request& req, responder respond)
{
    auto body = req.body();
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    std::array<char, 700> buffer;
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

/// Moves what there is between the two; each gets pieces of `step` bytes.
class wire {
public:
    wire(client_session& c, session_peer& s, std::size_t step)
        : client_(c), server_(s), reader(c), step_(step)
    {}

    /// False when nothing moved.
    bool move()
    {
        bool moved = false;
        if (const auto out = client_.output(); !out.empty()) {
            const auto n = std::min(out.size(), step_);
            server_.send(std::string(reinterpret_cast<const char*>(out.data()), n));
            client_.sent(n);
            moved = true;
        }
        const auto got = std::string_view(server_.output()).substr(at_, step_);
        if (!got.empty()) {
            at_ += got.size();
            REQUIRE(reader.take(got));
            moved = true;
        }
        return moved;
    }

private:
    client_session& client_;
    session_peer& server_;

public:
    client_reader reader;

private:
    std::size_t step_;
    std::size_t at_ = 0;
};

} // namespace

TEST_CASE("client: its requests are what our server understands, and the answers come back")
{
    for (const std::size_t step : {1u, 13u, 4096u, 1000000u}) {
        INFO(step);
        session_loop loop(application(echo), small_limits());
        session_peer server(loop);
        client_session client;
        wire between(client, server, step);
        const std::size_t size = step == 1 ? 3000 : 50000;
        std::map<id_type, std::string> left, sent;
        for (unsigned i = 1; i <= 3; ++i) {
            id_type id = 0;
            REQUIRE_FALSE(client.start(a_request(), id));
            sent[id] = left[id] = pattern(size, i);
        }
        bool moved = true;
        while (moved) {
            moved = false;
            for (auto& [id, body] : left) {
                const auto n = client.write(id, std::as_bytes(std::span(body)));
                body.erase(0, n);
                if (body.empty())
                    client.finish(id);
                moved |= n > 0;
            }
            moved |= between.move();
        }
        CHECK(between.reader.ended.size() == 3);
        for (const auto& [id, body] : sent) {
            const auto& a = between.reader.answers[id];
            const auto head = a.out.find("\r\n\r\n");
            REQUIRE(head != a.out.npos);
            CHECK(difference(a.out.substr(head + 4), body) == "");
            CHECK(a.out_ended);
            CHECK(a.app_status == 0);
        }
        CHECK(client.reusable());
        CHECK_FALSE(server.fault());
    }
}

TEST_CASE("client: our server is told of an abort, answers it, and serves the others")
{
    session_loop loop;
    session_peer server(loop);
    client_session client;
    wire between(client, server, 1000);
    id_type first = 0, second = 0;
    REQUIRE_FALSE(client.start(a_request(), first));
    REQUIRE_FALSE(client.start(a_request(), second));
    client.finish(second);
    while (between.move()) {
    }
    REQUIRE(loop.requests.size() == 2);
    CHECK(client.abort(first));
    while (between.move()) {
    }
    CHECK(loop.requests[0].req.aborted());
    CHECK_FALSE(loop.requests[1].req.aborted());
    loop.requests[0].drop();
    loop.requests[1].answer("still here");
    server.settle();
    while (between.move()) {
    }
    CHECK(between.reader.answers[second].out.ends_with("still here"));
    CHECK(client.active() == 0);
}

TEST_CASE("client: our server tells it what it can do, and which role it lacks")
{
    session_loop loop;
    session_peer server(loop);
    client_session client;
    wire between(client, server, 5);
    const std::string_view names[] = {"FCGI_MPXS_CONNS"};
    REQUIRE(client.get_values(names));
    id_type id = 0;
    REQUIRE_FALSE(client.start(a_request(true, fcgi::role::authorizer), id));
    client.finish(id);
    while (between.move()) {
    }
    CHECK(between.reader.values == 1);
    CHECK(client.values().size() == 1);
    CHECK(client.values().contains("FCGI_MPXS_CONNS"));
    CHECK(between.reader.answers[id].protocol_status == fcgi::protocol_status::unknown_role);
}

TEST_CASE("client: a response that our server cuts short is no whole answer")
{
    session_loop loop;
    session_peer server(loop);
    client_session client;
    client_reader reader(client);
    id_type id = 0;
    REQUIRE_FALSE(client.start(a_request(), id));
    client.finish(id);
    server.send(all_output(client));
    auto& app = loop.requests.at(0);
    app.start();
    app.write("half of it");
    app.drop();
    server.settle();
    const bool well = reader.take(server.output());
    CHECK((!well || reader.answers[id].app_status != 0 || client.end_of_input()));
    CHECK(reader.answers[id].out.ends_with("half of it"));
}
