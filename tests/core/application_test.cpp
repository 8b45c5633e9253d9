// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/application.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>

using namespace sluice;
using namespace sluice::test;

namespace {

task<void> free_coroutine(request&, responder respond)
{
    respond.send(200, {{"Content-Type", "text/plain"}}, "free coroutine");
    co_return;
}

response free_immediate(request& req)
{
    return {200, {{"Content-Type", "text/plain"}}, "free immediate " + std::string(req.env().method()), {}};
}

struct function_object {
    std::shared_ptr<int> calls = std::make_shared<int>(0);
    response operator()(request&) const
    {
        return {200, {{"Content-Type", "text/plain"}}, "call " + std::to_string(++*calls), {}};
    }
};

std::string body_of(const application& app)
{
    fake_loop loop(app);
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.status() == 200);
    return client.body();
}

} // namespace

// What is no app does not compile as one.
static_assert(std::is_constructible_v<application, decltype(free_coroutine)*>);
static_assert(std::is_constructible_v<application, decltype(free_immediate)*>);
static_assert(std::is_constructible_v<application, function_object>);
static_assert(!std::is_constructible_v<application, int>);
static_assert(!std::is_constructible_v<application, void (*)(request&)>);
static_assert(!std::is_constructible_v<application, response (*)()>);

TEST_CASE("application: coroutines and immediate functions, as functions, lambdas and function objects")
{
    CHECK(body_of(free_coroutine) == "free coroutine");
    CHECK(body_of(free_immediate) == "free immediate GET");
    CHECK(body_of([](request&) {
              return response{200, {{"Content-Type", "text/plain"}}, "lambda", {}};
          }) == "lambda");
    const auto captured = std::make_unique<std::string>("captured");
    CHECK(body_of([own = captured.get()](request&, responder respond) -> task<void> {
              co_await yield();
              respond.send(200, {{"Content-Type", "text/plain"}}, *own);
          }) == "captured");
    CHECK(body_of(function_object()) == "call 1");
}

TEST_CASE("application: copies share the function object")
{
    const function_object f;
    const application app(f);
    const application copy = app; // NOLINT(performance-unnecessary-copy-initialization)
    CHECK(body_of(app) == "call 1");
    CHECK(body_of(copy) == "call 2");
    CHECK(body_of(app) == "call 3");
}

TEST_CASE("application: the function object is taken by move and lives as long as its requests")
{
    struct move_only {
        std::unique_ptr<std::string> text;
        task<void> operator()(request&, responder respond) const
        {
            co_await yield();
            respond.send(200, {{"Content-Type", "text/plain"}}, *text);
        }
    };
    auto app = std::make_optional<application>(move_only{std::make_unique<std::string>("alive")});
    fake_loop loop(*app);
    app.reset();
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.body() == "alive");
}

TEST_CASE("application: called as a coroutine, any shape answers through the responder, as middleware needs")
{
    for (const application& inner : {application(free_coroutine), application(free_immediate)}) {
        bool returned = false;
        CHECK(body_of([&](request& req, responder respond) -> task<void> {
                  co_await inner(req, std::move(respond));
                  returned = true;
              }).starts_with("free "));
        CHECK(returned);
    }

    const application failing([](request&) -> response { throw std::runtime_error("broken"); });
    std::string what;
    CHECK(body_of([&](request& req, responder respond) -> task<void> {
              // The exception comes out of the call; the responder was dropped, which middleware can only prevent
              // by answering through a port of its own.
              try {
                  co_await failing(req, responder(response_port_ptr()));
              } catch (const std::runtime_error& e) {
                  what = e.what();
              }
              respond.send(200, {{"Content-Type", "text/plain"}}, "mended");
          }) == "mended");
    CHECK(what == "broken");
}

TEST_CASE("request: facts, statistics, id, and an environment the app may change")
{
    std::uint64_t first_id = 0;
    std::uint64_t second_id = 0;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        (first_id == 0 ? first_id : second_id) = req.id();
        CHECK(req.facts().transport == "testing");
        CHECK(req.facts().nonblocking);
        CHECK(req.facts().streaming);
        CHECK_FALSE(req.facts().run_once);
        CHECK_FALSE(req.facts().multithread);
        CHECK(req.get_executor() == loop.context().get_executor());

        req.env().add("APP_OWN", "1");            // R13
        req.env().set("PATH_INFO", "/elsewhere"); // R16
        const auto& same = req;
        CHECK(same.env().get("APP_OWN") == "1");
        CHECK(same.env().path_info() == "/elsewhere");

        auto out = respond.start(plain_text());
        co_await out.write(piece_at(0, 1000));
        const auto s = req.statistics();
        CHECK(s.active == 1);
        CHECK(s.requests == (second_id == 0 ? 1u : 2u));
        CHECK(s.produced == (second_id == 0 ? 1000u : 2000u));
        CHECK(s.block_size == 16 * 1024);
        CHECK(s.pool_total == 4096);
        CHECK(s.held == s.pool_in_use * s.block_size);
    });
    for (int i = 0; i < 2; ++i) {
        fake_host client(loop);
        client.request();
        loop.poll();
        CHECK(client.ended_well());
    }
    CHECK(second_id > first_id);

    loop.resources().all_statistics = [] {
        statistics s;
        s.requests = 77;
        return s;
    };
    std::uint64_t seen = 0;
    fake_loop other([&](request& req, responder) -> task<void> {
        seen = req.statistics().requests;
        co_return;
    });
    other.resources().all_statistics = loop.resources().all_statistics;
    fake_host client(other);
    client.request();
    other.poll();
    CHECK(seen == 77);
}
