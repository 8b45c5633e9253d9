// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A bridge and its request's body.
#include <sluice/libfcgi/bridge.hpp>

#include "libfcgi/old_program.hpp"
#include "support/catch.hpp"

#include <fmt/core.h>

#include <array>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

task<void> echo(request& req, responder respond)
{
    auto body = req.body();
    auto out = respond.start(200, {{"Content-Type", "application/octet-stream"}});
    std::array<char, 16384> buffer;
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

// Reads the whole body, then says how that ended.
task<void> count(request& req, responder respond)
{
    auto body = req.body();
    std::array<char, 65536> buffer;
    std::size_t size = 0;
    error_code ec;
    try {
        while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
            size += n;
    } catch (const system_error& e) {
        ec = e.code();
    }
    respond.send(200, {{"Content-Type", "text/plain"}},
                 fmt::format("{} bytes, {}", size, ec ? ec.message() : "ended"));
}

std::string begin_post(std::size_t length, bool keep = true)
{
    return begin_request(1, keep) +
           params(1, variables("POST", "/", {{"CONTENT_LENGTH", std::to_string(length)}}));
}

} // namespace

TEST_CASE("R17: a body that comes in pieces reaches the app piece by piece")
{
    old_program program(echo);
    auto peer = program.connect();
    peer.send(begin_request(1, true) + params(1, variables("POST")));
    for (const std::string piece : {"first", "second", "third"}) {
        peer.send(stdin_data(1, piece, 65535, 3));
        CHECK(peer.receive_until([&] { return peer.received.find(piece) != std::string::npos; }));
    }
    peer.send(stdin_end(1));
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).body == "firstsecondthird");
}

TEST_CASE("R17, R19: an upload of 20 MiB, with and without CONTENT_LENGTH")
{
    old_program program(count);
    auto peer = program.connect();
    const auto body = pattern(20 << 20);
    for (const bool announced : {true, false}) {
        const auto reply = announced ? 0 : 1;
        CHECK(peer.send(post(1, true, body, announced)));
        REQUIRE(peer.receive_reply(1, reply));
        CHECK(peer.reply_to(1, reply).body == fmt::format("{} bytes, ended", body.size()));
    }
    CHECK(program.bridge().stats().pool_in_use == 0);
}

TEST_CASE("F25: a web server that sends all of the request before it reads the response")
{
    old_program program(echo);
    auto peer = program.connect();
    const auto body = pattern(8 << 20);
    CHECK(peer.send(post(1, true, body)));
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).well());
    CHECK(difference(peer.reply_to(1).body, body) == "");
}

TEST_CASE("a body that the app does not read stays with the web server")
{
    std::atomic<bool> read{false};
    old_program program([&](request& req, responder respond) -> task<void> {
        while (!read)
            co_await sluice::sleep_for(2ms);
        co_await count(req, std::move(respond));
    });
    auto peer = program.connect(4096);
    const auto body = pattern(4 << 20);
    peer.send(begin_post(body.size()));
    const auto all = stdin_data(1, body, 8000);
    // Until the kernel takes no more for a while: then the windows are full.
    std::size_t sent = 0;
    for (int quiet = 0; quiet < 50;) {
        const auto n = peer.try_send(std::string_view(all).substr(sent));
        sent += n;
        quiet = n > 0 ? 0 : quiet + 1;
        std::this_thread::sleep_for(2ms); // the pause between two looks
    }
    const auto window = limits().input_window;
    CHECK(sent > window / 2);
    CHECK(sent < window + limits().block_size + 256 * 1024); // the rest is the kernel's
    const auto s = program.bridge().stats();
    CHECK(s.held <= window + limits().block_size);
    read = true;
    CHECK(peer.send(std::string_view(all).substr(sent)));
    peer.send(stdin_end(1));
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).body == fmt::format("{} bytes, ended", body.size()));
}

TEST_CASE(
    "R19: less than CONTENT_LENGTH is an error, from a peer that stops and from an end that comes too soon")
{
    old_program program(count);
    auto peer = program.connect();
    SECTION("the end of STDIN")
    {
        peer.send(begin_post(10) + stdin_data(1, "12345") + stdin_end(1));
    }
    SECTION("no more comes, though the peer still reads")
    {
        peer.send(begin_post(10) + stdin_data(1, "12345"));
        peer.half_close();
    }
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).body == "5 bytes, " + make_error_code(errc::body_incomplete).message());
}

TEST_CASE("R20: an unread body delays nothing, and a kept connection stays whole where it is small")
{
    old_program program([](request&) {
        return response{200, {{"Content-Type", "text/plain"}}, "no, thanks", {}};
    });
    auto peer = program.connect();
    SECTION("all of it has come")
    {
        for (int i = 0; i < 5; ++i) {
            peer.send(post(1, true, pattern(30'000)));
            REQUIRE(peer.receive_reply(1, i));
            CHECK(peer.reply_to(1, i).body == "no, thanks");
        }
        CHECK_FALSE(peer.ended);
    }
    SECTION("its end never comes")
    {
        peer.send(begin_post(100'000) + stdin_data(1, "some"));
        REQUIRE(peer.receive_reply(1));
        CHECK(peer.reply_to(1).well());
        CHECK(peer.receive_end());
        peer.close(); // libfcgi waits up to 2 s for that
        CHECK(program.answered(1));
        CHECK(program.well() == 1);
    }
    SECTION("it is larger than what is thrown away")
    {
        peer.send(begin_post(8 << 20));
        REQUIRE(peer.receive_reply(1));
        peer.send(stdin_data(1, pattern(4 << 20))); // as much of it as is taken
        CHECK(peer.receive_end());
        CHECK(peer.reply_to(1).well());
    }
}

TEST_CASE("while an app waits for its body, its timers go off")
{
    old_program program([](request& req, responder respond) -> task<void> {
        std::array<char, 100> buffer;
        std::string got;
        auto body = req.body();
        const auto n =
            co_await body.read(boost::asio::buffer(buffer)); // what has come, with nothing behind it
        body.async_read(boost::asio::buffer(buffer), [](error_code, std::size_t) {});
        co_await sluice::sleep_for(1ms);
        respond.send(200, {{"Content-Type", "text/plain"}}, fmt::format("{} bytes, and waited no longer", n));
    });
    auto peer = program.connect();
    peer.send(begin_post(100) + stdin_data(1, "some", 65535, 7));
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).body == "4 bytes, and waited no longer");
}

TEST_CASE("limits::request_idle: a web server that stops in mid-body, or in mid-record")
{
    libfcgi::bridge_options options;
    options.limits.request_idle = 60ms;
    old_program program(count, options);
    auto peer = program.connect();
    const auto data = stdin_data(1, "12345", 65535, 5);
    const auto all = data + data;
    peer.send(begin_post(10) + all.substr(0, GENERATE(1u, 7u, 9u, 13u, 15u, 18u, 20u, 25u)));
    CHECK(peer.receive_end());
    CHECK_FALSE(peer.reply_to(1).well());
    peer.close(); // libfcgi waits up to 2 s for that
    CHECK(program.answered(1));
    CHECK(program.failed() == 1);
}

} // namespace sluice::test
