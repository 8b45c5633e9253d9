// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Clients that leave a bridge's app alone.
#include <sluice/libfcgi/bridge.hpp>

#include "libfcgi/old_program.hpp"
#include "support/catch.hpp"

#include <csignal>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

// With the default action: SIGPIPE ends the process.
class deadly_sigpipe {
public:
    deadly_sigpipe() : before_(std::signal(SIGPIPE, SIG_DFL)) {}
    ~deadly_sigpipe() { std::signal(SIGPIPE, before_); }

private:
    void (*before_)(int);
};

task<void> endless(request& req, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    co_await out.write("begun");
    co_await out.flush();
    if (req.env().path_info() == "/idle")
        co_await sluice::sleep_for(24h);
    for (const auto piece = pattern(10'000);;)
        co_await out.write(piece);
}

void wait_for_begin(socket_peer& peer)
{
    REQUIRE(peer.receive_until([&] { return peer.received.find("begun") != std::string::npos; }));
}

void check_told(old_program& program, unsigned n)
{
    CHECK(program.answered(n));
    CHECK(program.failed() == n);
    const auto s = program.bridge().stats();
    CHECK(s.client_gone == n);
    CHECK(s.pool_in_use == 0);
    CHECK(s.active == 0);
}

void check_serves(old_program& program)
{
    auto peer = program.connect();
    peer.send(get(1, false, "/old"));
    CHECK(peer.receive_end());
    CHECK(peer.reply_to(1).well());
}

} // namespace

TEST_CASE("F8, F10: an app that writes is told that the client has gone, and SIGPIPE ends nothing")
{
    const auto where = GENERATE(transport::unix_socket, transport::tcp);
    old_program program(endless, {}, 1, where);
    const deadly_sigpipe deadly; // libfcgi itself puts up a handler
    for (unsigned i = 0; i < 5; ++i) {
        auto peer = program.connect();
        peer.send(get(1, i % 2 == 0));
        wait_for_begin(peer);
        i == 3 && where == transport::tcp ? peer.reset() : peer.close();
        check_told(program, i + 1);
    }
    check_serves(program);
}

TEST_CASE("F8: an app whose write waits for a stalled client is told")
{
    const auto where = GENERATE(transport::unix_socket, transport::tcp);
    old_program program(endless, {}, 1, where);
    auto peer = program.connect(4096);
    peer.send(get());
    wait_for_begin(peer);
    // Until the window is full: then the app waits.
    REQUIRE(old_program::until(
        [&] { return program.bridge().stats().pool_waits > 0 || program.bridge().stats().held > 0; }));
    peer.close();
    check_told(program, 1);
    check_serves(program);
}

TEST_CASE("F11: a silent app is told at once")
{
    const auto where = GENERATE(transport::unix_socket, transport::tcp);
    old_program program(endless, {}, 1, where);
    for (unsigned i = 0; i < 3; ++i) {
        auto peer = program.connect();
        peer.send(get(1, true, "/idle"));
        wait_for_begin(peer);
        const auto left = std::chrono::steady_clock::now();
        peer.close();
        check_told(program, i + 1);
        CHECK(std::chrono::steady_clock::now() - left < 900ms); // not by the next look at the limits
    }
    check_serves(program);
}

TEST_CASE("F12: a silent app whose body is unread is told")
{
    const auto where = GENERATE(transport::unix_socket, transport::tcp);
    old_program program(endless, {}, 1, where);
    auto peer = program.connect();
    // More than the window, but over TCP the end must not wait behind what does not fit into the socket.
    peer.send(begin_request(1, true) +
              params(1, variables("POST", "/idle", {{"CONTENT_LENGTH", "10000000"}})) +
              stdin_data(1, pattern(80'000)));
    wait_for_begin(peer);
    peer.close();
    check_told(program, 1);
    check_serves(program);
}

TEST_CASE("F24: FCGI_ABORT_REQUEST tells a silent app, with and without a body to come")
{
    old_program program(endless);
    const bool with_body = GENERATE(false, true);
    auto peer = program.connect();
    peer.send(begin_request(1, true) + params(1, variables("POST", "/idle")) +
              (with_body ? "" : stdin_end(1)));
    wait_for_begin(peer);
    peer.send(abort_request(1));
    CHECK(peer.receive_end());
    CHECK(peer.reply_to(1).ends == 0);
    peer.close();
    check_told(program, 1);
    check_serves(program);
}

TEST_CASE("F8: a web server that vanishes after any byte costs its connection and nothing else")
{
    old_program program(endless);
    const auto request = begin_request(1, true) +
                         params(1, variables("POST", "/idle", {{"CONTENT_LENGTH", "10"}})) +
                         stdin_data(1, "0123456789") + stdin_end(1);
    for (std::size_t cut = 1; cut <= request.size(); cut += 3) {
        auto peer = program.connect();
        peer.send(std::string_view(request).substr(0, cut));
    }
    check_serves(program);
    CHECK(program.bridge().stats().active == 0);
}

} // namespace sluice::test
