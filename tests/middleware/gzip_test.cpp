// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/gzip.hpp>

#include "middleware/again.hpp"
#include "middleware/inflate.hpp"
#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <stdexcept>

using namespace sluice;
using namespace sluice::test;

namespace {

/// An app behind gzip, asked by a client that takes it.
struct compressed {
    explicit compressed(application inner, middleware::gzip_options o = {},
                        std::string_view accepts = "gzip, deflate", std::string_view method = "GET")
        : loop(middleware::gzip(std::move(inner), std::move(o))), client(loop)
    {
        client.stall();
        client.request(method, {{"HTTP_ACCEPT_ENCODING", accepts}});
        loop.poll();
    }
    void read_all()
    {
        client.take_all();
        loop.poll();
    }

    fake_loop loop;
    fake_host client;
};

response whole(std::string body, std::initializer_list<field> more = {}, int status = 200)
{
    response r{status, {{"Content-Type", "text/plain; charset=utf-8"}}, std::move(body), {}};
    for (const auto& f : more)
        r.headers.set(f.name, f.value);
    return r;
}

} // namespace

TEST_CASE("gzip: in whatever pieces a body is written, and its client reads, inflate gives it back")
{
    const auto body = text_of_size(20'000) + binary(5000);
    for (const std::size_t piece : {1u, 7u, 1000u, 4096u, 25'000u}) {
        for (const std::size_t read : {1u, 100u, 1'000'000u}) {
            CAPTURE(piece, read);
            compressed c([&](request&, responder respond) -> task<void> {
                auto out = respond.start(plain_text());
                for (std::size_t at = 0; at < body.size(); at += piece)
                    co_await out.write(std::string_view(body).substr(at, piece));
            });
            for (int i = 0; i < 100'000 && !c.client.ended(); ++i) {
                c.client.take(read);
                c.loop.poll();
            }
            REQUIRE(c.client.ended_well());
            CHECK(c.client.header("Content-Encoding") == "gzip");
            inflater in;
            CHECK((in.feed(c.client.body()) == body));
            CHECK(in.at_end());
        }
    }
}

TEST_CASE("F19, F7: each event behind gzip can be decoded after its flush")
{
    std::optional<writer> out;
    compressed c([&](request&, responder respond) -> task<void> {
        auto head = plain_text();
        head.headers.set("Content-Type", "text/event-stream");
        out.emplace(respond.start(head));
        co_return;
    });
    c.client.take_all();
    inflater in;
    std::size_t seen = 0;
    std::string events;
    // Also events that fill the filter's buffer to the byte, when a flush has to go on in another.
    for (std::size_t i = 0; i < 300; ++i) {
        const auto event = "data: " + binary(i * 37 % 6000) + std::to_string(i) + "\n\n";
        std::optional<error_code> flushed;
        out->async_write(boost::asio::buffer(event), [&](error_code ec, std::size_t) {
            CHECK_FALSE(ec);
            out->async_flush([&](error_code e) { flushed = e; });
        });
        c.loop.poll();
        REQUIRE(flushed == error_code());
        events += event;
        const auto body = c.client.body();
        in.feed(std::string_view(body).substr(seen));
        seen = body.size();
        REQUIRE((in.text() == events));
        CHECK_FALSE(in.at_end());
    }
    CHECK(out->sent() == events.size());
    out.reset();
}

TEST_CASE("F2, F18: one large write through gzip holds a window, and others get their turn")
{
    std::string large = binary(1 << 16);
    for (int i = 0; i < 8; ++i)
        large += large; // 16 MiB
    std::uint64_t accepted = 0;
    compressed c([&](request&, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write(large);
        accepted = out.accepted();
    });
    c.client.take_all();
    // 64 KiB a turn, each with a few handlers: so many that nothing took it all at once.
    CHECK(c.loop.poll(20) == 20);
    CHECK(accepted == 0);
    CHECK_FALSE(c.client.ended());
    c.loop.poll();
    CHECK(c.client.ended_well());
    CHECK(accepted == large.size());
    CHECK(c.client.peak_held() <= limits{}.window);
    inflater in;
    CHECK((in.feed(c.client.body()) == large));
}

TEST_CASE("gzip: what a response holds is what the options say")
{
    const auto o = GENERATE(middleware::gzip_options{},
                            (middleware::gzip_options{.level = 9, .window_bits = 15, .memory_level = 9}),
                            (middleware::gzip_options{.level = 1, .window_bits = 9, .memory_level = 1}));
    const std::string body = text_of_size(100'000);
    compressed c(
        [&](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write(body);
        },
        o);
    c.read_all();
    inflater in;
    CHECK((in.feed(c.client.body()) == body));
    CHECK(zlib_memory(o.level, o.window_bits, o.memory_level) <=
          (std::size_t{1} << (o.window_bits + 2)) + (std::size_t{1} << (o.memory_level + 9)) + 6 * 1024);
}

TEST_CASE("gzip: which answers are compressed, and what their heads say")
{
    const std::string text(1000, 'a');
    const struct {
        const char* what;
        response answer;
        const char *accepts, *method;
        bool gzip, vary;
    } rows[] = {
        {"plain", whole(text), "gzip", "GET", true, true},
        {"any coding", whole(text), "*", "GET", true, true},
        {"an error page", whole(text, {}, 404), "gzip", "GET", true, true},
        {"another method", whole(text), "gzip", "POST", true, true},
        {"its older name", whole(text), "x-gzip", "GET", true, true},
        {"both names", whole(text), "x-gzip, gzip;q=0", "GET", false, true},
        {"no gzip", whole(text), "br", "GET", false, true},
        {"refused", whole(text), "gzip;q=0, *", "GET", false, true},
        {"silent", whole(text), "", "GET", false, true},
        {"HEAD", whole(text), "gzip", "HEAD", true, true},
        {"small", whole("small"), "gzip", "GET", false, true},
        {"nothing", whole(""), "gzip", "GET", false, true},
        {"image", whole(text, {{"Content-Type", "image/png"}}), "gzip", "GET", false, false},
        {"drawing", whole(text, {{"Content-Type", "Image/SVG+xml; x"}}), "gzip", "GET", true, true},
        {"prefix", whole(text, {{"Content-Type", "application/jsonp"}}), "gzip", "GET", false, false},
        {"encoded", whole(text, {{"Content-Encoding", "br"}}), "gzip", "GET", false, false},
        {"no-transform", whole(text, {{"Cache-Control", "private, No-Transform"}}), "gzip", "GET", false,
         false},
        {"range", whole(text, {{"Content-Range", "bytes 0-999/5000"}}, 206), "gzip", "GET", false, false},
        {"204", response{204, {}, {}, {}}, "gzip", "GET", false, false},
        {"304", response{304, {{"ETag", "\"x\""}}, {}, {}}, "gzip", "GET", false, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        compressed c([&](request&) { return again(row.answer); }, {}, row.accepts, row.method);
        c.read_all();
        REQUIRE(c.client.ended_well());
        CHECK(c.client.status() == row.answer.status);
        CHECK(c.client.header("Vary") == (row.vary ? "Accept-Encoding" : ""));
        CHECK(c.client.header("Content-Encoding") ==
              (row.gzip ? "gzip" : row.answer.headers.get("Content-Encoding")));
        const auto body = c.client.body();
        if (row.answer.status != 204 && row.answer.status != 304 && row.method != std::string_view("HEAD")) {
            CHECK(c.client.header("Content-Length") == std::to_string(body.size()));
            inflater in;
            CHECK((row.gzip ? in.feed(body) : body) == row.answer.body);
        }
    }
}

TEST_CASE("R42: behind gzip the head of HEAD is that of GET (RFC 9110 9.3.2), but for a length that is not "
          "known then")
{
    for (const std::size_t size : {0u, 10u, 5'000u, 500'000u}) {
        for (const bool streams : {false, true}) {
            CAPTURE(size, streams);
            const application app = [&](request&, responder respond) -> task<void> {
                auto answer = whole(std::string(size, 'a'), {{"ETag", "\"x\""}});
                if (!streams)
                    co_return respond.send(std::move(answer));
                response_head head;
                head.headers = answer.headers;
                auto out = respond.start(std::move(head));
                co_await out.write(answer.body.text());
            };
            compressed get(app), head(app, {}, "gzip", "HEAD");
            get.read_all();
            head.read_all();
            CHECK(head.client.ended_well());
            CHECK(head.client.body().empty());
            CHECK(head.client.head() == get.client.head());

            if (streams)
                continue;
            // An app that knows HEAD says the length and gives no body.
            compressed knows(
                [&](request&) {
                    return whole("", {{"ETag", "\"x\""}, {"Content-Length", std::to_string(size)}});
                },
                {}, "gzip", "HEAD");
            knows.read_all();
            CHECK(knows.client.ended_well());
            CHECK(knows.client.header("ETag") == get.client.header("ETag"));
            CHECK((!knows.client.has_header("Content-Length") ||
                   knows.client.header("Content-Length") == get.client.header("Content-Length")));
        }
    }
}

TEST_CASE("gzip: ETag and Vary of a compressed answer")
{
    const struct {
        const char *etag, *vary, *etag_after, *vary_after;
    } rows[] = {
        {"\"x\"", "", "W/\"x\"", "Accept-Encoding"},
        {"W/\"x\"", "Cookie", "W/\"x\"", "Cookie\nAccept-Encoding"},
        {"", "cookie, accept-ENCODING", "", "cookie, accept-ENCODING"},
        {"", "*", "", "*"},
    };
    for (const auto& row : rows) {
        response answer = whole(std::string(1000, 'a'), {{"Accept-Ranges", "bytes"}});
        if (*row.etag)
            answer.headers.add("ETag", row.etag);
        if (*row.vary)
            answer.headers.add("Vary", row.vary);
        compressed c([&](request&) { return again(answer); });
        c.read_all();
        CHECK(c.client.header("ETag") == row.etag_after);
        CHECK(c.client.header("Vary") == row.vary_after);
        CHECK(c.client.header("Content-Encoding") == "gzip");
        CHECK_FALSE(c.client.has_header("Accept-Ranges"));
    }
}

TEST_CASE("gzip: options out of zlib's bounds are refused by name")
{
    const auto app = [](request&) { return whole("x"); };
    CHECK_THROWS_WITH(middleware::gzip(app, {.level = 10}),
                      Catch::Contains("level is 10, and has to be 1 to 9"));
    CHECK_THROWS_AS(middleware::gzip(app, {.level = 0}), std::invalid_argument);
    CHECK_THROWS_WITH(middleware::gzip(app, {.window_bits = 8}), Catch::Contains("window_bits is 8"));
    CHECK_THROWS_WITH(middleware::gzip(app, {.memory_level = 10}), Catch::Contains("memory_level is 10"));
}
