// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A bridge in the loop of an old program: requests, roles, threads.
#include <sluice/libfcgi/bridge.hpp>

#include "libfcgi/old_program.hpp"
#include "support/catch.hpp"

#include <sluice/authorization.hpp>

#include <fmt/core.h>

#include <array>

namespace sluice::test {

namespace {

response hello(request&)
{
    response r;
    r.headers.add("Content-Type", "text/plain");
    r.body = "Hello, world!";
    return r;
}

response environment_of(request& req)
{
    response r;
    r.headers.add("Content-Type", "text/plain");
    for (const auto& [name, value] : req.env())
        r.body += fmt::format("{}={}\n", name, value);
    return r;
}

task<std::string> all_of(request_body body)
{
    std::string text;
    std::array<char, 3000> buffer;
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        text.append(buffer.data(), n);
    co_return text;
}

std::string as_role(unsigned role, const pairs& more = {})
{
    return begin_request(1, true, role) + params(1, variables("GET", "/", more));
}

} // namespace

TEST_CASE("R28: a complete response, and END_REQUEST with it")
{
    old_program program(hello);
    auto peer = program.connect();
    peer.send(get(7, false));
    CHECK(peer.receive_end());
    const auto reply = peer.reply_to(7);
    CHECK(reply.well());
    CHECK(reply.head == "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n");
    CHECK(reply.body == "Hello, world!");
    CHECK(reply.records == 1);
    CHECK(program.answered(1));
    CHECK(program.well() == 1);
    const auto s = program.bridge().stats();
    CHECK(s.requests == 1);
    CHECK(s.active == 0);
    CHECK(s.pool_in_use == 0);
}

TEST_CASE("R2, R3, R9, R10: the environment is normalized, and has nothing of libfcgi's own")
{
    old_program program(environment_of);
    auto peer = program.connect();
    peer.send(begin_request(1, true) +
              params(1, variables("GET", "/a",
                                  {{"HTTP_X_TWICE", "1"}, {"HTTP_X_TWICE", "2"}, {"HTTP_PROXY", "evil"}})) +
              stdin_end(1));
    REQUIRE(peer.receive_reply(1));
    const auto body = peer.reply_to(1).body;
    CHECK_THAT(body, Catch::Contains("PATH_INFO=/a\n"));
    CHECK_THAT(body, Catch::Contains("HTTP_X_TWICE=1, 2\n"));
    CHECK_THAT(body, !Catch::Contains("HTTP_PROXY"));
    CHECK_THAT(body, !Catch::Contains("FCGI_ROLE"));
    peer.send(begin_request(1, true) + params(1, variables("", "/")) + stdin_end(1));
    REQUIRE(peer.receive_reply(1, 1));
    CHECK(peer.reply_to(1, 1).status() == 400);
}

TEST_CASE("R12: the facts are those of a thread that has one request at a time")
{
    const auto app = [](request& req) {
        const auto& f = req.facts();
        response r;
        r.headers.add("Content-Type", "text/plain");
        r.body = fmt::format("{} {} {} {} {}", f.multithread, f.multiprocess, f.run_once, f.nonblocking,
                             f.streaming);
        return r;
    };
    libfcgi::bridge_options options;
    options.multithread = true;
    options.multiprocess = false;
    old_program program(app, options);
    auto peer = program.connect();
    peer.send(get());
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).body == "true false false false true");
}

TEST_CASE("old and new handlers take turns on a kept connection")
{
    old_program program(hello);
    auto peer = program.connect();
    for (int i = 0; i < 50; ++i) {
        peer.send(get(1, true, i % 3 == 0 ? "/old" : "/new"));
        REQUIRE(peer.receive_reply(1, i));
        CHECK(peer.reply_to(1, i).well());
        CHECK(peer.reply_to(1, i).body.ends_with(i % 3 == 0 ? "answered as ever: /old" : "Hello, world!"));
    }
    CHECK(program.answered(33));
    CHECK(program.well() == 33);
    CHECK_FALSE(peer.ended);
}

TEST_CASE("a request is answered whatever its cut")
{
    old_program program([](request& req, responder respond) -> task<void> {
        auto text = co_await all_of(req.body());
        respond.send(200, {{"Content-Type", "text/plain"}}, std::move(text));
    });
    const auto request = begin_request(1, true) +
                         params(1, variables("POST", "/", {{"CONTENT_LENGTH", "10"}}), 40, 3) +
                         stdin_data(1, "0123456789", 4, 5) + stdin_end(1);
    auto peer = program.connect();
    int number = 0;
    for (const auto cut : cuts_of(request, 5)) {
        INFO(cut << " of " << request.size() << " bytes");
        peer.send(std::string_view(request).substr(0, cut));
        peer.send(std::string_view(request).substr(cut));
        REQUIRE(peer.receive_reply(1, number));
        CHECK(peer.reply_to(1, number).well());
        CHECK(peer.reply_to(1, number++).body == "0123456789");
    }
    CHECK_FALSE(peer.ended);
}

TEST_CASE("an authorizer, a filter and a responder, each as the web server asks")
{
    const auto app = application::by_role(
        {hello,
         [](request& req) {
             return req.env().header("Cookie") == "key" ? authorization::allow() : authorization::deny();
         },
         application::filter([](request& req, responder respond) -> task<void> {
             auto text = co_await all_of(req.body());
             text += "|" + co_await all_of(req.data());
             respond.send(200, {{"Content-Type", "text/plain"}}, std::move(text));
         })});
    old_program program(app);
    auto peer = program.connect();

    peer.send(as_role(2, {{"HTTP_COOKIE", "key"}}) + stdin_end(1));
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).status() == 200);
    peer.send(as_role(2) + stdin_end(1));
    REQUIRE(peer.receive_reply(1, 1));
    CHECK(peer.reply_to(1, 1).status() == 403);

    const auto file = pattern(100'000);
    peer.send(as_role(3, {{"CONTENT_LENGTH", "5"}, {"FCGI_DATA_LENGTH", "100000"}}) + stdin_data(1, "input") +
              stdin_end(1) + file_data(1, file, 8000, 3));
    REQUIRE(peer.receive_reply(1, 2));
    CHECK(peer.reply_to(1, 2).well());
    CHECK(difference(peer.reply_to(1, 2).body, "input|" + file) == "");

    peer.send(as_role(1) + stdin_end(1));
    REQUIRE(peer.receive_reply(1, 3));
    CHECK(peer.reply_to(1, 3).body == "Hello, world!");
    CHECK_FALSE(peer.ended);
}

TEST_CASE("R20: a filter that reads nothing leaves the connection to the next request")
{
    old_program program(application::filter(hello));
    auto peer = program.connect();
    for (int i = 0; i < 3; ++i) {
        peer.send(as_role(3) + stdin_data(1, "not read") + stdin_end(1) +
                  file_data(1, pattern(50'000), 8000));
        REQUIRE(peer.receive_reply(1, i));
        CHECK(peer.reply_to(1, i).body == "Hello, world!");
    }
    CHECK_FALSE(peer.ended);
}

TEST_CASE("a role that the app does not serve gets a 500")
{
    old_program program(hello);
    auto peer = program.connect();
    peer.send(as_role(2) + stdin_end(1));
    REQUIRE(peer.receive_reply(1));
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(1).status() == 500);
    CHECK(program.log().contains("does not serve requests of role 2"));
}

TEST_CASE("R12: several threads, each with its own bridge, share an app")
{
    constexpr unsigned threads = 4;
    std::atomic<unsigned> at_once{0};
    old_program program(
        [&](request&, responder respond) -> task<void> {
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            ++at_once;
            // All of them are in service together, or this fails in the end.
            for (int i = 0; i < 4000 && at_once < threads; ++i)
                co_await sluice::sleep_for(std::chrono::milliseconds(5));
            co_await out.write(fmt::format("{} at once", at_once.load()));
        },
        {}, threads);
    std::deque<socket_peer> peers;
    for (unsigned i = 0; i < threads; ++i) {
        peers.push_back(program.connect());
        peers.back().send(get(1, false));
    }
    for (auto& peer : peers) {
        CHECK(peer.receive_end());
        CHECK(peer.reply_to(1).well());
        CHECK(peer.reply_to(1).body == "4 at once");
    }
}

} // namespace sluice::test
