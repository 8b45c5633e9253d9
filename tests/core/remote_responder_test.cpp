// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// R34: answers from other threads. Real ones: the thread sanitizer looks on.
#include <sluice/remote_responder.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace sluice;
using namespace sluice::test;

namespace {

/// An app whose answers the test gives, from threads of its own.
struct remote_app {
    std::vector<remote_responder> answers;

    application app()
    {
        return [this](request& req, responder respond) { answers.emplace_back(req, std::move(respond)); };
    }
    /// The oldest, for a thread.
    remote_responder take()
    {
        remote_responder r = std::move(answers.front());
        answers.erase(answers.begin());
        return r;
    }
};

/// One request, asked.
struct asked {
    remote_app remote;
    fake_loop loop{remote.app()};
    fake_host client{loop};

    asked() { client.request(); }
    bool until_ended()
    {
        return loop.poll_until([this] { return client.ended(); });
    }
};

} // namespace

TEST_CASE("R34, F14: a thread answers long after the app returned")
{
    asked a;
    a.loop.poll();
    CHECK_FALSE(a.client.ended());
    CHECK_FALSE(a.remote.answers.front().ended());
    const std::string body = text_of_size(300'000);
    std::thread other([answer = a.remote.take(), &body]() mutable {
        answer.send(200, {{"Content-Type", "text/plain"}}, body);
    });
    CHECK(a.until_ended());
    other.join();
    CHECK(a.client.ended_well());
    CHECK(a.client.header("Content-Length") == "300000");
    CHECK(a.client.body() == body);
}

TEST_CASE("R34: what a thread posts gets the responder where responders belong, to stream")
{
    asked a;
    const auto loop_thread = std::this_thread::get_id();
    auto seen = std::make_shared<std::atomic<bool>>(false);
    std::thread([answer = a.remote.take(), loop_thread, seen]() mutable {
        answer.post([loop_thread, seen](responder respond) {
            *seen = std::this_thread::get_id() == loop_thread;
            auto out = std::make_shared<writer>(respond.start(plain_text()));
            out->async_write(boost::asio::buffer("streamed", 8),
                             [out](error_code, std::size_t) { out->async_finish([out](error_code) {}); });
        });
    }).join();
    CHECK(a.until_ended());
    CHECK(*seen);
    CHECK(a.client.ended_well());
    CHECK(a.client.body() == "streamed");
}

TEST_CASE("R33, F30: dropped by a thread without an answer, the client gets a 500")
{
    asked a;
    std::thread([answer = a.remote.take()] {}).join();
    CHECK(a.until_ended());
    CHECK(a.client.ended_well());
    CHECK(a.client.status() == 500);
    CHECK(a.loop.log().contains("without an answer"));
}

TEST_CASE("R32, F30: a second answer is an error where it is given, and the first goes out whole")
{
    asked a;
    auto answer = a.remote.take();
    answer.send(200, {{"Content-Type", "text/plain"}}, "first");
    error_code ec;
    try {
        answer.send(200, {{"Content-Type", "text/plain"}}, "second");
    } catch (const system_error& e) {
        ec = e.code();
    }
    CHECK(ec == errc::already_responded);
    CHECK(a.until_ended());
    CHECK(a.client.body() == "first");
}

TEST_CASE("R25, R39: a response that cannot be sent is a 500, with the reason in the log")
{
    asked a;
    std::thread([answer = a.remote.take()]() mutable {
        answer.send(200, {{"Content-Type", "text/plain"}, {"X-Bad", "a\r\nb"}}, "x");
    }).join();
    CHECK(a.until_ended());
    CHECK(a.client.ended_well());
    CHECK(a.client.status() == 500);
    CHECK(a.loop.log().contains("X-Bad"));
    CHECK_FALSE(a.loop.log().contains("without an answer"));
}

TEST_CASE(
    "R35, F8: a client that leaves while it is answered takes the responder with it, and a middleware's port")
{
    // The port looks at itself after `send`, in which the request ends.
    struct port final : response_port {
        explicit port(response_port_ptr n) : next(std::move(n)) {}
        ~port() override { alive = false; }
        response_head& head() override { return next->head(); }
        sink_ptr start(error_code& ec, std::string& why) override
        {
            auto s = next->start(ec, why);
            CHECK(alive);
            return s;
        }
        void send(std::string body, error_code& ec, std::string& why) override
        {
            next->send(std::move(body), ec, why);
            CHECK(alive);
        }
        void responder_dropped() override { next->responder_dropped(); }
        response_port_ptr next;
        bool alive = true;
    };
    const auto size = GENERATE(std::size_t{10}, std::size_t{100'000});
    std::optional<remote_responder> answer;
    fake_loop loop([&](request& req, responder respond) {
        answer.emplace(req, responder(response_port_ptr(new port(respond.release()))));
    });
    fake_host client(loop);
    client.break_after(0);
    client.request();
    loop.poll();
    answer->send(200, {{"Content-Type", "text/plain"}}, std::string(size, 'x'));
    answer.reset();
    CHECK(loop.poll_until([&] { return loop.statistics().active == 0; }));
}

TEST_CASE("R35: an answer to a client that has left is dropped, whatever it is")
{
    for (const auto& what : {"send", "post", "drop"}) {
        CAPTURE(what);
        asked a;
        auto called = std::make_shared<bool>(false);
        auto answer = std::make_optional(a.remote.take());
        a.client.leave();
        CHECK(answer->ended());
        std::thread([&, called] {
            if (*what == 's')
                answer->send(200, {{"Content-Type", "text/plain"}}, "late");
            else if (*what == 'p')
                answer->post([called](responder) { *called = true; });
            answer.reset();
        }).join();
        a.loop.poll();
        CHECK_FALSE(*called);
        CHECK_FALSE(a.loop.log().contains("app"));
    }
}

TEST_CASE(
    "R34: an answer on its way when the client leaves is dropped, and nothing is logged against the app")
{
    asked a;
    auto answer = a.remote.take();
    answer.send(200, {{"Content-Type", "text/plain"}}, "posted");
    a.client.leave();
    a.loop.poll();
    CHECK_FALSE(a.client.ended_well());
    CHECK_FALSE(a.loop.log().contains("app"));
}

TEST_CASE("F27: an answer after the shutdown's 503 is dropped, and nothing is logged against the app")
{
    asked a;
    a.client.stall();
    a.client.cancel();
    auto answer = a.remote.take();
    answer.send(200, {{"Content-Type", "text/plain"}}, "late");
    a.loop.poll();
    a.client.take_all();
    CHECK(a.until_ended());
    CHECK(a.client.status() == 503);
    CHECK_FALSE(a.loop.log().contains("the app failed"));
}

TEST_CASE("R34: answers may outlive the loop and everything in it")
{
    std::optional<remote_responder> answered, dropped;
    {
        remote_app remote;
        fake_loop loop(remote.app());
        fake_host one(loop), two(loop);
        one.request();
        two.request();
        answered = remote.take();
        dropped = remote.take();
    }
    CHECK(answered->ended());
    std::thread([&] { answered->send(200, {{"Content-Type", "text/plain"}}, "to nobody"); }).join();
    std::thread([&] { dropped.reset(); }).join();
}

TEST_CASE("R34: many threads answer while their clients come and go")
{
    constexpr int requests = 400;
    remote_app remote;
    fake_loop loop(remote.app());
    std::vector<std::unique_ptr<fake_host>> clients;
    std::vector<std::thread> threads;
    int left = 0;
    for (int i = 0; i < requests; ++i) {
        auto& client = *clients.emplace_back(std::make_unique<fake_host>(loop));
        client.request();
        if (i % 8 == 7) {
            std::vector<remote_responder> eight;
            eight.swap(remote.answers);
            threads.emplace_back([eight = std::move(eight)]() mutable {
                int n = 0;
                for (auto& answer : eight) {
                    if (++n % 4 == 0)
                        continue; // dropped: a 500
                    if (n % 4 == 1)
                        answer.send(200, {{"Content-Type", "text/plain"}}, "whole");
                    else
                        answer.post([](responder respond) { respond.start(plain_text()).abort(); });
                }
            });
        }
        if (i % 5 == 4) {
            client.leave();
            ++left;
        }
        loop.poll(3);
    }
    for (auto& t : threads)
        t.join();
    loop.poll();
    int whole = 0, failed = 0;
    for (const auto& client : clients) {
        CHECK(client->ended());
        if (client->ended_well())
            ++(client->status() == 200 ? whole : failed);
    }
    CHECK(whole <= requests / 4);
    CHECK(failed <= requests / 4);
    CHECK(whole + failed >= requests / 2 - left);
    CHECK(loop.statistics().active == 0);
}
