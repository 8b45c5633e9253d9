// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The program as a whole: facts, exit status, life and end.
#include <sluice/cgi/program.hpp>

#include "running_program.hpp"
#include "support/catch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

response text(std::string body)
{
    response r;
    r.headers.add("Content-Type", "text/plain");
    r.body = std::move(body);
    return r;
}

response hello(request&)
{
    return text("Hello, world!");
}

// Something that a coroutine waits for and another thread lets go.
class gate {
public:
    task<void> wait(request& req)
    {
        auto timer = std::make_shared<boost::asio::steady_timer>(req.get_executor(), std::chrono::hours(1));
        timer_ = timer;
        co_await timer->async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        opened_ = true;
    }
    /// Precondition: the app waits, which it shows by what it wrote before.
    void open(cgi::program& p)
    {
        boost::asio::post(p.get_executor(), [this] {
            if (const auto timer = timer_.lock())
                timer->cancel();
        });
    }
    bool opened() const { return opened_; }

private:
    std::weak_ptr<boost::asio::steady_timer> timer_;
    std::atomic<bool> opened_ = false;
};

} // namespace

TEST_CASE("R12: the facts of a CGI program are the truth")
{
    auto out = pipe_from_program();
    running_program program(
        [](request& req) {
            const auto& f = req.facts();
            return text(fmt::format(
                "{} multithread={} multiprocess={} run_once={} nonblocking={} streaming={}", f.transport,
                f.multithread, f.multiprocess, f.run_once, f.nonblocking, f.streaming));
        },
        {.out = std::move(out.theirs)});
    CHECK_THAT(
        read_to_end(out.ours),
        Catch::EndsWith(
            "\r\n\r\ncgi multithread=false multiprocess=true run_once=true nonblocking=true streaming=true"));
    CHECK(program.wait() == 0);
}

TEST_CASE("is_cgi: GATEWAY_INTERFACE says so, and fd 0 is no listening socket")
{
    ::unsetenv("GATEWAY_INTERFACE");
    CHECK_FALSE(cgi::program::is_cgi(0));
    ::setenv("GATEWAY_INTERFACE", "CGI/1.1", 1);
    auto pipe = pipe_to_program();
    auto sockets = socket_pair();
    CHECK(cgi::program::is_cgi(pipe.theirs.get()));
    CHECK(cgi::program::is_cgi(sockets.theirs.get()));
    const descriptor listening(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK(cgi::program::is_cgi(listening.get()));
    REQUIRE(::listen(listening.get(), 1) == 0);
    CHECK_FALSE(cgi::program::is_cgi(listening.get()));
    ::unsetenv("GATEWAY_INTERFACE");
}

TEST_CASE("the exit status tells how the response ended")
{
    struct example {
        const char* what;
        application app;
        int status;
    };
    const auto e = GENERATE(values<example>({
        {"a complete response", hello, 0},
        {"R39: an exception before the head, a complete 500",
         [](request&) -> response { throw std::runtime_error("broken"); }, 0},
        {"R33: no answer, a complete 500", [](request&, responder) -> task<void> { co_return; }, 0},
        {"R40: an exception after the head",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(200, {{"Content-Type", "text/plain"}});
             co_await out.write("part");
             throw std::runtime_error("broken");
         },
         1},
        {"R44: less than Content-Length",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "5"}});
             co_await out.write("part");
         },
         1},
        {"an aborted response",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(200, {{"Content-Type", "text/plain"}});
             co_await out.write("part");
             out.abort();
         },
         1},
    }));
    INFO(e.what);
    auto out = pipe_from_program();
    running_program program(e.app, {.out = std::move(out.theirs)});
    const auto output = read_to_end(out.ours);
    CHECK(program.wait() == e.status);
    CHECK_THAT(output,
               e.status == 0 ? Catch::StartsWith("Status: ") : Catch::StartsWith("Status: 200 OK\r\n"));
    if (e.status == 1)
        CHECK_THAT(output, Catch::EndsWith("\r\n\r\npart"));
}

TEST_CASE("F7: a small write arrives before the app goes on")
{
    gate go_on;
    auto out = pipe_from_program();
    running_program program(
        [&](request& req, responder respond) -> task<void> {
            auto body = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await body.write("10 % done");
            co_await go_on.wait(req);
            co_await body.write(", 100 %");
        },
        {.out = std::move(out.theirs)});
    CHECK_THAT(read_some(out.ours), Catch::EndsWith("\r\n\r\n10 % done"));
    CHECK_FALSE(go_on.opened());
    go_on.open(program.program());
    CHECK(read_to_end(out.ours) == ", 100 %");
    CHECK(program.wait() == 0);
}

TEST_CASE("the web server sees the end of the response while the app goes on, and then the program ends")
{
    gate go_on;
    std::atomic<bool> after = false;
    auto out = pipe_from_program();
    running_program program(
        [&](request& req, responder respond) -> task<void> {
            auto body = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await body.write("all of it");
            co_await body.finish();
            co_await go_on.wait(req);
            after = true;
        },
        {.out = std::move(out.theirs)});
    CHECK_THAT(read_to_end(out.ours), Catch::EndsWith("\r\n\r\nall of it"));
    CHECK_FALSE(after);
    CHECK_FALSE(program.wait(0ms));
    go_on.open(program.program());
    CHECK(program.wait() == 0);
    CHECK(after);
}

TEST_CASE("R34, F14: a delayed response, given after the app returned, is whole")
{
    auto out = pipe_from_program();
    running_program program(
        [](request& req, responder respond) -> task<void> {
            const auto timer = std::make_shared<boost::asio::steady_timer>(req.get_executor(), 1ms);
            timer->async_wait([timer, r = std::make_shared<responder>(std::move(respond))](error_code) {
                r->send(200, {{"Content-Type", "text/plain"}}, "late");
            });
            co_return;
        },
        {.out = std::move(out.theirs)});
    CHECK_THAT(read_to_end(out.ours), Catch::EndsWith("\r\n\r\nlate"));
    CHECK(program.wait() == 0);
}

TEST_CASE("R45: terminate tells the app, runs its on_end handlers once, and the program ends with 1")
{
    std::atomic<int> ends = 0;
    error_code told;
    bool aborted = false;
    auto out = pipe_from_program();
    running_program program(
        [&](request& req, responder respond) -> task<void> {
            req.on_end([&] { ++ends; });
            auto body = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await body.write("waiting");
            try {
                co_await sleep_for(1h);
            } catch (const system_error& e) {
                told = e.code();
                aborted = req.aborted();
                throw;
            }
        },
        {.out = std::move(out.theirs)});
    CHECK_THAT(read_some(out.ours), Catch::EndsWith("waiting"));
    program.program().terminate();
    CHECK(program.wait() == 1);
    CHECK(read_to_end(out.ours).empty());
    CHECK(ends == 1);
    CHECK(told == boost::asio::error::operation_aborted);
    CHECK(aborted);
}

TEST_CASE("terminate before the app has answered: no response is better than half of one")
{
    auto out = pipe_from_program();
    auto err = pipe_from_program();
    running_program program(
        [&](request& req, responder respond) -> task<void> {
            req.errors().line("started");
            const responder kept = std::move(respond);
            co_await sleep_for(1h);
        },
        {.out = std::move(out.theirs), .err = std::move(err.theirs)});
    CHECK(read_some(err.ours) == "started\n");
    program.program().terminate();
    CHECK(program.wait() == 1);
    CHECK(read_to_end(out.ours).empty());
}

} // namespace sluice::test
