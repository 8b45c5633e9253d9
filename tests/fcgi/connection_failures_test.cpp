// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Failures injected at every step of a connection, and the limits on time with a real clock.
#include "connection.hpp" // fcgi/src

#include <sluice/fcgi/errc.hpp>

#include "fcgi/socket_peer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// Reads the body, then answers with it three times over, in pieces of all sorts.
task<void> thrice(request& req, responder respond)
{
    std::string body;
    std::array<char, 700> buffer;
    while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
        body.append(buffer.data(), n);
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    req.errors().line("thrice");
    co_await out.write(body);
    co_await out.flush();
    co_await out.write(body + body);
}

/// Answers with each piece of the body as it comes.
task<void> echo(request& req, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    std::array<char, 700> buffer;
    while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

/// A second connection that must not notice anything.
class bystander {
public:
    explicit bystander(driven_loop& loop) : loop_(loop), peer_(loop.connect()) {}

    void check()
    {
        peer_.received.clear();
        peer_.send(post(1, true, "hello"));
        REQUIRE(loop_.until([&] { return peer_.try_receive(), peer_.reply_to(1).ends == 1; }));
        REQUIRE(peer_.reply_to(1).body == "hellohellohello");
    }

private:
    driven_loop& loop_;
    socket_peer peer_;
};

enum class leave { close, reset, half_close };

} // namespace

TEST_CASE("failures: the peer leaves after every byte of its request")
{
    const auto request = post(1, true, pattern(50)) + begin_request(2);
    driven_loop loop{application(thrice), small_limits()};
    bystander other(loop);
    for (const bool tcp : {false, true})
        for (const auto how : {leave::close, leave::reset, leave::half_close})
            for (std::size_t cut = 0; cut <= request.size(); cut += tcp ? 7 : 1) {
                INFO(cut << " bytes, " << (tcp ? "TCP" : "unix") << ", way " << static_cast<int>(how));
                auto peer = tcp ? loop.connect_tcp() : loop.connect();
                peer.send(std::string_view(request).substr(0, cut));
                if (cut % 2 == 0)
                    loop.settle();
                if (how == leave::half_close)
                    peer.half_close();
                else
                    how == leave::reset&& tcp ? peer.reset() : peer.close();
                REQUIRE(loop.until([&] { return loop.loop().connections() == 1; }));
                REQUIRE(loop.in_use() == 0);
                if (cut % 16 == 0)
                    other.check();
                loop.log().clear();
            }
    other.check();
}

TEST_CASE("failures: the peer leaves after every byte of the response")
{
    const auto body = pattern(9000);
    driven_loop loop{application(thrice), small_limits()};
    bystander other(loop);
    std::string whole;
    {
        auto peer = loop.connect();
        peer.send(post(1, false, body));
        REQUIRE(loop.until([&] { return peer.try_receive(), peer.ended; }));
        whole = peer.received;
    }
    for (const bool tcp : {false, true})
        for (const auto how : {leave::close, leave::reset})
            for (const auto cut : cuts_of(whole, 997)) {
                if (tcp && cut % 9 != 0)
                    continue;
                INFO(cut << " bytes, " << (tcp ? "TCP" : "unix") << ", way " << static_cast<int>(how));
                auto peer = tcp ? loop.connect_tcp(4096) : loop.connect(4096);
                const auto request = post(1, cut % 2 == 0, body);
                std::string_view rest(request);
                REQUIRE(loop.until([&] {
                    rest.remove_prefix(peer.try_send(rest));
                    peer.try_receive(cut - peer.received.size());
                    return rest.empty() && peer.received.size() == cut;
                }));
                how == leave::reset&& tcp ? peer.reset() : peer.close();
                REQUIRE(loop.until([&] { return loop.loop().connections() == 1; }));
                REQUIRE(loop.in_use() == 0);
                if (cut % 50 == 0)
                    other.check();
                loop.log().clear();
            }
    other.check();
}

TEST_CASE("failures: a peer that breaks the protocol is closed and named in the log, and nobody else notices")
{
    const std::string breaches[] = {"GET / HTTP/1.1\r\n\r\n", stdin_data(3, "x"),
                                    begin_request(1) + begin_request(1), get(1) + params_end(1),
                                    begin_request(1) + params(1, {{"", "x"}})};
    driven_loop loop{application(thrice), small_limits()};
    bystander other(loop);
    for (const auto& bytes : breaches)
        for (std::size_t cut = 0; cut < bytes.size(); cut += 3) {
            loop.log().clear();
            auto peer = loop.connect();
            peer.send(std::string_view(bytes).substr(0, cut));
            loop.settle();
            peer.send(std::string_view(bytes).substr(cut));
            CHECK(loop.until([&] { return peer.try_receive(), peer.ended; }));
            CHECK(loop.log().contains("warning connection "));
            CHECK(loop.log().contains("FastCGI"));
            CHECK(loop.until([&] { return loop.loop().connections() == 1 && loop.in_use() == 0; }));
            other.check();
        }
}

TEST_CASE("F20, F21, request_idle: each limit on time ends its connection, and no other")
{
    limits l = small_limits();
    l.write_stall = l.linger = l.request_idle = 80ms;
    driven_loop loop(l);
    auto stalled = loop.connect(4096), finished = loop.connect(4096), half = loop.connect(),
         idle = loop.connect(), quiet = loop.connect();
    stalled.send(get(1));
    finished.send(get(1));
    quiet.send(get(1));
    idle.send(get_values({}));
    REQUIRE(loop.until([&] { return loop.requests.size() == 3 && idle.try_receive() > 0; }));
    for (auto& app : loop.requests)
        app.start();
    half.send(begin_request(1));
    loop.requests[0].write_all(pattern(100'000));
    loop.requests[1].write(pattern(3000));
    while (loop.requests[1].write(pattern(2000)) > 0)
        loop.settle();
    loop.requests[1].finish();
    loop.requests[2].write("once");
    CHECK(loop.until([&] { return loop.loop().connections() == 2; }));
    CHECK(loop.requests[0].error == sluice::errc::write_stalled);
    CHECK(loop.requests[0].req.aborted());
    CHECK(loop.log().contains(make_error_code(sluice::errc::write_stalled).message()));
    CHECK(loop.log().contains(make_error_code(fcgi::errc::request_idle).message()));
    // Long past every limit: who only is silent stays.
    const auto later = std::chrono::steady_clock::now() + 200ms;
    CHECK(loop.until([&] { return std::chrono::steady_clock::now() > later; }));
    CHECK(loop.loop().connections() == 2);
    CHECK(idle.try_receive() == 0);
    CHECK_FALSE(idle.ended);
    loop.requests[2].finish();
    CHECK(loop.until([&] { return quiet.try_receive(), quiet.reply_to(1).well(); }));
    idle.close();
    quiet.close();
}

TEST_CASE("F13, request_idle: a body that stops coming does not make its response look whole")
{
    limits l = small_limits();
    l.request_idle = 80ms;
    driven_loop loop{application(echo), l};
    auto peer = loop.connect();
    peer.send(begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "100"}})) +
              stdin_data(1, pattern(50)));
    CHECK(loop.until([&] { return peer.try_receive(), peer.ended; }));
    CHECK(peer.reply_to(1).body == pattern(50));
    CHECK(peer.reply_to(1).ends == 0);
    CHECK(peer.reply_to(1).fault);
}

TEST_CASE("F27: drain ends an endless stream within its limit, idle connections at once, and lets the others "
          "finish")
{
    limits l = small_limits();
    l.drain = 100ms;
    for (const bool endless : {true, false}) {
        driven_loop loop(l);
        auto idle = loop.connect(), streaming = loop.connect(), waiting = loop.connect();
        idle.send(get_values({"FCGI_MAX_REQS"}));
        streaming.send(get(1));
        waiting.send(get(1));
        REQUIRE(loop.until([&] { return loop.requests.size() == 2; }));
        loop.requests[0].start();
        loop.requests[0].write("begun");
        loop.settle();
        const auto begun = std::chrono::steady_clock::now();
        loop.loop().drain();
        idle.try_receive();
        CHECK(idle.ended);
        if (!endless) {
            loop.requests[0].finish();
            loop.requests[1].answer("whole");
        }
        loop.loop().context().restart();
        loop.loop().run(); // returns on its own
        const auto took = std::chrono::steady_clock::now() - begun;
        CHECK(loop.loop().connections() == 0);
        CHECK(loop.in_use() == 0);
        streaming.try_receive();
        waiting.try_receive();
        CHECK(waiting.reply_to(1).well());
        CHECK(waiting.reply_to(1).status() == (endless ? 503 : 200));
        CHECK(streaming.reply_to(1).fault == endless);
        CHECK(streaming.reply_to(1).well() == !endless);
        CHECK(loop.requests[0].req.aborted() == endless);
        CHECK(took < l.drain + 2s);
        CHECK((!endless || took >= l.drain));
    }
}

TEST_CASE(
    "F27: drain answers a request that has come and is not read yet, and that of whoever has just connected")
{
    driven_loop loop;
    auto kept = loop.connect(), fresh = loop.connect();
    kept.send(get(1));
    REQUIRE(loop.until([&] { return loop.requests.size() == 1; }));
    loop.requests[0].answer("before");
    loop.settle();
    kept.send(get(2));
    loop.loop().drain();
    fresh.send(get(1));
    REQUIRE(loop.until([&] { return loop.requests.size() == 3; }));
    for (const std::size_t i : {std::size_t{1}, std::size_t{2}})
        loop.requests[i].answer("whole");
    loop.loop().context().restart();
    loop.loop().run(); // returns on its own
    kept.try_receive();
    fresh.try_receive();
    CHECK(kept.reply_to(2).well());
    CHECK(kept.reply_to(2).status() == 200);
    CHECK(fresh.reply_to(1).well());
    CHECK(fresh.reply_to(1).status() == 200);
    CHECK(kept.ended);
    CHECK(fresh.ended);
}
