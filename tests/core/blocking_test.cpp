// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The blocking shape: a function on a thread of its own, with streams that wait for the client.
#include <sluice/blocking.hpp>

#include "core/blocking_support.hpp"
#include "support/catch.hpp"

#include <atomic>
#include <future>
#include <istream>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

TEST_CASE("R31: a blocking app answers from its own thread, through a stream")
{
    app_checks checks;
    const auto loop_thread = std::this_thread::get_id();
    std::atomic<bool> elsewhere{false};
    asked a(blocking([&](blocking_request& r) {
        elsewhere = std::this_thread::get_id() != loop_thread;
        checks(!r.out(), "not r.out()");
        auto& out = r.start(201, {{"Content-Type", "text/plain"}, {"X-Own", "1"}});
        out << "method " << r.env().method() << ", number " << 42 << '\n';
        checks(!r.ended(), "not r.ended()");
        checks(!r.facts().nonblocking, "not r.facts().nonblocking");
        checks(r.facts().multithread, "r.facts().multithread");
        checks(r.facts().transport == "testing", "r.facts().transport == 'testing'");
        checks(r.limits().window == 64 * 1024, "r.limits().window == 64 * 1024");
    }));
    a.client.request();
    CHECK(a.until_ended());
    CHECK(elsewhere);
    CHECK(a.client.ended_well());
    CHECK(a.client.status() == 201);
    CHECK(a.client.header("X-Own") == "1");
    CHECK(a.client.body() == "method GET, number 42\n");
    CHECK(checks.failed() == "");
}

TEST_CASE("R16: the environment of a blocking app is its own copy, and may be changed")
{
    asked a(blocking([](blocking_request& r) {
        r.env().set("APP_OWN", "set");
        start_text(r) << r.env().get("APP_OWN") << r.env().path_info();
    }));
    a.client.request();
    CHECK(a.until_ended());
    CHECK(a.client.body() == "set/");
}

TEST_CASE("F1, F2: a blocking app waits in its write for a client that does not read - held is the window")
{
    const std::string body = text_of_size(2'000'000);
    for (const std::size_t piece : {1u, 100u, 8192u, 2'000'000u}) {
        CAPTURE(piece);
        std::atomic<std::size_t> written{0};
        asked a(blocking([&](blocking_request& r) {
            auto& out = start_text(r);
            for (std::size_t at = 0; at < body.size(); at += piece) {
                out.write(body.data() + at, static_cast<std::streamsize>(std::min(piece, body.size() - at)));
                written = at;
            }
        }));
        a.client.stall();
        a.client.request();
        CHECK(a.until_held(16 * 1024));
        CHECK(written < 200'000);
        CHECK(a.loop.poll_until([&] {
            a.client.take(100'000);
            return a.client.ended();
        }));
        CHECK(a.client.ended_well());
        CHECK((a.client.body() == body));
        CHECK(a.client.peak_held() <= 64 * 1024);
    }
}

TEST_CASE("F7: what a blocking app flushes is with the client before it goes on")
{
    std::promise<void> go_on;
    asked a(blocking([&](blocking_request& r) {
        auto& out = start_text(r);
        out << "first" << std::flush;
        go_on.get_future().wait();
        out << "second";
    }));
    a.client.request();
    CHECK(a.loop.poll_until([&] { return a.client.body() == "first"; }));
    CHECK_FALSE(a.client.ended());
    go_on.set_value();
    CHECK(a.until_ended());
    CHECK(a.client.body() == "firstsecond");
}

TEST_CASE("R38: a blocking app may write nothing, from nowhere")
{
    asked a(
        blocking([](blocking_request& r) { start_text(r) << r.env().get("ABSENT") << std::string_view(); }));
    a.client.request();
    CHECK(a.until_ended());
    CHECK(a.client.ended_well());
}

TEST_CASE("F8, F10: the client leaves: the write that waits ends, and each later one at once - exceptions by "
          "choice")
{
    app_checks checks;
    for (const bool thrown : {false, true}) {
        CAPTURE(thrown);
        flag bad{false};
        std::atomic<int> code{0};
        asked a(blocking([&](blocking_request& r) {
            auto& out = start_text(r);
            if (thrown)
                out.exceptions(std::ios::badbit);
            const std::string piece = text_of_size(100'000);
            try {
                while (out)
                    out << piece;
                for (int i = 0; i < 1000; ++i)
                    out << piece;
            } catch (const system_error& e) {
                code = e.code().value();
            }
            checks(r.ended(), "r.ended()");
            bad = out.bad();
        }));
        a.client.stall();
        a.client.request();
        CHECK(a.until_held(16 * 1024));
        a.client.leave();
        CHECK(a.loop.poll_until([&] { return bad.load(); }));
        CHECK(code == (thrown ? static_cast<int>(errc::client_gone) : 0));
        CHECK_FALSE(a.loop.log().contains("the app failed"));
    }
    CHECK(checks.failed() == "");
}

TEST_CASE("R35: a client that has left before the head: starting is no error, writing is")
{
    app_checks checks;
    std::promise<void> left;
    flag running{false}, done{false};
    asked a(blocking([&](blocking_request& r) {
        running = true;
        left.get_future().wait();
        auto& out = start_text(r);
        checks(!!out, "out");
        out << "to nobody" << std::flush;
        checks(out.bad(), "out.bad()");
        done = true;
    }));
    a.client.request();
    CHECK(a.loop.poll_until([&] { return running.load(); }));
    a.client.leave();
    left.set_value();
    CHECK(a.loop.poll_until([&] { return done.load(); }));
    CHECK(checks.failed() == "");
}

TEST_CASE("R39, R40, R41: exceptions and missing answers of a blocking app")
{
    struct no_exception {};
    const auto fails = [](blocking_request& r) {
        const auto how = r.env().header("X-How");
        if (how == "before")
            throw std::runtime_error("broken before");
        if (how == "before, no std::exception")
            throw no_exception();
        if (how == "never")
            return;
        start_text(r) << "half" << std::flush;
        throw std::runtime_error("broken after");
    };
    const std::tuple<const char*, int, bool, const char*> cases[] = {
        {"before", 500, true, "the app failed: broken before"},
        {"before, no std::exception", 500, true, "no std::exception"},
        {"never", 500, true, "without an answer"},
        {"after", 200, false, "the app failed: broken after"},
    };
    for (const auto& [how, status, well, log] : cases) {
        CAPTURE(how);
        asked a(blocking(fails));
        a.client.request("GET", {{"HTTP_X_HOW", how}});
        CHECK(a.until_ended());
        CHECK(a.client.status() == status);
        CHECK(a.client.ended_well() == well);
        CHECK(a.loop.log().contains(log));
    }
}

TEST_CASE("R25, R32: what start refuses is thrown in the app, and nothing was sent")
{
    app_checks checks;
    asked a(blocking([&](blocking_request& r) {
        error_code bad, again;
        std::string what;
        try {
            r.start(200, {{"Content-Type", "text/plain"}, {"X-Bad", "a\nb"}});
        } catch (const system_error& e) {
            bad = e.code();
            what = e.what();
        }
        checks(bad == errc::bad_header_value, "bad == errc::bad_header_value");
        checks(what.find("X-Bad") != what.npos, "the header is named");
        auto& out = start_text(r);
        out << "first";
        try {
            start_text(r);
        } catch (const system_error& e) {
            again = e.code();
        }
        checks(again == errc::already_responded, "again == errc::already_responded");
        out << ", and on";
    }));
    a.client.request();
    CHECK(a.until_ended());
    CHECK(a.client.ended_well());
    CHECK(a.client.body() == "first, and on");
    CHECK(checks.failed() == "");
}

TEST_CASE(
    "R44: a blocking app that writes more than announced: nothing of the excess, and the response fails")
{
    app_checks checks;
    flag bad{false};
    asked a(blocking([&](blocking_request& r) {
        auto& out = r.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "5"}});
        out << "12345" << std::flush;
        checks(!!out, "out");
        out << "6" << std::flush;
        bad = out.bad();
    }));
    a.client.request();
    CHECK(a.until_ended());
    CHECK(bad);
    CHECK(a.client.body() == "12345");
    CHECK(a.loop.log().contains("the app failed"));
    CHECK(checks.failed() == "");
}

TEST_CASE("R21: lines for the error log, from the thread, also before the head")
{
    asked a(blocking([](blocking_request& r) {
        r.error_line("before");
        start_text(r);
        r.error_line("after");
    }));
    a.client.request();
    CHECK(a.until_ended());
    CHECK(a.client.errors() == "before\nafter\n");
}

TEST_CASE("F22: who finds no thread free waits in the queue - who finds that full gets a complete 503")
{
    std::promise<void> release;
    const auto released = release.get_future().share();
    std::atomic<int> running{0};
    blocking_options options;
    options.threads = 2;
    options.queue = 1;
    fake_loop loop(blocking(
        [&, released](blocking_request& r) {
            ++running;
            released.wait();
            start_text(r) << "served";
        },
        options));
    std::vector<std::unique_ptr<fake_host>> clients;
    const auto ask = [&]() -> fake_host& {
        auto& c = *clients.emplace_back(std::make_unique<fake_host>(loop));
        c.request();
        loop.poll();
        return c;
    };
    ask(), ask(), ask();
    CHECK(loop.poll_until([&] { return running == 2; }));
    auto& refused = ask();
    CHECK(refused.ended_well());
    CHECK(refused.status() == 503);
    CHECK(loop.log().contains("blocking_options::threads"));

    clients[2]->leave(); // out of the queue: there is room for another
    auto& admitted = ask();
    CHECK_FALSE(admitted.ended());
    release.set_value();
    CHECK(loop.poll_until([&] { return admitted.ended(); }));
    CHECK(admitted.body() == "served");
    CHECK(loop.poll_until([&] { return clients[0]->ended() && clients[1]->ended(); }));
    CHECK(running == 3); // not for the one who left
}

TEST_CASE(
    "F27: shutdown wakes threads that wait, in a write and in a read, and the app with its threads ends")
{
    app_checks checks;
    std::atomic<int> begun{0}, done{0};
    {
        fake_loop loop(blocking(
            [&](blocking_request& r) {
                ++begun; // a request that ends before, no thread looks at
                if (r.env().method() == "POST") {
                    r.in().get();
                    checks(r.in().bad(), "r.in().bad()");
                } else {
                    auto& out = start_text(r);
                    while (out)
                        out << "endless";
                }
                ++done;
            },
            unbuffered()));
        fake_host writes(loop), reads(loop);
        writes.stall();
        writes.request();
        reads.request("POST", {{"CONTENT_LENGTH", "10"}}, true);
        CHECK(loop.poll_until([&] { return begun == 2 && writes.held() >= 16 * 1024; }));
        writes.cancel();
        reads.cancel();
        CHECK(loop.poll_until([&] { return done == 2; }));
        CHECK(reads.status() == 503);
        CHECK_FALSE(loop.log().contains("the app failed"));
    }
    CHECK(done == 2);
    CHECK(checks.failed() == "");
}

TEST_CASE("F27: an app that never returns is left behind after its grace, with a line in the log")
{
    // What the thread still uses, it shares: it outlives this test's variables.
    struct outside {
        std::promise<void> release;
        std::shared_future<void> released{release.get_future()};
        std::promise<void> over;
    };
    const auto o = std::make_shared<outside>();
    flag running{false};
    log_capture log;
    {
        blocking_options options;
        options.grace = 20ms;
        // Its end comes after the loop's, whose log would not be seen here.
        const application app = blocking(
            [o, &running](blocking_request& r) {
                running = true;
                o->released.wait();
                start_text(r) << "to nobody";
                o->over.set_value();
            },
            options);
        fake_loop loop(app);
        fake_host client(loop);
        client.request();
        CHECK(loop.poll_until([&] { return running.load(); }));
        client.leave();
    }
    CHECK(log.contains("blocking_options::grace"));
    o->release.set_value();
    CHECK(o->over.get_future().wait_for(10s) == std::future_status::ready);
}

TEST_CASE("R34: blocking apps on eight threads, for clients that come and go")
{
    constexpr int requests = 200;
    blocking_options options;
    options.threads = 8;
    options.queue = requests;
    const std::string body = text_of_size(50'000);
    fake_loop loop(blocking(
        [&](blocking_request& r) {
            auto& out = start_text(r);
            for (std::size_t at = 0; at < body.size() && out; at += 5'000)
                out << std::string_view(body).substr(at, 5'000);
        },
        options));
    std::vector<std::unique_ptr<fake_host>> clients;
    for (int i = 0; i < requests; ++i) {
        auto& client = *clients.emplace_back(std::make_unique<fake_host>(loop));
        client.request();
        if (i % 3 == 2)
            clients[static_cast<std::size_t>(i - 1)]->leave();
        loop.poll(5);
    }
    CHECK(loop.poll_until([&] {
        return std::all_of(clients.begin(), clients.end(), [](const auto& c) { return c->ended(); });
    }));
    for (std::size_t i = 0; i < requests; ++i) {
        if (i % 3 != 1) {
            CHECK(clients[i]->ended_well());
            CHECK((clients[i]->body() == body));
        }
    }
}
