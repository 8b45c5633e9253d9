// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The session when the web server reads slowly, not at all, or leaves.
#include <sluice/cgi/session.hpp>

#include "fake_pipes.hpp"
#include "support/catch.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <optional>

#include <sys/mman.h>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kibibyte = 1024, mebibyte = 1024 * kibibyte, gibibyte = 1024 * mebibyte;

std::size_t held(fake_loop& loop)
{
    const auto s = loop.statistics();
    return s.pool_in_use * s.block_size;
}

// The window and a block: what one response may hold.
std::size_t bound(fake_loop& loop)
{
    return loop.resources().limits().window + loop.resources().limits().block_size;
}

// Address space without memory: pages of zeros that are never copied cost nothing.
class zeros {
public:
    explicit zeros(std::size_t n)
        : size_(n), data_(::mmap(nullptr, n, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))
    {
        REQUIRE(data_ != MAP_FAILED);
    }
    ~zeros() { ::munmap(data_, size_); }
    zeros(const zeros&) = delete;
    zeros& operator=(const zeros&) = delete;
    std::string_view view() const { return {static_cast<const char*>(data_), size_}; }

private:
    std::size_t size_;
    void* data_;
};

// The test plays the app: the app itself has returned, as with a delayed response.
struct delayed_app {
    fake_loop loop{[this](request& r, responder given) -> task<void> {
        req = &r;
        respond.emplace(std::move(given));
        co_return;
    }};
    request* req = nullptr;
    std::optional<responder> respond; // after the loop, which must outlive them
    std::optional<writer> out;

    void start() { out.emplace(respond->start(200, {{"Content-Type", "text/plain"}})); }

    /// Writes 64 KiB at a time until there is no room; says how much went.
    std::uint64_t fill()
    {
        static const std::string piece(64 * kibibyte, 'f');
        std::uint64_t all = 0;
        error_code ec;
        while (const auto n = out->try_write(piece, ec))
            all += n;
        return all;
    }
};

} // namespace

TEST_CASE("F1: 2 GiB in 64 KiB pieces: held no more than the window and a block, however slowly it is read")
{
    std::uint64_t produced = 0;
    bool done = false;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        const std::string piece(64 * kibibyte, 'x');
        for (; produced < 2 * gibibyte; produced += piece.size())
            co_await out.write(piece);
        done = true;
    });
    fake_pipes pipes(loop);
    pipes.forget_output();
    pipes.stall();
    std::size_t most = 0;
    pipes.after_write = [&] { most = std::max(most, held(loop)); };
    pipes.start();
    CHECK(held(loop) <= bound(loop));
    CHECK(produced == 0); // suspended in its first write
    for (int i = 0; i < 200; ++i) {
        pipes.take(10 * kibibyte + static_cast<std::uint64_t>(i) * 997);
        CHECK(held(loop) <= bound(loop));
        CHECK(produced <= pipes.output_bytes() + bound(loop));
    }
    CHECK_FALSE(done);
    pipes.take_all();
    CHECK(done);
    CHECK(pipes.session().finished());
    CHECK_FALSE(pipes.session().failed());
    CHECK(pipes.output_bytes() ==
          2 * gibibyte + std::string_view("Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n").size());
    CHECK(most <= bound(loop));
    CHECK(loop.statistics().peak_held <= bound(loop));
    CHECK(held(loop) == 0);
}

TEST_CASE("F2: one write of 1 GiB obeys the same bound")
{
    const zeros body(gibibyte);
    std::optional<bool> written;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        written = false;
        co_await out.write(body.view());
        written = true;
    });
    fake_pipes pipes(loop);
    pipes.forget_output();
    pipes.stall();
    std::size_t most = 0;
    pipes.after_write = [&] { most = std::max(most, held(loop)); };
    pipes.start();
    CHECK(written == false);
    for (int i = 0; i < 200; ++i)
        pipes.take(10 * kibibyte + static_cast<std::uint64_t>(i) * 997);
    CHECK(written == false);
    pipes.take_all();
    CHECK(written == true);
    CHECK(pipes.output_bytes() >= gibibyte);
    CHECK(most <= bound(loop));
    CHECK(held(loop) == 0);
}

TEST_CASE("F3: the limit holds for every write, not only for the first that meets it")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    fake_pipes pipes(loop);
    pipes.stall();
    pipes.start();
    app.start();
    const auto first = app.fill();
    CHECK(first <= bound(loop));
    for (int i = 0; i < 1000; ++i) {
        CHECK(app.fill() == 0);
        error_code ec;
        CHECK(app.out->try_write("x", ec) <= 1);
        CHECK_FALSE(ec);
    }
    CHECK(held(loop) <= bound(loop));
    pipes.take(20 * kibibyte);
    app.fill();
    CHECK(held(loop) <= bound(loop));
    CHECK(app.out->accepted() <= pipes.output_bytes() + bound(loop));
}

TEST_CASE("F4: 10 million writes of a byte are held in whole blocks, no more than the window")
{
    constexpr std::uint64_t writes = 10'000'000;
    std::uint64_t done = 0;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        for (; done < writes; ++done) {
            if (out.try_write("x") == 0)
                co_await out.write("x");
        }
    });
    fake_pipes pipes(loop);
    pipes.forget_output();
    pipes.stall();
    std::size_t most = 0;
    pipes.after_write = [&] { most = std::max(most, held(loop)); };
    pipes.start();
    CHECK(done <= loop.resources().limits().window);
    CHECK(held(loop) <= loop.resources().limits().window);
    pipes.take_all();
    CHECK(done == writes);
    CHECK(pipes.output_bytes() > writes);
    CHECK(pipes.writes() < writes / 500); // F6: gathered, not written one by one
    CHECK(most <= loop.resources().limits().window);
}

TEST_CASE("F7: a small write is out in the turn in which it was made")
{
    boost::asio::steady_timer* timer = nullptr;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("10 % done");
        boost::asio::steady_timer never(req.get_executor(), std::chrono::hours(1));
        timer = &never;
        co_await never.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        co_await out.write(", 100 %");
    });
    fake_pipes pipes(loop);
    pipes.start();
    CHECK(pipes.body() == "10 % done");
    REQUIRE(timer);
    timer->cancel();
    loop.poll();
    CHECK(pipes.body() == "10 % done, 100 %");
    CHECK(pipes.session().finished());
}

TEST_CASE(
    "F8, F9, R35: a client that leaves in mid-body: the waiting write fails, and so does everything after")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    fake_pipes pipes(loop);
    pipes.stall();
    pipes.start();
    app.start();
    app.fill();
    std::optional<error_code> wait, next;
    int ends = 0;
    app.req->on_end([&] { ++ends; });
    app.out->async_wait_writable([&](error_code ec) { wait = ec; });
    loop.poll();
    CHECK_FALSE(wait);
    CHECK_FALSE(app.req->aborted());

    const bool seen = GENERATE(true, false); // by POLLERR, or by the next write's EPIPE
    CAPTURE(seen);
    if (seen) {
        pipes.leave();
    } else {
        pipes.leave_unseen();
        pipes.take(1);
    }
    CHECK(wait == make_error_code(errc::client_gone));
    CHECK(app.req->aborted());
    CHECK(ends == 1);       // R45
    CHECK(held(loop) == 0); // at once, though the app still has its writer
    CHECK(pipes.session().finished());
    CHECK(pipes.session().failed());
    app.out->async_wait_writable([&](error_code ec) { next = ec; });
    loop.poll();
    CHECK(next == make_error_code(errc::client_gone));
    error_code ec;
    CHECK(app.out->try_write("more", ec) == 0);
    CHECK(ec == errc::client_gone);
    CHECK(app.out->error() == errc::client_gone);
    CHECK(loop.statistics().client_gone == 1);
    app.out.reset();
    app.respond.reset();
    CHECK(ends == 1);
}

TEST_CASE("F10: an endless producer meets the error with its next write after EPIPE, and it stays")
{
    const std::size_t size = GENERATE(1u, 4096u, 100000u);
    CAPTURE(size);
    std::uint64_t after = 0;
    bool gone = false;
    error_code why, stays;
    fake_loop loop([&](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        const std::string piece(size, 'x');
        try {
            for (;;) {
                co_await out.write(piece);
                after += gone;
            }
        } catch (const system_error& e) {
            why = e.code();
        }
        out.try_write(piece, stays);
    });
    fake_pipes pipes(loop);
    pipes.forget_output();
    pipes.after_write = [&] {
        if (pipes.output_bytes() > mebibyte && !gone) {
            gone = true;
            pipes.leave_unseen();
        }
    };
    // Small pieces gather in a block before the kernel sees them: those accepted then are lost, not a success.
    pipes.start();
    CHECK(gone);
    // Told while it did not wait, its next co_await throws as any cancelled one does.
    CHECK((why == errc::client_gone || why == boost::asio::error::operation_aborted));
    CHECK(stays == errc::client_gone);
    CHECK(after * size <= loop.resources().limits().window + size);
    CHECK(pipes.session().failed());
    CHECK_FALSE(pipes.session().app_running());
    CHECK(held(loop) == 0);
}

TEST_CASE("R35: a client that leaves before the head: the writer comes back, and its writes fail")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    fake_pipes pipes(loop);
    pipes.start();
    pipes.leave();
    CHECK(app.req->aborted());
    app.start();
    error_code ec;
    CHECK(app.out->try_write("late", ec) == 0);
    CHECK(ec == errc::client_gone);
    CHECK(pipes.output().empty());
    CHECK(pipes.session().failed());
    CHECK(held(loop) == 0);
}

TEST_CASE("a client that leaves after the whole response took nothing from it")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    fake_pipes pipes(loop);
    pipes.start();
    app.start();
    app.out->try_write("all of it");
    std::optional<error_code> finished;
    SECTION("after the end was handed over")
    {
        app.out.reset(); // dropped without finish after the app's return: a failure, so finish first
        CHECK(pipes.session().finished() == false);
        loop.poll();
        CHECK(pipes.session().failed());
        return;
    }
    SECTION("with the end")
    {
        pipes.after_write = [&] { pipes.leave_unseen(); };
        loop.poll();
        CHECK(pipes.body() == "all of it");
        boost::asio::co_spawn(loop.context(), app.out->finish(),
                              [&](std::exception_ptr e) { finished = e ? errc::aborted : error_code(); });
        loop.poll();
        CHECK(finished == error_code());
        CHECK(pipes.session().finished());
        CHECK_FALSE(pipes.session().failed());
        pipes.leave();
        CHECK_FALSE(pipes.session().failed());
        CHECK(loop.statistics().client_gone == 0);
    }
}

TEST_CASE("F12: a client that leaves with its body unread: the waiting read fails")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    fake_pipes pipes(loop);
    pipes.start("POST", {"CONTENT_LENGTH=100"});
    pipes.write("a part");
    std::array<char, 100> buffer;
    std::optional<std::pair<error_code, std::size_t>> first, second;
    app.req->body().async_read(boost::asio::buffer(buffer), [&](error_code ec, std::size_t n) {
        first = {ec, n};
    });
    loop.poll();
    CHECK(first == std::pair(error_code(), std::size_t(6)));
    app.req->body().async_read(boost::asio::buffer(buffer), [&](error_code ec, std::size_t n) {
        second = {ec, n};
    });
    loop.poll();
    CHECK_FALSE(second);
    pipes.leave();
    CHECK(second == std::pair(make_error_code(errc::client_gone), std::size_t(0)));
}

TEST_CASE(
    "F20: a client that takes nothing is given up after limits::write_stall, one that reads slowly is not")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    const auto patience = loop.resources().limits().write_stall;
    fake_pipes pipes(loop);
    pipes.stall();
    pipes.start();
    app.start();
    app.fill();
    std::optional<error_code> wait;
    app.out->async_wait_writable([&](error_code ec) { wait = ec; });
    std::chrono::steady_clock::time_point now{};
    for (int i = 0; i < 3; ++i) {
        for (auto until = now + patience - 2s; now < until; now += 1s)
            REQUIRE_FALSE(pipes.check(now));
        pipes.take(20 * kibibyte); // at least a block
        app.fill();
    }
    auto stalled_since = now;
    while (!pipes.check(now))
        REQUIRE((now += 1s) < stalled_since + patience + 3s);
    CHECK(now >= stalled_since + patience);
    CHECK(app.out->error() == errc::write_stalled);
    CHECK(pipes.session().failed());
    CHECK(held(loop) == 0);
}

TEST_CASE("F21: a finished response that nobody reads is given up after limits::linger, its blocks with it")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    const auto patience = loop.resources().limits().linger;
    fake_pipes pipes(loop);
    pipes.stall();
    pipes.start();
    app.respond->send(200, {{"Content-Type", "text/plain"}}, std::string(10000, 'x'));
    loop.poll();
    CHECK(held(loop) > 0);
    const std::chrono::steady_clock::time_point now{};
    CHECK_FALSE(pipes.check(now));
    CHECK_FALSE(pipes.check(now + patience - 1ms));
    CHECK(pipes.check(now + patience) == errc::write_stalled);
    CHECK(pipes.session().failed());
    CHECK(held(loop) == 0);
}

TEST_CASE(
    "F25: a web server that sends the whole body before it reads, and an app that writes before it reads")
{
    const auto body = pattern(mebibyte), answer = pattern(mebibyte + 1);
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write(answer);
        std::array<char, 5000> buffer;
        while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
            co_await out.write(std::string_view(buffer.data(), n));
    });
    fake_pipes pipes(loop);
    pipes.stall();
    pipes.start("POST", {"CONTENT_LENGTH=" + std::to_string(body.size())});
    for (std::size_t at = 0; at < body.size(); at += 8192)
        pipes.write(std::string_view(body).substr(at, 8192));
    CHECK(pipes.unread() == 0);
    CHECK(held(loop) <= bound(loop) + loop.resources().limits().input_window);
    pipes.take_all();
    CHECK(difference(pipes.body(), answer + body) == "");
    CHECK(pipes.session().finished());
    CHECK_FALSE(pipes.session().failed());
}

TEST_CASE("R20: what the app does not read of the body does not delay the response")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        respond.send(200, {{"Content-Type", "text/plain"}}, "no, thanks");
        co_return;
    });
    fake_pipes pipes(loop);
    pipes.start("POST", {"CONTENT_LENGTH=1000000"});
    CHECK(pipes.body() == "no, thanks");
    CHECK(pipes.session().finished());
    CHECK_FALSE(pipes.session().failed());
    pipes.write("something");
    CHECK(pipes.unread() == 9);
}

TEST_CASE("a body that nobody reads yet is not taken from stdin beyond the input window")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    fake_pipes pipes(loop);
    pipes.start("POST", {"CONTENT_LENGTH=1000000"});
    pipes.write(std::string(1000000, 'b'));
    CHECK(1000000 - pipes.unread() <= loop.resources().limits().input_window);
    CHECK(held(loop) <= loop.resources().limits().input_window);
}

TEST_CASE("an app may go on after its response: the session is finished, and says when the app is")
{
    boost::asio::steady_timer* timer = nullptr;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("done, as far as you are concerned");
        co_await out.finish();
        boost::asio::steady_timer never(req.get_executor(), std::chrono::hours(1));
        timer = &never;
        co_await never.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    });
    fake_pipes pipes(loop);
    pipes.start();
    CHECK(pipes.body() == "done, as far as you are concerned");
    CHECK(pipes.session().finished());
    CHECK_FALSE(pipes.session().failed());
    CHECK(held(loop) == 0);
    REQUIRE(pipes.session().app_running());
    bool returned = false;
    pipes.session().when_app_returns([&] { returned = true; });
    REQUIRE(timer);
    timer->cancel();
    loop.poll();
    CHECK(returned);
    CHECK_FALSE(pipes.session().app_running());
}

TEST_CASE("a response ended from outside: 503 before the head, a failure after it")
{
    delayed_app app;
    fake_loop& loop = app.loop;
    fake_pipes pipes(loop);
    pipes.start();
    const bool started = GENERATE(false, true);
    CAPTURE(started);
    if (started) {
        app.start();
        app.out->try_write("part");
        loop.poll();
    }
    {
        const detail::turn::scope turn(loop.resources().turn());
        pipes.session().cancel(errc::shutting_down);
    }
    loop.poll();
    CHECK(pipes.session().finished());
    CHECK(pipes.session().failed() == started);
    CHECK(app.req->aborted());
    if (started)
        CHECK(pipes.body() == "part");
    else
        CHECK(pipes.output().starts_with("Status: 503 "));
}

} // namespace sluice::test
