// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/event_stream.hpp>

#include <sluice/middleware/gzip.hpp>

#include "middleware/event_source.hpp"
#include "middleware/inflate.hpp"
#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <stdexcept>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// A stream that the test keeps.
struct kept_stream {
    explicit kept_stream(event_stream_options o = {.heartbeat = 0ms})
        : loop([this, o](request& req, responder respond) -> task<void> {
              events.emplace(req, std::move(respond), o);
              co_return;
          }),
          client(loop)
    {
        client.request();
        loop.poll();
    }
    ~kept_stream() { events.reset(); }

    /// Runs one call to its end, or until it waits.
    template <class Call>
    void run(outcome& o, Call call)
    {
        boost::asio::co_spawn(loop.context(), note(o, std::move(call)), boost::asio::detached);
        loop.poll();
    }

    std::optional<event_stream> events;
    fake_loop loop;
    fake_host client;
};

using sent = event_source::event;

} // namespace

TEST_CASE("event_stream: what a browser makes of the events is what was sent")
{
    const struct {
        const char *name, *data;
        std::optional<std::string_view> id;
        sent seen;
    } rows[] = {
        {"", "plain", {}, {"message", "plain", ""}},
        {"tick", "1", "7", {"tick", "1", "7"}},
        {"", "", {}, {"message", "", "7"}},
        {"", "two\nlines", {}, {"message", "two\nlines", "7"}},
        {"", "cr\rlf\ncrlf\r\nlfcr\n\rend", {}, {"message", "cr\nlf\ncrlf\nlfcr\n\nend", "7"}},
        {"", "\n", {}, {"message", "\n", "7"}},
        {"", "ends\n", {}, {"message", "ends\n", "7"}},
        {"", "\r\n\r\nid: forged\n\n", {}, {"message", "\n\nid: forged\n\n", "7"}},
        {"", "event: forged", {}, {"message", "event: forged", "7"}},
        {" spaced", "  spaced", " 8", {" spaced", "  spaced", " 8"}},
        {"a:b", ":not a comment", "", {"a:b", ":not a comment", ""}},
    };
    kept_stream k;
    std::vector<sent> all;
    for (const auto& row : rows) {
        outcome o;
        k.run(o, [&] { return k.events->event(row.name, row.data, row.id); });
        CHECK(o.ended);
        CHECK_FALSE(o.ec);
        all.push_back(row.seen);
        event_source browser;
        CHECK(browser.feed(k.client.body()) == all);
        CHECK(browser.between_events());
    }
    event_source browser; // in single bytes
    const auto body = k.client.body();
    for (const char c : body)
        browser.feed(std::string_view(&c, 1));
    CHECK(browser.events() == all);

    CHECK(k.client.header("Content-Type") == "text/event-stream");
    CHECK(k.client.header("Cache-Control") == "no-cache");
    CHECK(k.client.header("X-Accel-Buffering") == "no");
}

TEST_CASE("event_stream: comments, retry, headers of one's own, and the end")
{
    kept_stream k(
        {.heartbeat = 0ms, .retry = 2500ms, .headers = {{"Cache-Control", "no-store"}, {"X-A", "b"}}});
    event_source browser;
    browser.feed(k.client.body());
    CHECK(browser.retry() == "2500"); // before any event
    CHECK(k.client.header("Cache-Control") == "no-store");
    CHECK(k.client.header("X-A") == "b");
    const auto begun = k.client.body().size();
    outcome o;
    k.run(o, [&] { return k.events->comment("one\ndata: forged\n\n"); });
    k.run(o, [&] { return k.events->retry(10ms); });
    browser.feed(k.client.body().substr(begun));
    CHECK(browser.comments() == 4);
    CHECK(browser.events().empty());
    CHECK(browser.retry() == "10");
    k.run(o, [&] { return k.events->finish(); });
    CHECK_FALSE(o.ec);
    CHECK(k.client.ended_well());
    k.run(o, [&] { return k.events->event("", "late"); });
    CHECK(o.ec);
}

TEST_CASE("event_stream: what no event can hold is refused")
{
    kept_stream k;
    const auto refused = [&](auto call) {
        bool thrown = false;
        const auto tried = [&]() -> task<void> {
            try {
                co_await call();
            } catch (const std::invalid_argument&) {
                thrown = true;
            }
        };
        boost::asio::co_spawn(k.loop.context(), tried, boost::asio::detached);
        k.loop.poll();
        return thrown;
    };
    CHECK(refused([&] { return k.events->event("a\nb", "x"); }));
    CHECK(refused([&] { return k.events->event("a\r", "x"); }));
    CHECK(refused([&] { return k.events->event("a", "x", "1\n"); }));
    CHECK(refused([&] { return k.events->event("a", "x", std::string_view("1\0", 2)); }));
    CHECK(refused([&] { return k.events->retry(-1ms); }));
    CHECK(k.client.body().empty());
    outcome o;
    k.run(o, [&] { return k.events->event("a", "x"); }); // and nothing is stuck
    CHECK(k.client.body() == "event: a\ndata: x\n\n");
}

TEST_CASE("event_stream: the id of the last event that the client got")
{
    std::string id;
    fake_loop loop([&](request& req) {
        id = event_stream::last_event_id(req);
        return response{204, {}, {}, {}};
    });
    fake_host client(loop);
    client.request("GET", {{"HTTP_LAST_EVENT_ID", "42"}});
    loop.poll();
    CHECK(id == "42");
}

TEST_CASE("event_stream: one call at a time, a stalled client holds it, a cancelled one leaves no half event")
{
    kept_stream k;
    k.client.stall();
    const std::string large(100'000, 'x');
    boost::asio::cancellation_signal signal;
    outcome first, second, third;
    boost::asio::co_spawn(k.loop.context(), note(first, [&] { return k.events->event("large", large); }),
                          boost::asio::bind_cancellation_slot(signal.slot(), boost::asio::detached));
    k.loop.poll();
    CHECK_FALSE(first.ended);
    CHECK(k.client.held() <= limits{}.block_size);
    k.run(second, [&] { return k.events->event("second", "refused"); });
    CHECK(second.ec == errc::operation_pending);
    k.client.take(40'000);
    k.loop.poll();
    CHECK_FALSE(first.ended);
    signal.emit(boost::asio::cancellation_type::terminal);
    k.loop.poll();
    CHECK(first.ec == boost::asio::error::operation_aborted);
    k.client.take_all();
    k.run(third, [&] { return k.events->event("third", "3"); });
    CHECK_FALSE(third.ec);
    event_source browser;
    CHECK((browser.feed(k.client.body()) == std::vector<sent>{{"large", large, ""}, {"third", "3", ""}}));
}

TEST_CASE("F11: a heartbeat is sent while nothing else is, and tells an idle stream that its client has left")
{
    kept_stream k({.heartbeat = 2ms});
    event_source browser;
    std::size_t seen = 0;
    const auto read = [&] {
        const auto body = k.client.body();
        browser.feed(std::string_view(body).substr(seen));
        seen = body.size();
        return browser.comments();
    };
    REQUIRE(k.loop.poll_until([&] { return read() >= 3; }));
    outcome o;
    k.run(o, [&] { return k.events->event("a", "1"); });
    const auto before = read();
    REQUIRE(k.loop.poll_until([&] { return read() >= before + 2; }));
    CHECK(browser.events() == std::vector<sent>{{"a", "1", ""}});
    CHECK(browser.between_events());

    // Nothing is left to be run: no timer goes on.
    const auto at_rest = [&] {
        k.loop.resources().runners().keep(0);
        return k.loop.poll_until([&] { return k.loop.context().stopped(); });
    };
    SECTION("the client has gone, which shows at the next write")
    {
        k.client.break_after(k.client.received_bytes());
        REQUIRE(k.loop.poll_until([&] { return k.client.ended(); }));
        CHECK(k.events->error() == errc::client_gone);
        CHECK(at_rest());
    }
    SECTION("the stream is destroyed")
    {
        k.events.reset();
        CHECK(at_rest());
        CHECK(k.client.ended());
    }
    SECTION("the transport says that the client has gone")
    {
        k.client.leave();
        CHECK(at_rest());
    }
}

TEST_CASE("event_stream: a heartbeat never gets into an event, however slowly that is read")
{
    kept_stream k({.heartbeat = 1ms});
    k.client.stall();
    std::vector<sent> all;
    for (int i = 0; i < 3; ++i) {
        outcome o;
        const std::string data(50'000, static_cast<char>('a' + i));
        k.run(o, [&] { return k.events->event("", data); });
        CHECK_FALSE(o.ended);
        const auto begun = std::chrono::steady_clock::now();
        // Some beats' time goes by before the client reads on.
        k.loop.poll_until([&] { return std::chrono::steady_clock::now() > begun + 4ms; });
        REQUIRE(k.loop.poll_until([&] {
            k.client.take(1000);
            return o.ended;
        }));
        all.push_back({"message", data, ""});
    }
    // A beat that finds room for one of its bytes only: the next event comes behind the rest.
    k.client.stall();
    k.loop.poll_until([&] { return k.client.held() > 0; });
    outcome o;
    k.client.take_all();
    k.run(o, [&] { return k.events->event("", "last"); });
    all.push_back({"message", "last", ""});
    event_source browser;
    CHECK((browser.feed(k.client.body()) == all));
    CHECK(browser.between_events());
}

TEST_CASE(
    "F19: each server-sent event behind gzip is with the browser after its flush, and so is a heartbeat")
{
    std::optional<event_stream> events;
    fake_loop loop(middleware::gzip([&](request& req, responder respond) -> task<void> {
        events.emplace(req, std::move(respond), event_stream_options{.heartbeat = 2ms});
        co_return;
    }));
    fake_host client(loop);
    client.request("GET", {{"HTTP_ACCEPT_ENCODING", "gzip"}});
    loop.poll();
    CHECK(client.header("Content-Encoding") == "gzip");
    inflater in;
    event_source browser;
    std::size_t seen = 0, decoded = 0;
    const auto read = [&] {
        const auto body = client.body();
        in.feed(std::string_view(body).substr(seen));
        seen = body.size();
        browser.feed(std::string_view(in.text()).substr(decoded));
        decoded = in.text().size();
    };
    for (std::size_t i = 0; i < 100; ++i) {
        outcome o;
        boost::asio::co_spawn(loop.context(), note(o, [&] { return events->event("", std::to_string(i)); }),
                              boost::asio::detached);
        loop.poll();
        REQUIRE(o.ended);
        read();
        REQUIRE(browser.events().size() == i + 1);
        REQUIRE(browser.between_events());
    }
    CHECK(loop.poll_until([&] {
        read();
        return browser.comments() >= 2;
    }));
    events.reset();
}
