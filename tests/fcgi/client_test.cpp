// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The client on real sockets: against our server, and against an app the test plays by hand.
#include <sluice/fcgi/client.hpp>

#include <sluice/fcgi/errc.hpp>

#include "fcgi/client_events.hpp"
#include "fcgi/socket_peer.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <stdexcept>

using namespace sluice;
using namespace sluice::test;
using boost::asio::use_awaitable;

namespace {

/// Runs the loop until `done()`; false when that did not come to pass within `patience`.
bool until(boost::asio::io_context& loop, const std::function<bool()>& done)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        loop.restart();
        loop.run_one_for(std::chrono::milliseconds(2));
    }
    return true;
}

/// Runs a coroutine to its end, within `patience`.
void run(boost::asio::io_context& loop, task<void> t)
{
    bool done = false;
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, std::move(t), [&](std::exception_ptr e) {
        failure = e;
        done = true;
    });
    if (!until(loop, [&] { return done; }))
        throw std::runtime_error("the coroutine does not end");
    if (failure)
        std::rethrow_exception(failure);
}

struct got {
    std::string out;
    std::optional<fcgi::client_end> end;
};

task<got> read_all(fcgi::client_exchange& x)
{
    got g;
    std::array<char, 5000> buffer;
    while (const auto n = co_await x.read(boost::asio::buffer(buffer)))
        g.out.append(buffer.data(), n);
    g.end = x.end();
    co_return g;
}

task<void> echo(request& req, responder respond)
{
    auto body = req.body();
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    std::array<char, 9000> buffer;
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

std::string body_of(const std::string& out)
{
    const auto end = out.find("\r\n\r\n");
    return end == out.npos ? "no head: " + out : out.substr(end + 4);
}

/// A listening socket and the connection to it that a client makes; the test is the app.
class played_app {
public:
    explicit played_app(boost::asio::io_context& loop, fcgi::client& c)
    {
        auto l = fcgi::listener::open("tcp:127.0.0.1:0");
        bool connected = false;
        c.async_connect(l.address(), [&](error_code ec) { connected = !ec; });
        REQUIRE(until(loop, [&] { return connected; }));
        int fd = -1;
        REQUIRE(until(loop, [&] { return (fd = l.accept()) >= 0; }));
        peer.emplace(fd);
    }

    std::optional<socket_peer> peer;
};

} // namespace

TEST_CASE("client: a body goes out and comes back, on unix sockets and TCP, kept or not")
{
    temp_dir folder;
    for (const auto& address : {"unix:" + (folder / "socket").string(), std::string("tcp:127.0.0.1:0")}) {
        running_server server(application(echo), {}, fcgi::listener::open(address));
        boost::asio::io_context loop;
        for (const bool keep : {true, false}) {
            INFO(server.address() << (keep ? " kept" : ""));
            const auto body = pattern(3'000'000);
            run(loop,
                [](fcgi::client c, std::string where, const std::string& sent, bool kept) -> task<void> {
                    co_await c.async_connect(where, use_awaitable);
                    for (int round = 0; round < (kept ? 3 : 1); ++round) {
                        auto x = co_await c.async_start(a_request(kept), {}, use_awaitable);
                        auto writing = boost::asio::co_spawn(
                            c.get_executor(),
                            [&]() -> task<void> {
                                co_await x.write(sent);
                                x.finish();
                            },
                            boost::asio::use_future);
                        const auto answer = co_await read_all(x);
                        CHECK(difference(body_of(answer.out), sent) == "");
                        CHECK(answer.end.value().well());
                        CHECK(answer.end->out_ended);
                        CHECK(writing.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
                        CHECK(c.active() == 0);
                    }
                    CHECK(c.reusable() == kept);
                    if (!kept)
                        CHECK_THROWS_AS(co_await c.async_start(a_request(), {}, use_awaitable), system_error);
                }(fcgi::client(loop.get_executor()), server.address(), body, keep));
        }
    }
}

TEST_CASE("client: many requests at once on one connection")
{
    running_server server((application(echo)));
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    run(loop, [](fcgi::client& client, std::string where) -> task<void> {
        co_await client.async_connect(where, use_awaitable);
    }(c, server.address()));
    int done = 0;
    constexpr int count = 50;
    for (unsigned i = 0; i < count; ++i)
        boost::asio::co_spawn(
            loop,
            [&c, &done, i]() -> task<void> {
                const auto body = pattern(1000 * i, i);
                auto x = co_await c.async_start(a_request(), {}, use_awaitable);
                co_await x.write(body);
                x.finish();
                const auto answer = co_await read_all(x);
                CHECK(difference(body_of(answer.out), body) == "");
                ++done;
            },
            [](std::exception_ptr e) { CHECK_FALSE(e); });
    CHECK(until(loop, [&] { return done == count; }));
    CHECK(c.active() == 0);
}

TEST_CASE("client: who does not read makes the app wait, and nothing is held but one read")
{
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    played_app app(loop, c);
    fcgi::client_exchange x;
    c.async_start(a_request(), {}, [&](error_code, fcgi::client_exchange got) { x = std::move(got); });
    REQUIRE(until(loop, [&] { return bool(x); }));
    x.finish();
    const auto body = pattern(30'000'000);
    const auto wire = stdout_data(1, body) + stdout_end(1) + end_request(1);
    std::string_view rest = wire;
    // Until the kernel's buffers are full and nothing more is read.
    for (int quiet = 0; quiet < 50;) {
        const auto n = app.peer->try_send(rest.substr(0, 1 << 20));
        rest.remove_prefix(n);
        loop.restart();
        const auto ran = loop.run_one_for(std::chrono::milliseconds(1));
        quiet = n > 0 || ran > 0 ? 0 : quiet + 1;
    }
    CHECK(rest.size() > 10'000'000);
    got answer;
    bool done = false;
    boost::asio::co_spawn(loop, read_all(x), [&](std::exception_ptr e, got g) {
        CHECK_FALSE(e);
        answer = std::move(g);
        done = true;
    });
    CHECK(until(loop, [&] {
        rest.remove_prefix(rest.empty() ? 0 : app.peer->try_send(rest.substr(0, 1 << 20)));
        return done;
    }));
    CHECK(difference(answer.out, body) == "");
    CHECK(c.reusable());
}

TEST_CASE("client: a write waits for an app that does not read, and no more than the limit is framed")
{
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    played_app app(loop, c);
    const auto body = pattern(30'000'000);
    fcgi::client_exchange x;
    c.async_start(a_request(), {}, [&](error_code, fcgi::client_exchange got) { x = std::move(got); });
    REQUIRE(until(loop, [&] { return bool(x); }));
    bool written = false;
    x.async_write(boost::asio::buffer(body), [&](error_code ec, std::size_t n) {
        CHECK_FALSE(ec);
        CHECK(n == body.size());
        x.finish();
        written = true;
    });
    error_code second;
    x.async_write(boost::asio::buffer(body), [&](error_code ec, std::size_t) { second = ec; });
    for (int quiet = 0; quiet < 50;) {
        loop.restart();
        quiet = loop.run_one_for(std::chrono::milliseconds(1)) > 0 ? 0 : quiet + 1;
    }
    CHECK_FALSE(written);
    CHECK(second == errc::operation_pending);
    std::string got;
    CHECK(until(loop, [&] {
        app.peer->try_receive();
        return written &&
               app.peer->received.ends_with(std::string_view("\x01\x05\x00\x01\x00\x00\x00\x00", 8));
    }));
    for (const auto& r : parse_records(app.peer->received).all)
        if (r.type == fcgi::record_type::stdin_stream)
            got += r.content;
    CHECK(difference(got, body) == "");
}

TEST_CASE("client: cancelling a read sends ABORT_REQUEST, and the connection goes on")
{
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    played_app app(loop, c);
    fcgi::client_exchange x;
    c.async_start(a_request(), {}, [&](error_code, fcgi::client_exchange got) { x = std::move(got); });
    REQUIRE(until(loop, [&] { return bool(x); }));
    x.finish();
    boost::asio::cancellation_signal signal;
    std::array<char, 10> buffer;
    error_code why;
    x.async_read(
        boost::asio::buffer(buffer),
        boost::asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t) { why = ec; }));
    signal.emit(boost::asio::cancellation_type::terminal);
    CHECK(until(loop, [&] { return bool(why); }));
    CHECK(why == boost::asio::error::operation_aborted);
    CHECK(until(loop, [&] {
        app.peer->try_receive();
        return app.peer->received.ends_with(abort_request(1));
    }));
    CHECK(c.active() == 1);
    CHECK(app.peer->send(stdout_data(1, "late") + end_request(1)));
    CHECK(until(loop, [&] { return c.active() == 0; }));
    CHECK(c.reusable());
    CHECK_THROWS_AS(run(loop,
                        [](fcgi::client_exchange& gone) -> task<void> {
                            std::array<char, 10> to;
                            co_await gone.read(boost::asio::buffer(to));
                        }(x)),
                    system_error);
}

TEST_CASE("client: an exchange dropped is aborted, and its unread answer holds nobody up")
{
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    played_app app(loop, c);
    std::vector<fcgi::client_exchange> x;
    for (int i = 0; i < 2; ++i)
        c.async_start(a_request(), {},
                      [&](error_code, fcgi::client_exchange got) { x.push_back(std::move(got)); });
    REQUIRE(until(loop, [&] { return x.size() == 2; }));
    x[1].finish();
    CHECK(app.peer->send(stdout_data(1, pattern(200'000)) + stdout_data(2, "mine") + end_request(2)));
    std::array<char, 10> buffer;
    std::size_t read = 0;
    x[1].async_read(boost::asio::buffer(buffer), [&](error_code, std::size_t n) { read = n; });
    CHECK_FALSE([&] { // a shared connection: the first answer is in the way
        for (int quiet = 0; quiet < 50 && read == 0;) {
            loop.restart();
            quiet = loop.run_one_for(std::chrono::milliseconds(1)) > 0 ? 0 : quiet + 1;
        }
        return read > 0;
    }());
    x[0] = {};
    CHECK(until(loop, [&] { return read > 0; }));
    CHECK(std::string_view(buffer.data(), read) == "mine");
    CHECK(until(loop, [&] { return c.active() == 1; }));
    CHECK(app.peer->send(end_request(1)));
    CHECK(until(loop, [&] { return c.active() == 0; }));
}

TEST_CASE("client: STDERR is told as it comes, and does not wait for a reader")
{
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    played_app app(loop, c);
    std::string errors;
    fcgi::client_exchange x;
    c.async_start(
        a_request(), [&](std::string_view text) { errors += text; },
        [&](error_code, fcgi::client_exchange got) { x = std::move(got); });
    REQUIRE(until(loop, [&] { return bool(x); }));
    CHECK(app.peer->send(stderr_data(1, "careful, ") + stderr_data(1, "now")));
    CHECK(until(loop, [&] { return errors == "careful, now"; }));
}

TEST_CASE("client: an app that fails fails what runs on its connection, and says why")
{
    const struct {
        const char* what;
        std::string bytes;
        error_code why;
    } cases[] = {
        {"another version", "HTTP/1.1 400 Bad Request\r\n\r\n", fcgi::errc::bad_version},
        {"another's id", stdout_data(9, "x"), fcgi::errc::bad_request_id},
        {"closed before the end", stdout_end(1), fcgi::errc::closed_mid_request},
        {"closed in a record", stdout_end(1).substr(0, 3), fcgi::errc::closed_mid_record},
    };
    for (const auto& one : cases) {
        INFO(one.what);
        boost::asio::io_context loop;
        fcgi::client c(loop.get_executor());
        played_app app(loop, c);
        std::vector<fcgi::client_exchange> x;
        for (int i = 0; i < 2; ++i)
            c.async_start(a_request(), {},
                          [&](error_code, fcgi::client_exchange got) { x.push_back(std::move(got)); });
        REQUIRE(until(loop, [&] { return x.size() == 2; }));
        CHECK(app.peer->send(one.bytes));
        app.peer->half_close();
        std::vector<error_code> all;
        std::array<char, 10> buffer[2];
        for (unsigned i = 0; i < 2; ++i)
            x[i].async_read(boost::asio::buffer(buffer[i]),
                            [&](error_code ec, std::size_t) { all.push_back(ec); });
        CHECK(until(loop, [&] { return all.size() == 2; }));
        CHECK(all == std::vector<error_code>{one.why, one.why});
        CHECK_FALSE(c.reusable());
    }
}

TEST_CASE("client: an answer that comes before the body is all sent is an answer")
{
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    played_app app(loop, c);
    fcgi::client_exchange x;
    c.async_start(a_request(), {}, [&](error_code, fcgi::client_exchange got) { x = std::move(got); });
    REQUIRE(until(loop, [&] { return bool(x); }));
    const auto body = pattern(30'000'000);
    error_code why;
    x.async_write(boost::asio::buffer(body), [&](error_code ec, std::size_t) { why = ec; });
    CHECK(app.peer->send(stdout_data(1, "too large") + stdout_end(1) + end_request(1, 7)));
    run(loop, [](fcgi::client_exchange& exchange) -> task<void> {
        const auto answer = co_await read_all(exchange);
        CHECK(answer.out == "too large");
        CHECK(answer.end.value().app_status == 7);
        CHECK_FALSE(answer.end->well());
    }(x));
    CHECK(until(loop, [&] { return bool(why); }));
    CHECK(why == boost::asio::error::broken_pipe);
    CHECK_FALSE(c.reusable());
}

TEST_CASE("client: closing fails what is pending")
{
    boost::asio::io_context loop;
    fcgi::client c(loop.get_executor());
    played_app app(loop, c);
    fcgi::client_exchange x;
    c.async_start(a_request(), {}, [&](error_code, fcgi::client_exchange got) { x = std::move(got); });
    REQUIRE(until(loop, [&] { return bool(x); }));
    std::array<char, 10> buffer;
    error_code read, values, start;
    x.async_read(boost::asio::buffer(buffer), [&](error_code ec, std::size_t) { read = ec; });
    c.async_get_values([&](error_code ec, const field_list&) { values = ec; });
    c.close();
    c.async_start(a_request(), {}, [&](error_code ec, const fcgi::client_exchange&) { start = ec; });
    CHECK(until(loop, [&] { return read && values && start; }));
    CHECK(read == boost::asio::error::operation_aborted);
    CHECK(values == boost::asio::error::operation_aborted);
    CHECK(start == boost::asio::error::not_connected);
    CHECK(app.peer->receive_end());
    loop.restart();
    CHECK(loop.run_for(patience) == 0); // nothing keeps it running
}

TEST_CASE("client: what the app can do")
{
    running_server server((application(echo)));
    boost::asio::io_context loop;
    run(loop, [](fcgi::client c, std::string where) -> task<void> {
        co_await c.async_connect(where, use_awaitable);
        const auto values = co_await c.async_get_values(use_awaitable);
        CHECK(values.size() == 3);
        CHECK(values.contains("FCGI_MAX_REQS"));
    }(fcgi::client(loop.get_executor()), server.address()));
}

TEST_CASE("client: nobody there, and no address")
{
    temp_dir folder;
    boost::asio::io_context loop;
    for (const auto& [address, why] :
         {std::pair<std::string, error_code>{"unix:" + (folder / "absent").string(),
                                             {ENOENT, boost::system::system_category()}},
          {"tcp:127.0.0.1:1", boost::asio::error::connection_refused}})
    {
        fcgi::client c(loop.get_executor());
        error_code got;
        c.async_connect(address, [&](error_code ec) { got = ec; });
        CHECK(until(loop, [&] { return bool(got); }));
        CHECK(got == why);
    }
    fcgi::client c(loop.get_executor());
    for (const auto* address :
         {"", "unix:", "tcp:", "tcp:host", "tcp:host:", "tcp:host:65536", "/run/app.sock"})
        CHECK_THROWS_AS(c.async_connect(address, [](error_code) {}), std::invalid_argument);
}
