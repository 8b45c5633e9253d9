// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A bridge and its response.
#include <sluice/libfcgi/bridge.hpp>

#include "libfcgi/old_program.hpp"
#include "support/catch.hpp"

#include <boost/asio/post.hpp>
#include <fmt/core.h>

#include <array>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

task<void> stream(request&, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    const auto piece = pattern(61'000);
    for (int i = 0; i < 550; ++i) // 32 MiB
        co_await out.write(piece);
}

} // namespace

TEST_CASE("F7: each line is with the web server before the app goes on")
{
    old_program program([](request& req, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        auto body = req.body();
        std::array<char, 1> go;
        for (int i = 0; co_await body.read(boost::asio::buffer(go)) > 0; ++i)
            co_await out.write(fmt::format("tick {}\n", i));
    });
    auto peer = program.connect();
    peer.send(begin_request(1, true) + params(1, variables("POST")));
    for (int i = 0; i < 10; ++i) {
        peer.send(stdin_data(1, "x"));
        const auto line = fmt::format("tick {}\n", i);
        CHECK(peer.receive_until([&] { return peer.received.find(line) != std::string::npos; }));
    }
    peer.send(stdin_end(1));
    CHECK(peer.receive_reply(1));
    CHECK(peer.reply_to(1).well());
}

TEST_CASE("F1: 32 MiB to a client that reads slowly hold one window")
{
    old_program program(stream);
    auto peer = program.connect(4096);
    peer.send(get(1, false));
    // One read at a time, and never ahead of the app: it finds the connection full again and again.
    while (!peer.ended)
        REQUIRE((peer.try_receive(20'000) > 0 || peer.ended ||
                 old_program::until([&] { return peer.try_receive(20'000) > 0 || peer.ended; })));
    const auto reply = peer.reply_to(1);
    CHECK(reply.well());
    REQUIRE(reply.body.size() == 550 * 61'000);
    const auto piece = pattern(61'000);
    for (std::size_t i = 0; i < 550; ++i)
        REQUIRE(difference(std::string_view(reply.body).substr(i * 61'000, 61'000), piece) == "");
    const auto s = program.bridge().stats();
    CHECK(s.peak_held > 0);
    CHECK(s.peak_held <= limits().window + limits().block_size);
    CHECK(s.pool_in_use == 0);
}

TEST_CASE("F2: one write of 16 MiB goes through whole")
{
    const auto big = pattern(16 << 20);
    old_program program([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("some first, ");
        co_await out.write(big);
        co_await out.flush();
        co_await out.write(", and some after");
    });
    auto peer = program.connect();
    peer.send(get(1, false));
    CHECK(peer.receive_end());
    CHECK(peer.reply_to(1).well());
    CHECK(difference(peer.reply_to(1).body, "some first, " + big + ", and some after") == "");
}

TEST_CASE("F6: ten thousand tiny writes make few records")
{
    old_program program([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        for (int i = 0; i < 10'000; ++i)
            co_await out.write("0123456789");
    });
    auto peer = program.connect();
    peer.send(get(1, false));
    CHECK(peer.receive_end());
    CHECK(peer.reply_to(1).body.size() == 100'000);
    CHECK(peer.reply_to(1).records < 40);
}

TEST_CASE("R42, R43, R38: responses without a body end well")
{
    old_program program([](request& req, responder respond) -> task<void> {
        if (req.env().path_info() == "/204")
            co_return respond.send(response{204, {}, "", {}});
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        if (req.env().method() == "HEAD")
            co_await out.write("of which nothing is sent");
    });
    auto peer = program.connect();
    int number = 0;
    for (const auto& [method, path] : {std::pair{"GET", "/204"}, {"HEAD", "/"}, {"GET", "/"}}) {
        peer.send(begin_request(1, true) + params(1, variables(method, path)) + stdin_end(1));
        REQUIRE(peer.receive_reply(1, number));
        CHECK(peer.reply_to(1, number).well());
        CHECK(peer.reply_to(1, number++).body.empty());
    }
}

TEST_CASE("F26: much error text before the head is bounded, and the response follows")
{
    old_program program([](request& req, responder respond) -> task<void> {
        for (int i = 0; i < 10'000; ++i)
            req.errors().line(pattern(99));
        respond.send(200, {{"Content-Type", "text/plain"}}, "body");
        co_return;
    });
    auto peer = program.connect();
    peer.send(get(1, false));
    CHECK(peer.receive_end());
    const auto reply = peer.reply_to(1);
    CHECK(reply.well());
    CHECK(reply.body == "body");
    CHECK(reply.errors.starts_with(pattern(99) + "\n"));
    CHECK(reply.errors.size() <= limits().error_text + 200); // and the note on what was dropped
}

TEST_CASE("R21: what the app says on its error stream goes to STDERR")
{
    old_program program([](request& req, responder respond) -> task<void> {
        req.errors().line("before the head");
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("body");
        co_await out.flush();
        req.errors().line("in the middle");
        co_await sluice::sleep_for(1ms);
        req.errors().line(pattern(7'000));
        co_await out.write(", all of it");
    });
    auto peer = program.connect();
    peer.send(get(1, false));
    CHECK(peer.receive_end());
    const auto reply = peer.reply_to(1);
    CHECK(reply.well());
    CHECK(reply.errors == "before the head\nin the middle\n" + pattern(7'000) + "\n");
    CHECK(reply.body == "body, all of it");
}

TEST_CASE("R34, F14: a response that another thread gives after the app has returned")
{
    std::thread other;
    old_program program([&](request& req, responder respond) -> task<void> {
        other = std::thread(
            [where = req.get_executor(), r = std::make_shared<responder>(std::move(respond))]() mutable {
                boost::asio::post(where, [r = std::move(r)] {
                    r->send(200, {{"Content-Type", "text/plain"}}, "later");
                });
            });
        co_return;
    });
    auto peer = program.connect();
    peer.send(get(1, false));
    CHECK(peer.receive_end());
    CHECK(peer.reply_to(1).body == "later");
    other.join();
}

TEST_CASE("R45: `answer` returns when the app has, though the response is out before")
{
    std::atomic<bool> go_on{false};
    std::atomic<int> ended{0};
    old_program program([&](request& req, responder respond) -> task<void> {
        req.on_end([&] { ++ended; });
        respond.send(200, {{"Content-Type", "text/plain"}}, "done");
        while (!go_on)
            co_await sluice::sleep_for(1ms);
    });
    auto peer = program.connect();
    peer.send(get());
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).well());
    CHECK(old_program::until([&] { return ended == 1; }));
    CHECK(program.well() == 0);
    go_on = true;
    CHECK(program.answered(1));
    peer.send(get());
    CHECK(peer.receive_reply(1, 1));
    CHECK(program.answered(2));
    CHECK(ended == 2);
}

} // namespace sluice::test
