// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Responses that a bridge has to make fail.
#include <sluice/libfcgi/bridge.hpp>

#include "libfcgi/old_program.hpp"
#include "support/catch.hpp"

#include <stdexcept>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

task<void> fails(request& req, responder respond)
{
    const auto path = std::string(req.env().path_info());
    if (path == "/before")
        throw std::runtime_error("thrown before the head");
    const bool short_length = path == "/short";
    auto out = short_length
                   ? respond.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "200000"}})
                   : respond.start(200, {{"Content-Type", "text/plain"}});
    if (path != "/empty")
        co_await out.write(pattern(100'000));
    if (!short_length && path != "/well")
        throw std::runtime_error("thrown in mid-body");
}

// The connection is closed, and nothing on it said that this was all.
void check_cut(old_program& program, std::string_view path, std::size_t body)
{
    INFO(path);
    auto peer = program.connect();
    const auto failed = program.failed();
    peer.send(get(1, true, path));
    CHECK(peer.receive_end());
    const auto reply = peer.reply_to(1);
    CHECK(reply.status() == 200);
    CHECK(difference(reply.body, pattern(body)) == "");
    CHECK(reply.fault);
    CHECK(reply.ends == 0);
    CHECK_FALSE(reply.out_ended);
    peer.close();
    CHECK(old_program::until([&] { return program.failed() == failed + 1; }));
}

} // namespace

TEST_CASE("R39: an exception before the head is a complete 500, and the connection stays")
{
    old_program program(fails);
    auto peer = program.connect();
    for (int i = 0; i < 3; ++i) {
        peer.send(get(1, true, "/before"));
        REQUIRE(peer.receive_reply(1, i));
        CHECK(peer.reply_to(1, i).well());
        CHECK(peer.reply_to(1, i).status() == 500);
    }
    CHECK(program.log().contains("thrown before the head"));
    CHECK(program.answered(3));
    CHECK(program.well() == 3);
}

TEST_CASE("F13, R40, R44: a response cut short has no END_REQUEST, and the next request is served")
{
    const auto where = GENERATE(transport::unix_socket, transport::tcp);
    old_program program(fails, {}, 1, where);
    check_cut(program, "/after", 100'000);
    check_cut(program, "/short", 100'000);
    check_cut(program, "/empty", 0);
    check_cut(program, "/after", 100'000);
    auto peer = program.connect();
    peer.send(get(1, true, "/well"));
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).well());
    peer.send(get(1, true, "/old"));
    REQUIRE(peer.receive_reply(1, 1));
    CHECK(peer.reply_to(1, 1).body == "answered as ever: /old");
}

TEST_CASE("F27: `cancel` ends an endless response, and only the one under way")
{
    std::atomic<bool> endless{true};
    old_program program([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("begun");
        co_await out.flush();
        if (endless)
            co_await sluice::sleep_for(24h);
    });
    auto peer = program.connect();
    peer.send(get());
    REQUIRE(peer.receive_until([&] { return peer.received.find("begun") != std::string::npos; }));
    program.bridge().cancel();
    CHECK(peer.receive_end());
    CHECK(peer.reply_to(1).fault);
    CHECK(peer.reply_to(1).ends == 0);
    peer.close();
    CHECK(program.answered(1));
    CHECK(program.failed() == 1);

    program.bridge().cancel(); // nothing is under way
    endless = false;
    auto next = program.connect();
    next.send(get());
    REQUIRE(next.receive_reply(1));
    CHECK(next.reply_to(1).well());
}

TEST_CASE("F21: a finished response that nobody reads is given up after limits::linger, its blocks with it")
{
    libfcgi::bridge_options options;
    options.limits.linger = 100ms;
    old_program program(
        [](request&, responder respond) -> task<void> {
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            // Until the kernel is full, and the window behind it.
            for (int full = 0; full < 3; co_await sluice::sleep_for(0ms))
                full = out.try_write(pattern(10'000)) > 0 ? 0 : full + 1;
        },
        options);
    auto peer = program.connect(4096);
    peer.send(get());
    // Not read from until it is over.
    CHECK(old_program::until([&] { return program.failed() == 1; }));
    CHECK(program.bridge().stats().pool_in_use == 0);
    peer.close();
}

TEST_CASE("F20: a client that takes nothing is given up after limits::write_stall")
{
    libfcgi::bridge_options options;
    options.limits.write_stall = 100ms;
    error_code seen;
    old_program program(
        [&](request&, responder respond) -> task<void> {
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            try {
                for (;;)
                    co_await out.write(pattern(50'000));
            } catch (const system_error& e) {
                seen = e.code();
                throw;
            }
        },
        options);
    auto peer = program.connect(4096);
    peer.send(get());
    // Not read from until the app has been told.
    CHECK(old_program::until([&] { return program.bridge().stats().client_gone == 1; }));
    peer.close();
    CHECK(program.answered(1));
    CHECK(seen == errc::write_stalled);
    CHECK(program.bridge().stats().pool_in_use == 0);
}

} // namespace sluice::test
