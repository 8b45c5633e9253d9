// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/session.hpp>

#include "fake_pipes.hpp"
#include "support/catch.hpp"

#include <fmt/core.h>

#include <array>
#include <stdexcept>

namespace sluice::test {

namespace {

constexpr std::string_view hello_output = "Status: 200 OK\r\n"
                                          "Content-Type: text/plain\r\n"
                                          "Content-Length: 13\r\n"
                                          "\r\n"
                                          "Hello, world!";

response hello(request&)
{
    response r;
    r.headers.add("Content-Type", "text/plain");
    r.body = "Hello, world!";
    return r;
}

task<void> hello_in_pieces(request&, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "13"}});
    co_await out.write("Hello");
    co_await out.flush();
    co_await out.write("");
    co_await out.write(", ");
    co_await out.write("world");
    co_await out.flush();
    co_await out.write("!");
}

task<void> echo(request& req, responder respond)
{
    auto body = req.body();
    auto out = respond.start(200, {{"Content-Type", "application/octet-stream"}});
    std::array<char, 100> buffer;
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

// Reads the whole body, then says how that ended.
task<void> count(request& req, responder respond)
{
    auto body = req.body();
    std::array<char, 4096> buffer;
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

std::string length(std::size_t n)
{
    return "CONTENT_LENGTH=" + std::to_string(n);
}

bool ended_well(fake_pipes& pipes)
{
    return pipes.session().finished() && !pipes.session().failed();
}

} // namespace

TEST_CASE("R28: a complete response goes out as a CGI head and the body, and nothing else")
{
    fake_loop loop(hello);
    fake_pipes pipes(loop);
    pipes.start();
    CHECK(pipes.output() == hello_output);
    CHECK(pipes.writes() == 1);
    CHECK(ended_well(pipes));
    CHECK_FALSE(pipes.session().app_running());
    CHECK(loop.statistics().pool_in_use == 0);
}

TEST_CASE("the output is the same wherever the kernel cuts it")
{
    const auto app = GENERATE(0, 1);
    CAPTURE(app);
    fake_loop loop(app == 0 ? application(hello) : application(hello_in_pieces));
    for (std::size_t at = 0; at <= hello_output.size(); ++at) {
        CAPTURE(at);
        fake_pipes once(loop), always(loop);
        once.cut_writes({at});
        once.start();
        CHECK(once.output() == hello_output);
        CHECK(ended_well(once));
        if (at == 0)
            continue;
        always.cut_writes({}, at);
        always.start();
        CHECK(always.output() == hello_output);
        CHECK(ended_well(always));
    }
    CHECK(loop.statistics().pool_in_use == 0);
}

TEST_CASE("a write that goes to the kernel straight from the app's buffer may be cut anywhere")
{
    const auto big = pattern(40000);
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("some first, "); // lies in a block while the rest goes directly
        co_await out.write(big);
        co_await out.write(", and some after");
    });
    const auto wanted = "some first, " + big + ", and some after";
    const auto check_cuts = [&](std::deque<std::uint64_t> cuts, std::uint64_t rest) {
        fake_pipes pipes(loop);
        pipes.cut_writes(std::move(cuts), rest);
        pipes.start();
        CHECK(difference(pipes.body(), wanted) == "");
        CHECK(ended_well(pipes));
    };
    for (std::uint64_t at = 0; at < 40100;
         at += at < 120 || (at > 16300 && at < 16500) || at > 40000 ? 1 : 331) {
        CAPTURE(at);
        check_cuts({at}, fake_pipes::everything);
        check_cuts({at, 0, 16384, 0, 1}, fake_pipes::everything);
    }
    for (const std::uint64_t size : {1u, 7u, 61u, 4096u, 16367u, 16368u, 16369u, 16384u, 39999u}) {
        CAPTURE(size);
        check_cuts({}, size);
    }
    CHECK(loop.statistics().pool_in_use == 0);
}

TEST_CASE("try_write takes exactly what goes out, direct or not")
{
    const auto big = pattern(40000);
    for (std::uint64_t at = 0; at < 40200; at += 67) {
        CAPTURE(at);
        std::size_t taken = 0;
        std::uint64_t accepted = 0;
        fake_loop loop([&](request&, responder respond) -> task<void> {
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            taken = out.try_write(big);
            accepted = out.accepted();
            co_return;
        });
        fake_pipes pipes(loop);
        pipes.stall();
        pipes.take(at);
        pipes.start();
        pipes.take_all();
        CHECK(accepted == taken);
        CHECK(difference(pipes.body(), std::string_view(big).substr(0, taken)) == "");
        CHECK(ended_well(pipes));
    }
}

TEST_CASE("R17, R19: the request body is the same wherever it is cut, and binary safe")
{
    fake_loop loop(echo);
    std::string all;
    for (int i = 0; i < 300; ++i)
        all += static_cast<char>(i);
    for (std::size_t at = 0; at <= all.size(); ++at) {
        CAPTURE(at);
        fake_pipes pipes(loop);
        pipes.start("POST", {length(all.size())});
        pipes.write(all.substr(0, at));
        pipes.write(all.substr(at));
        CHECK(difference(pipes.body(), all) == "");
        CHECK(ended_well(pipes));
    }
    fake_pipes bytes(loop);
    bytes.start("POST", {length(all.size())});
    for (const char c : all)
        bytes.write({&c, 1});
    CHECK(difference(bytes.body(), all) == "");
    CHECK(ended_well(bytes));
    CHECK(loop.statistics().pool_in_use == 0);
}

TEST_CASE("R19: a body that ends before CONTENT_LENGTH is an error, not an end")
{
    fake_loop loop(count);
    for (const std::size_t came : {0u, 1u, 4u}) {
        fake_pipes pipes(loop);
        pipes.start("POST", {length(5)});
        pipes.write(std::string(came, 'x'));
        CHECK(pipes.output().empty());
        pipes.close_stdin();
        CHECK(pipes.body() ==
              fmt::format("{} bytes, {}", came, make_error_code(errc::body_incomplete).message()));
        CHECK(ended_well(pipes));
    }
}

TEST_CASE("R19: no more than CONTENT_LENGTH is read from stdin (RFC 3875 section 4.2)")
{
    fake_loop loop(count);
    const std::size_t size = GENERATE(1u, 5u, 4096u, 100000u);
    const std::size_t more = GENERATE(0u, 1u, 100000u);
    CAPTURE(size, more);
    fake_pipes pipes(loop);
    pipes.start("POST", {length(size)});
    pipes.write(std::string(size + more, 'x'));
    CHECK(pipes.unread() == more);
    CHECK(pipes.body() == fmt::format("{} bytes, ended", size));
    CHECK(ended_well(pipes));
}

TEST_CASE("R8: without a CONTENT_LENGTH, or with 0, there is no body and stdin is left alone")
{
    fake_loop loop(count);
    const std::string variable = GENERATE("X=1", "CONTENT_LENGTH=", "CONTENT_LENGTH=0");
    CAPTURE(variable);
    fake_pipes pipes(loop);
    pipes.start("POST", {variable});
    CHECK(pipes.body() == "0 bytes, ended");
    pipes.write("what nobody announced");
    CHECK(pipes.unread() == 21);
    CHECK(ended_well(pipes));
}

TEST_CASE("R19: a chunked body, which Apache passes on without a CONTENT_LENGTH, ends where stdin ends")
{
    fake_loop loop(count);
    const std::size_t size = GENERATE(0u, 1u, 100000u);
    CAPTURE(size);
    fake_pipes pipes(loop);
    pipes.start("POST", {"HTTP_TRANSFER_ENCODING=chunked"});
    pipes.write(std::string(size, 'x'));
    CHECK(pipes.output().empty());
    pipes.close_stdin();
    CHECK(pipes.body() == fmt::format("{} bytes, ended", size));
    CHECK(ended_well(pipes));
}

TEST_CASE("R8: a CONTENT_LENGTH that is no number is answered with 400, without the app")
{
    bool called = false;
    fake_loop loop([&](request& r) {
        called = true;
        return hello(r);
    });
    const std::string value = GENERATE("abc", "-1", "+1", "1x", "1 2", "0x10", "18446744073709551616");
    CAPTURE(value);
    fake_pipes pipes(loop);
    pipes.start("POST", {"CONTENT_LENGTH=" + value});
    pipes.write("body");
    CHECK(pipes.output().starts_with("Status: 400 Bad Request\r\nContent-Type: text/plain"));
    CHECK(ended_well(pipes));
    CHECK_FALSE(called);
    CHECK(loop.log().contains("CONTENT_LENGTH"));
}

TEST_CASE("variables are taken as the web server set them")
{
    std::string seen;
    fake_loop loop([&](request& r) {
        for (const auto name : {"A", "B", "C", "REQUEST_METHOD", "QUERY_STRING", "HTTP_PROXY"})
            seen +=
                fmt::format("{}={}{};", name, r.env().get(name), r.env().contains(name) ? "" : "(absent)");
        return hello(r);
    });
    fake_pipes pipes(loop);
    pipes.start("GET", {"A=1", "B=", "C=x=y=z", "no equals sign", "=no name", "HTTP_PROXY=evil"});
    CHECK(seen == "A=1;B=;C=x=y=z;REQUEST_METHOD=GET;QUERY_STRING=q=1;HTTP_PROXY=(absent);");
}

TEST_CASE("R42: HEAD has the head of the response and no body")
{
    const auto app = GENERATE(0, 1);
    fake_loop loop(app == 0 ? application(hello) : application(hello_in_pieces));
    fake_pipes pipes(loop);
    pipes.start("HEAD");
    CHECK(pipes.output() == hello_output.substr(0, hello_output.find("\r\n\r\n") + 4));
    CHECK(ended_well(pipes));
}

TEST_CASE("R43: 204 and 304 have neither a body nor entity headers")
{
    const int status = GENERATE(204, 304);
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(
            status, {{"Content-Type", "text/plain"}, {"Content-Length", "4"}, {"X-Kept", "yes"}});
        co_await out.write("body");
    });
    fake_pipes pipes(loop);
    pipes.start();
    CHECK(pipes.output() ==
          fmt::format("Status: {} {}\r\nX-Kept: yes\r\n\r\n", status, reason_phrase(status)));
    CHECK(ended_well(pipes));
}

TEST_CASE("R30, R38: what looks like headers passes through - a finish without any write is an empty body")
{
    fake_loop headers([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("Status: 500 No\r\n\r\nLocation: /\r\n\r\n");
    });
    fake_pipes first(headers);
    first.start();
    CHECK(first.output() == "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n"
                            "Status: 500 No\r\n\r\nLocation: /\r\n\r\n");
    CHECK(ended_well(first));

    fake_loop empty([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.finish();
    });
    fake_pipes second(empty);
    second.start();
    CHECK(second.output() == "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    CHECK(ended_well(second));
}

TEST_CASE("R39, R33: what fails before the head is a complete 500, and the program did not fail")
{
    const auto app = GENERATE(0, 1, 2);
    fake_loop loop(app == 0   ? application([](request&) -> response { throw std::runtime_error("broken"); })
                   : app == 1 ? application([](request&, responder) -> task<void> {
                         throw std::runtime_error("broken");
                         co_return;
                     })
                              : application([](request&, responder) -> task<void> { co_return; }));
    fake_pipes pipes(loop);
    pipes.start();
    CHECK(pipes.output().starts_with("Status: 500 Internal Server Error\r\nContent-Type: text/plain"));
    CHECK(pipes.output().find("broken") == std::string::npos); // not for the client
    CHECK(ended_well(pipes));
    CHECK(loop.log().contains(app == 2 ? "without an answer" : "broken"));
}

TEST_CASE("R40, R44: what fails after the head fails the program, when all that was written is out")
{
    const auto app = GENERATE(0, 1, 2, 3);
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = app == 3 ? respond.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "5"}})
                            : respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("part");
        if (app == 0)
            throw std::runtime_error("broken");
        if (app == 1)
            out.abort();
        if (app == 2) {
            out.abort();
            co_await out.finish(); // throws
        }
    });
    fake_pipes pipes(loop);
    pipes.stall();
    pipes.start();
    CHECK_FALSE(pipes.session().finished());
    pipes.take_all();
    CHECK(pipes.body() == "part");
    CHECK(pipes.session().finished());
    CHECK(pipes.session().failed());
    CHECK(loop.statistics().pool_in_use == 0);
}

TEST_CASE("R44: what goes past Content-Length is refused, and nothing of it goes out")
{
    error_code ec;
    std::size_t taken = 1;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "4"}});
        co_await out.write("abc");
        taken = out.try_write("de", ec);
        co_await out.write("d");
    });
    fake_pipes pipes(loop);
    pipes.start();
    CHECK(ec == errc::length_exceeded);
    CHECK(taken == 0);
    CHECK(pipes.body() == "abcd");
    CHECK(ended_well(pipes));
}

TEST_CASE("R21: text for stderr comes out at any time, bounded, and never holds the output up")
{
    limits l;
    l.error_text = 100;
    fake_loop loop(
        [](request& req, responder respond) -> task<void> {
            auto errors = req.errors();
            errors.line("before the head");
            errors.write(std::string(1000, 'e'));
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await out.write("body");
            co_await out.flush(); // waits, since the kernel takes nothing at first
            errors.line("after it");
        },
        l);
    fake_pipes pipes(loop);
    pipes.cut_writes({0});
    pipes.start();
    CHECK(pipes.body() == "body");
    CHECK(ended_well(pipes));
    CHECK(pipes.errors() ==
          "before the head\n" + std::string(84, 'e') +
              "\n[sluice: 916 more bytes of error text were dropped (limits::error_text)]\nafter it\n");
}

TEST_CASE("a body without a block of the pool left for it is answered with 503")
{
    limits l;
    l.pool_bytes = l.block_size;
    fake_loop loop(count, l);
    fake_pipes pipes(loop);
    pipes.start("POST", {length(5)});
    CHECK(pipes.output().starts_with("Status: 503 Service Unavailable\r\n"));
    CHECK(ended_well(pipes));
    CHECK(loop.log().contains("pool_bytes"));
}

TEST_CASE("R8: a body over limits::request_body is answered with 413, and stdin is left alone")
{
    limits l;
    l.request_body = 4;
    fake_loop loop(count, l);
    fake_pipes pipes(loop);
    pipes.start("POST", {length(5)});
    pipes.write("12345");
    CHECK(pipes.output().starts_with("Status: 413 "));
    CHECK(ended_well(pipes));
}

} // namespace sluice::test
