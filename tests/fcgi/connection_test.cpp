// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The driver of one connection on real sockets: how bytes come and go.
#include "connection.hpp" // fcgi/src

#include "fcgi/socket_peer.hpp"
#include "support/catch.hpp"

#include <boost/asio/use_awaitable.hpp>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

/// Answers with the body it gets, as it comes.
task<void> echo(request& req, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "application/octet-stream"}});
    std::array<char, 5000> buffer;
    while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

/// Writes for ever, in pieces of as many bytes as the path says.
task<void> endless(request& req, responder respond)
{
    const std::string piece = pattern(std::stoul(std::string(req.env().path_info().substr(1))));
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    for (;;)
        co_await out.write(piece);
}

bool ended(socket_peer& peer, id_type id)
{
    peer.try_receive();
    return peer.reply_to(id).ends > 0;
}

} // namespace

TEST_CASE(
    "connection: requests one after the other on a kept connection, then a close that the client asked for")
{
    driven_loop loop{application(echo)};
    for (const bool tcp : {false, true}) {
        auto peer = tcp ? loop.connect_tcp() : loop.connect();
        for (id_type id = 1; id <= 20; ++id) {
            peer.send(post(id, id < 20, "body " + std::to_string(id)));
            REQUIRE(loop.until([&] { return ended(peer, id); }));
            CHECK(peer.reply_to(id).well());
            CHECK(peer.reply_to(id).body == "body " + std::to_string(id));
        }
        CHECK(loop.until([&] { return peer.try_receive(), peer.ended; }));
        CHECK_FALSE(peer.broken);
        CHECK(loop.until([&] { return loop.loop().connections() == 0; }));
    }
}

TEST_CASE("connection: pipelined requests, sent in one piece, are all answered")
{
    driven_loop loop{application(echo)};
    auto peer = loop.connect();
    std::string all;
    for (id_type id = 1; id <= 100; ++id)
        all += post(id, id < 100, pattern(300, id));
    peer.send(all);
    CHECK(loop.until([&] { return peer.try_receive(), peer.ended; }));
    const auto got = parse_records(peer.received);
    for (id_type id = 1; id <= 100; ++id) {
        CHECK(reply_to(id, got).well());
        CHECK(reply_to(id, got).body == pattern(300, id));
    }
}

TEST_CASE("connection: input byte by byte, each seen on its own")
{
    driven_loop loop{application(echo)};
    auto peer = loop.connect();
    for (const char c : post(1, false, "slow")) {
        peer.send(std::string_view(&c, 1));
        loop.settle();
    }
    CHECK(loop.until([&] { return peer.try_receive(), peer.ended; }));
    CHECK(peer.reply_to(1).body == "slow");
}

TEST_CASE("R17, F25: a large body echoed through small kernel buffers, both directions at once")
{
    const auto body = pattern(1'000'000);
    const auto request = post(1, false, body, false);
    for (const bool tcp : {false, true}) {
        driven_loop loop{application(echo), small_limits()};
        auto peer = tcp ? loop.connect_tcp(8192) : loop.connect(8192);
        std::string_view rest = request;
        CHECK(loop.until([&] {
            if (!rest.empty())
                rest.remove_prefix(peer.try_send(rest));
            peer.try_receive();
            return peer.ended;
        }));
        CHECK(peer.reply_to(1).well());
        CHECK(difference(peer.reply_to(1).body, body) == "");
    }
}

TEST_CASE("F1, F2: a client that reads nothing holds a window and a block at most, whatever is written")
{
    for (const std::string piece : {"10", "5000", "65536", "50000000"})
        for (const bool tcp : {false, true}) {
            INFO("pieces of " << piece << (tcp ? ", TCP" : ", unix"));
            const limits l;
            driven_loop loop{application(endless), l};
            auto peer = tcp ? loop.connect_tcp(16384) : loop.connect(16384);
            peer.send(get(1, true, "/" + piece));
            loop.settle(); // until nothing moves any more
            const auto stalled = loop.stats();
            CHECK(stalled.produced > 0);
            CHECK(stalled.produced < 8'000'000);
            CHECK(stalled.held <= l.window + l.block_size);
            // Goes on when the client reads, and the bound holds all the time.
            CHECK(loop.until([&] {
                peer.try_receive(100'000);
                REQUIRE(loop.stats().held <= l.window + l.block_size);
                return peer.received.size() > 2'000'000;
            }));
            CHECK(loop.stats().peak_held <= l.window + l.block_size);
            CHECK(loop.stats().produced >= 2'000'000 * 9 / 10);
            const auto body = peer.reply_to(1).body;
            const auto period = pattern(std::stoul(piece));
            std::string wanted;
            while (wanted.size() < body.size())
                wanted += period;
            CHECK(difference(body, std::string_view(wanted).substr(0, body.size())) == "");
        }
}

TEST_CASE("F6: ten thousand tiny writes to a fast client make far fewer records")
{
    driven_loop loop{application([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        for (int i = 0; i < 10'000; ++i)
            co_await out.write("0123456789abcdef");
    })};
    auto peer = loop.connect();
    peer.send(get());
    CHECK(loop.until([&] { return ended(peer, 1); }));
    CHECK(peer.reply_to(1).body.size() == 160'000);
    CHECK(peer.reply_to(1).records <= 10'000 / 500);
}

TEST_CASE("F7: a small write arrives while the app sleeps")
{
    driven_loop loop{application([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("10 % ...");
        co_await sluice::sleep_for(1ms); // from here on it writes from a timer, outside of any read
        co_await out.write("20 % ...");
        co_await sluice::sleep_for(1h);
    })};
    auto peer = loop.connect();
    peer.send(get());
    CHECK(loop.until([&] { return peer.try_receive(), peer.reply_to(1).body == "10 % ...20 % ..."; }));
    CHECK(peer.reply_to(1).ends == 0);
}

TEST_CASE("F11: the client of an idle stream leaves, and the app is told within 100 ms")
{
    for (const int way : {0, 1, 2}) {
        INFO("way " << way);
        clock::time_point told{};
        error_code why;
        driven_loop loop{application([&](request& req, responder respond) -> task<void> {
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await out.write("nothing follows");
            try {
                co_await sluice::sleep_for(1h);
            } catch (const system_error& e) {
                told = clock::now();
                why = req.aborted() ? out.error() : error_code();
            }
        })};
        auto peer = way == 0 ? loop.connect() : loop.connect_tcp();
        peer.send(get());
        REQUIRE(loop.until([&] { return peer.try_receive(), !peer.reply_to(1).body.empty(); }));
        const auto left = clock::now();
        way == 2 ? peer.reset() : peer.close();
        REQUIRE(loop.until([&] { return told != clock::time_point{}; }));
        CHECK(told - left < 100ms);
        CHECK(why == sluice::errc::client_gone);
        CHECK(loop.stats().client_gone == 1);
        CHECK(loop.until([&] { return loop.loop().connections() == 0; }));
    }
}

TEST_CASE("F12: the client leaves behind a body nobody reads, and the app is told within 100 ms")
{
    for (const int way : {0, 1, 2}) {
        INFO("way " << way);
        clock::time_point told{};
        bool started = false;
        driven_loop loop{application([&](request&, responder respond) -> task<void> {
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await out.write("the body can wait");
            started = true;
            try {
                co_await sluice::sleep_for(1h);
            } catch (const system_error&) {
                told = clock::now();
            }
        })};
        auto peer = way == 0 ? loop.connect() : loop.connect_tcp();
        // More than the window, but over TCP the end must not wait behind what does not fit into the socket.
        peer.send(begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "1000000"}})) +
                  stdin_data(1, pattern(80'000), 8000));
        REQUIRE(loop.until([&] { return peer.try_receive(), started && !peer.reply_to(1).body.empty(); }));
        const auto left = clock::now();
        way == 2 ? peer.reset() : peer.close();
        REQUIRE(loop.until([&] { return told != clock::time_point{}; }));
        CHECK(told - left < 100ms);
        CHECK(loop.stats().client_gone == 1);
        CHECK(loop.until([&] { return loop.loop().connections() == 0; }));
        CHECK(loop.stats().pool_in_use == 0);
    }
}

TEST_CASE(
    "F8, F10: the client leaves while the app writes: at most one more write succeeds, then the error sticks")
{
    for (const bool stalled : {true, false})
        for (const int way : {0, 1, 2}) {
            INFO((stalled ? "stalled" : "reading") << ", way " << way);
            int failed = 0;
            error_code why;
            driven_loop loop{application([&](request&, responder respond) -> task<void> {
                auto out = respond.start(200, {{"Content-Type", "text/plain"}});
                const auto piece = pattern(3000);
                try {
                    for (;;)
                        co_await out.write(piece);
                } catch (const system_error& e) {
                    why = e.code();
                }
                error_code ec;
                for (int i = 0; i < 3; ++i)
                    failed += out.try_write(piece, ec) == 0 && ec == why;
            })};
            auto peer = way == 0 ? loop.connect(8192) : loop.connect_tcp(8192);
            peer.send(get());
            REQUIRE(loop.until(
                [&] { return stalled || (peer.try_receive(), peer.received.size() > 1'000'000); }));
            way == 2 ? peer.reset() : peer.close();
            REQUIRE(loop.until([&] { return failed == 3; }));
            CHECK(why == sluice::errc::client_gone);
            CHECK(loop.in_use() == 0);
        }
}

TEST_CASE("a client that is gone before the answer does no harm to the loop")
{
    // The very first write fails, in the turn in which the app was called.
    for (const int way : {0, 1}) {
        driven_loop loop{application(endless)};
        for (const std::string piece : {"10", "5000", "100000"}) {
            auto peer = way == 0 ? loop.connect() : loop.connect_tcp();
            peer.send(get(1, true, "/" + piece));
            way == 0 ? peer.close() : peer.reset();
            CHECK_NOTHROW(
                loop.until([&] { return loop.loop().connections() == 0 && loop.stats().requests > 0; }));
        }
    }
}

TEST_CASE("half-closing a unix socket is no abort - leaving after it is")
{
    driven_loop loop;
    auto stays = loop.connect(), leaves = loop.connect();
    for (auto* peer : {&stays, &leaves}) {
        peer->send(get(1));
        peer->half_close();
    }
    REQUIRE(loop.until([&] { return loop.requests.size() == 2; }));
    loop.settle();
    CHECK_FALSE(loop.requests[0].req.aborted());
    CHECK_FALSE(loop.requests[1].req.aborted());
    leaves.close();
    CHECK(loop.until([&] { return loop.requests[1].req.aborted(); }));
    loop.requests[0].answer("still here");
    CHECK(loop.until([&] { return stays.try_receive(), stays.ended; }));
    CHECK(stays.reply_to(1).well());
    CHECK(stays.reply_to(1).body == "still here");
}

TEST_CASE("R34, R45, F14: a response that another thread gives after the app has returned")
{
    for (const bool tcp : {false, true}) {
        std::thread other;
        std::atomic<bool> returned = false;
        int ends = 0;
        const auto body = pattern(1'000'000);
        driven_loop loop{application([&](request& req, responder respond) -> task<void> {
            req.on_end([&ends] { ++ends; });
            other = std::thread([&, where = req.get_executor(),
                                 r = std::make_shared<responder>(std::move(respond))]() mutable {
                const auto give_up = clock::now() + patience;
                while (!returned && clock::now() < give_up)
                    std::this_thread::yield();
                boost::asio::post(where, [&body, r = std::move(r)] {
                    r->send(200, {{"Content-Type", "text/plain"}}, body);
                });
            });
            co_return;
        })};
        auto peer = tcp ? loop.connect_tcp() : loop.connect();
        peer.send(get(1, true));
        REQUIRE(loop.until([&] { return other.joinable(); }));
        loop.settle(); // the app has returned, and nothing was said
        CHECK(ends == 0);
        CHECK(peer.try_receive() == 0);
        returned = true;
        CHECK(loop.until([&] { return ended(peer, 1); }));
        other.join();
        CHECK(peer.reply_to(1).well());
        CHECK(difference(peer.reply_to(1).body, body) == "");
        CHECK(ends == 1);
    }
}

TEST_CASE("R20: a body nobody reads does not reset the connection over the response")
{
    // Half of it is sent before the answer, the rest after; TCP would throw the response away with a reset.
    const auto body = pattern(700'000);
    const auto request = post(1, false, body);
    for (const std::size_t before : {std::size_t{300}, std::size_t{100'000}, request.size()}) {
        INFO(before << " bytes before the answer");
        driven_loop loop{small_limits()};
        auto peer = loop.connect_tcp();
        std::string_view rest(request);
        std::string_view first = rest.substr(0, before);
        rest.remove_prefix(before);
        REQUIRE(loop.until([&] {
            if (loop.requests.empty() || before < 200'000) // what is more stays in the kernel and with us
                first.remove_prefix(peer.try_send(first));
            return loop.requests.size() == 1;
        }));
        loop.requests[0].answer(pattern(30'000));
        loop.settle();
        CHECK(loop.until([&] {
            if (!first.empty())
                first.remove_prefix(peer.try_send(first));
            else if (!rest.empty())
                rest.remove_prefix(peer.try_send(rest));
            return rest.empty() && first.empty();
        }));
        CHECK_FALSE(peer.broken);
        CHECK(loop.until([&] { return peer.try_receive(), peer.ended; }));
        CHECK_FALSE(peer.broken);
        CHECK(peer.reply_to(1).well());
        CHECK(difference(peer.reply_to(1).body, pattern(30'000)) == "");
        peer.close();
        CHECK(loop.until([&] { return loop.loop().connections() == 0; }));
    }
}

TEST_CASE("R20: a peer that sends for ever what nobody reads is cut off, by bytes and by time")
{
    for (const bool by_time : {false, true}) {
        INFO((by_time ? "by time" : "by bytes"));
        limits l = small_limits();
        l.discard = by_time ? 1ull << 40 : 100'000;
        l.linger = by_time ? 40ms : 1h;
        driven_loop loop(l);
        auto peer = loop.connect();
        peer.send(begin_request(1, false) + params(1, variables("POST")));
        REQUIRE(loop.until([&] { return loop.requests.size() == 1; }));
        loop.requests[0].answer("enough");
        std::size_t sent = 0;
        const auto more = stdin_data(1, pattern(1000));
        CHECK(loop.until([&] {
            peer.try_receive();
            if (!by_time || sent == 0)
                sent += peer.try_send(more);
            return loop.loop().connections() == 0;
        }));
        CHECK(peer.reply_to(1).well());
        CHECK((by_time || sent >= 100'000));
    }
}

TEST_CASE("F29: an endless response at full speed does not keep another connection waiting")
{
    driven_loop loop{application([](request& req, responder respond) {
        return req.env().path_info() == "/hello" ? echo(req, std::move(respond))
                                                 : endless(req, std::move(respond));
    })};
    auto greedy = loop.connect(), modest = loop.connect();
    std::thread reader;
    std::atomic<bool> stop{false};
    greedy.send(get(1, true, "/16"));
    reader = std::thread([&] { // as fast as it can, so that the writer never has to wait
        while (!stop) {
            greedy.try_receive();
            greedy.received.clear();
        }
    });
    loop.until([&] { return loop.stats().produced > 1'000'000; });
    modest.send(get(1, true, "/hello"));
    const auto asked = loop.stats().produced;
    const bool answered = loop.until([&] { return ended(modest, 1); });
    const auto meanwhile = loop.stats().produced - asked;
    stop = true;
    reader.join();
    CHECK(answered);
    CHECK(meanwhile < 50'000'000);
    greedy.close();
}
