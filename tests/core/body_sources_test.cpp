// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// R29: a body that is no string: read as the client makes room, and let go when it is not needed any more.
#include <sluice/response_body.hpp>

#include "core/body_support.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"

#include <sluice/application.hpp>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace sluice;
using namespace sluice::test;
using boost::asio::mutable_buffer;

namespace {

/// Pieces of 0, 1, 2, … bytes of the text.
std::vector<std::string> pieces_of(std::size_t size)
{
    std::vector<std::string> all;
    for (std::size_t at = 0, n = 0; at < size; at += n, n = std::min(n + 1, size - at))
        all.emplace_back(piece_at(at, n));
    return all;
}

/// Gives the pieces one by one.
struct giver {
    std::vector<std::string> pieces;
    std::size_t next = 0;
    std::optional<std::string> operator()()
    {
        if (next == pieces.size())
            return std::nullopt;
        return pieces[next++];
    }
};

struct kind {
    const char* name;
    bool has_length;
    response_body (*make)(fate&, std::size_t size);
};

constexpr kind kinds[] = {
    {"a string", true, [](fate&, std::size_t n) -> response_body { return text_of_size(n); }},
    {"pieces", true, [](fate&, std::size_t n) -> response_body { return pieces_of(n); }},
    {"views", true,
     [](fate&, std::size_t n) -> response_body {
         return std::array<std::string_view, 3>{"", piece_at(0, n), ""};
     }},
    {"a function that fills", false,
     [](fate&, std::size_t n) -> response_body {
         return [at = std::size_t(0), n](mutable_buffer to) mutable {
             const auto now = std::min({to.size(), n - at, std::size_t(1009)});
             std::memcpy(to.data(), piece_at(at, now).data(), now);
             at += now;
             return now;
         };
     }},
    {"a coroutine that fills", false,
     [](fate&, std::size_t n) -> response_body {
         return [at = std::size_t(0), n](mutable_buffer to) mutable -> task<std::size_t> {
             co_await yield();
             const auto now = std::min(to.size(), n - at);
             std::memcpy(to.data(), piece_at(at, now).data(), now);
             at += now;
             co_return now;
         };
     }},
    {"a function that gives", false,
     [](fate&, std::size_t n) -> response_body { return giver{pieces_of(n)}; }},
    {"a coroutine that gives", false,
     [](fate&, std::size_t n) -> response_body {
         return [g = giver{pieces_of(n)}]() mutable -> task<std::optional<std::string>> {
             co_await yield();
             co_return g();
         };
     }},
    {"a source", false,
     [](fate& f, std::size_t n) -> response_body { return std::make_unique<text_source>(f, n); }},
    {"a source that waits", false,
     [](fate& f, std::size_t n) -> response_body {
         return std::make_unique<text_source>(f, n, text_source::way::later);
     }},
    {"a source of known size", true,
     [](fate& f, std::size_t n) -> response_body {
         return std::make_unique<text_source>(f, n, text_source::way::at_once, n);
     }},
    {"a source of known size that waits", true,
     [](fate& f, std::size_t n) -> response_body {
         return std::make_unique<text_source>(f, n, text_source::way::later, n);
     }},
};

} // namespace

TEST_CASE(
    "R28, R29, R30: each kind of body arrives byte for byte, whatever its size and however its client reads")
{
    for (const auto& k : kinds) {
        for (const std::size_t size : {0u, 1u, 61u, 16375u, 16376u, 16377u, 100'000u}) {
            for (const bool slow : {false, true}) {
                CAPTURE(k.name, size, slow);
                fate f;
                fake_loop loop([&](request&) { return with_body(k.make(f, size)); });
                fake_host client(loop);
                if (slow)
                    client.stall();
                client.request();
                loop.poll();
                for (int i = 0; slow && !client.ended() && i < 2000; ++i) {
                    CHECK(client.held() <= 64 * 1024);
                    client.take(997);
                    loop.poll();
                }
                CHECK(client.ended_well());
                CHECK((client.body() == text_of_size(size)));
                CHECK(client.header("Content-Length") == (k.has_length ? std::to_string(size) : ""));
                CHECK(f.alive == 0);
                CHECK(loop.statistics().pool_in_use == 0);
            }
        }
    }
}

TEST_CASE("R29: a body that is a string may be looked at")
{
    fate f;
    for (const auto& k : kinds) {
        const auto body = k.make(f, 5);
        const bool string = std::string_view(k.name) == "a string";
        CHECK(body.streams() != string);
        CHECK((body == piece_at(0, 5)) == string);
        CHECK_FALSE(body == "other");
        CHECK(body.text() == (string ? piece_at(0, 5) : ""));
    }
    response_body growing;
    CHECK(growing == "");
    growing += "one";
    growing += std::string(" and two");
    CHECK(growing == "one and two");
}

TEST_CASE("R29, R37: each kind of body arrives through a middleware that lends no room")
{
    for (const auto& k : kinds) {
        for (const char* const method : {"GET", "HEAD"}) {
            CAPTURE(k.name, method);
            fate f;
            exchange_of_test t(method, true);
            t.kept.respond->send(with_body(k.make(f, 300'000)));
            t.loop.poll();
            CHECK(t.client.ended_well());
            CHECK((t.client.body() == (*method == 'G' ? text_of_size(300'000) : "")));
            CHECK(f.alive == 0);
        }
    }
}

TEST_CASE("R29, R34: a body may be sent by a responder that was kept, and is read after the call")
{
    for (const auto& k : kinds) {
        CAPTURE(k.name);
        fate f;
        exchange_of_test t;
        t.kept.respond->send(203, {{"Content-Type", "text/plain"}}, k.make(f, 50'000));
        t.kept.respond.reset();
        t.loop.poll();
        CHECK(t.client.ended_well());
        CHECK(t.client.status() == 203);
        CHECK((t.client.body() == text_of_size(50'000)));
    }
}

TEST_CASE("R29, F1: a source is never read ahead of its client by more than a window")
{
    fate f;
    fake_loop loop([&](request&) { return with_body(std::make_unique<text_source>(f, UINT64_MAX)); });
    fake_host client(loop);
    client.forget_content();
    client.stall();
    client.request();
    loop.poll();
    const auto window = loop.resources().limits().window;
    CHECK(f.given <= window);
    for (int i = 0; i < 1000; ++i) {
        client.take(30'000);
        loop.poll();
        if (f.given > client.received_bytes() + window)
            FAIL(f.given << " given, " << client.received_bytes() << " received");
    }
    CHECK(client.received_bytes() > 29'000'000);
    CHECK(client.peak_held() <= window);
    client.leave();
    loop.poll();
    CHECK(f.alive == 0);
}

TEST_CASE("R42, R43: of a response without a body its source is not read")
{
    struct row {
        const char* method;
        int status;
        bool length;
    };
    for (const auto& r : {row{"HEAD", 200, true}, row{"GET", 204, false}, row{"GET", 304, false}}) {
        CAPTURE(r.method, r.status);
        fate f;
        exchange_of_test t(r.method);
        t.kept.respond->send(r.status, {{"Content-Type", "text/plain"}},
                             std::make_unique<text_source>(f, 1000, text_source::way::never, 1000));
        t.loop.poll();
        CHECK(t.client.ended_well());
        CHECK(t.client.body().empty());
        CHECK(t.client.header("Content-Length") == (r.length ? "1000" : ""));
        CHECK(f.reads == 0);
        CHECK(f.alive == 0);
    }
}

TEST_CASE("R29: a source goes when the client goes, whatever it waits for then")
{
    for (const auto w : {text_source::way::at_once, text_source::way::later, text_source::way::never}) {
        for (const bool middleware : {false, true}) {
            for (const bool shutdown : {false, true}) {
                CAPTURE(static_cast<int>(w), middleware, shutdown);
                fate f;
                exchange_of_test t("GET", middleware);
                t.client.stall();
                t.kept.respond->send(with_body(std::make_unique<text_source>(f, UINT64_MAX, w)));
                t.loop.poll();
                CHECK_FALSE(t.client.ended());
                CHECK(f.alive == 1);
                if (shutdown)
                    t.client.cancel();
                else
                    t.client.leave();
                t.loop.poll();
                CHECK(f.alive == 0);
                CHECK_FALSE(t.loop.log().contains("app failed")); // it is not the app's doing
            }
        }
    }
}

TEST_CASE("R29, R35: a source whose client has gone before is let go unread")
{
    fate f;
    exchange_of_test t;
    t.client.leave();
    t.loop.poll();
    t.kept.respond->send(with_body(std::make_unique<text_source>(f, 1000)));
    t.loop.poll();
    CHECK(f.reads == 0);
    CHECK(f.alive == 0);
}

TEST_CASE("R40: a source that fails at any read fails its response, and the log says why and whose")
{
    for (const bool middleware : {false, true}) {
        for (const bool later : {false, true}) {
            for (int good = 0; good < 4; ++good) {
                CAPTURE(middleware, later, good);
                exchange_of_test t("GET", middleware);
                response_body body;
                auto next = [n = 0, good](mutable_buffer to) mutable -> std::size_t {
                    if (n++ == good)
                        throw std::runtime_error("the tape has broken");
                    std::memcpy(to.data(), "piece", 5);
                    return 5;
                };
                if (later) {
                    body = [next](mutable_buffer to) mutable -> task<std::size_t> {
                        co_await yield();
                        co_return next(to);
                    };
                } else {
                    body = next;
                }
                t.kept.respond->send(with_body(std::move(body)));
                t.loop.poll();
                CHECK(t.client.ended());
                CHECK_FALSE(t.client.ended_well());
                CHECK(t.client.status() == 200);
                CHECK(t.client.body().size() <= static_cast<std::size_t>(good) * 5);
                CHECK(t.loop.log().contains("the tape has broken"));
                CHECK(t.loop.log().contains("the app failed") == !middleware);
                CHECK_FALSE(t.loop.log().contains("was dropped")); // one line is enough
                CHECK(t.loop.statistics().pool_in_use == 0);
            }
        }
    }
}

TEST_CASE("R40: a source that says that it gave more than there was room for fails its response")
{
    for (const bool middleware : {false, true}) {
        CAPTURE(middleware);
        exchange_of_test t("GET", middleware);
        t.kept.respond->send(with_body([](mutable_buffer to) { return to.size() + 1; }));
        t.loop.poll();
        CHECK(t.client.ended());
        CHECK_FALSE(t.client.ended_well());
        CHECK(t.client.body().empty());
        CHECK(t.loop.log().contains("put 16"));
    }
}

TEST_CASE("R44: a source that gives more or less than Content-Length announced fails its response")
{
    struct row {
        std::uint64_t given;
        const char* words;
    };
    for (const auto& r : {row{99'999, "Content-Length says"}, row{100'000, ""}, row{100'001, "app failed"},
                          row{0, "Content-Length says"}})
    {
        for (const auto w : {text_source::way::at_once, text_source::way::later}) {
            CAPTURE(r.given, static_cast<int>(w));
            fate f;
            exchange_of_test t;
            response answer = with_body(std::make_unique<text_source>(f, r.given, w));
            answer.headers.add("Content-Length", "100000");
            t.kept.respond->send(std::move(answer));
            t.loop.poll();
            CHECK(t.client.ended());
            CHECK(t.client.ended_well() == (r.given == 100'000));
            CHECK(t.client.body().size() <= 100'000);
            CHECK(t.loop.log().contains(r.words));
            CHECK(f.alive == 0);
        }
    }
}

TEST_CASE("R25, R29: a refused head lets the source go, and another answer may be given")
{
    fate f;
    exchange_of_test t;
    response bad = with_body(std::make_unique<text_source>(f, 1000, text_source::way::at_once, 1000));
    bad.headers.add("X-Bad", "a\r\nSet-Cookie: b");
    CHECK_THROWS_AS(t.kept.respond->send(std::move(bad)), system_error);
    CHECK(f.alive == 0);
    t.kept.respond->send(with_body(giver{{"good", "", " again"}}));
    t.loop.poll();
    CHECK(t.client.ended_well());
    CHECK(t.client.body() == "good again");
    CHECK_FALSE(t.client.has_header("Content-Length"));
}

TEST_CASE("R32, F30: a second answer leaves a body that is being read alone")
{
    fate f;
    exchange_of_test t;
    t.client.stall();
    t.kept.respond->send(with_body(std::make_unique<text_source>(f, 300'000)));
    t.loop.poll();
    CHECK_THROWS_AS(t.kept.respond->send(with_body(giver{{"second"}})), system_error);
    t.client.take_all();
    t.loop.poll();
    CHECK(t.client.ended_well());
    CHECK((t.client.body() == text_of_size(300'000)));
}

TEST_CASE("F29: an endless source beside another response, behind a middleware that swallows all")
{
    // Nothing comes out of it, so that nothing but the turn's size stops it.
    class swallowing final : public sink {
    public:
        explicit swallowing(executor ex) : executor_(std::move(ex)) {}
        executor get_executor() const override { return executor_; }
        std::size_t try_write(std::span<const std::byte> bytes, error_code&) override { return bytes.size(); }
        bool try_flush(error_code&) override { return true; }
        bool wait(wait_for, waiter w) override
        {
            boost::asio::post(executor_, [w = std::move(w)]() mutable { w({}); });
            return true;
        }
        void cancel_wait() override {}
        void finish(error_code&) override {}
        void abort(error_code) override {}
        void writer_dropped() override {}
        error_code error() const override { return {}; }
        std::uint64_t accepted() const override { return 0; }
        std::uint64_t sent() const override { return 0; }

    private:
        executor executor_;
    };
    class port final : public response_port {
    public:
        explicit port(sink_ptr to) : to_(std::move(to)) {}
        response_head& head() override { return head_; }
        sink_ptr start(error_code&, std::string&) override { return to_; }
        void send(std::string, error_code&, std::string&) override {}
        void responder_dropped() override {}

    private:
        response_head head_;
        sink_ptr to_;
    };
    fake_loop loop([](request&) { return with_body("the other"); });
    int reads = 0;
    bool stop = false;
    responder swallowed(response_port_ptr(new port(new swallowing(loop.context().get_executor()))));
    swallowed.send(with_body([&](mutable_buffer to) {
        ++reads;
        return stop ? 0 : to.size();
    }));
    loop.poll(3);
    CHECK(reads <= 4 * 33);
    fake_host client(loop);
    client.request();
    loop.poll(20);
    CHECK(client.ended_well());
    stop = true;
    loop.poll();
}

TEST_CASE("R29, F5: steady reading of a source allocates nothing")
{
    for (const auto w : {text_source::way::at_once, text_source::way::later}) {
        CAPTURE(static_cast<int>(w));
        fate f;
        fake_loop loop([&](request&) { return with_body(std::make_unique<text_source>(f, 40'000'000, w)); });
        fake_host client(loop);
        client.forget_content();
        std::uint64_t early = 0, late = 0;
        client.after_send = [&] {
            if (client.received_bytes() < 10'000'000)
                early = allocations();
            else if (client.received_bytes() < 35'000'000)
                late = allocations();
        };
        client.request();
        loop.context().restart();
        loop.context().poll(); // at one go: what Asio keeps for use again, it keeps for that long
        CHECK(client.ended_well());
        CHECK(late - early == 0);
    }
}

TEST_CASE("F16: a source of 1 GiB that is always ready costs no stack")
{
    constexpr std::uint64_t size = 1024 * 1024 * 1024;
    fate f;
    fake_loop loop([&](request&) { return with_body(std::make_unique<text_source>(f, size)); });
    fake_host client(loop);
    client.forget_content();
    std::uintptr_t lowest = UINTPTR_MAX;
    std::uintptr_t highest = 0;
    std::uintptr_t after_a_tenth = 0;
    client.after_send = [&] {
        const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
        lowest = std::min(lowest, here);
        highest = std::max(highest, here);
        if (client.received_bytes() < size / 10)
            after_a_tenth = highest - lowest;
    };
    client.request();
    loop.poll();
    CHECK(client.ended_well());
    CHECK(client.received_bytes() > size);
    CHECK(highest - lowest == after_a_tenth);
    CHECK(after_a_tenth < 64 * 1024);
    CHECK(client.peak_held() <= 64 * 1024);
}
