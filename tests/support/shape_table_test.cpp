// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The table: whatever shape an app has, its client and its transport see the same.
#include "support/shapes.hpp"

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr std::size_t window = 64 * 1024;

std::string body_of_size(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        s[i] = static_cast<char>('a' + (i * 7 + i / 251) % 26);
    return s;
}

/// Asks an app of each shape; `look` has the client before it reads.
void for_each_shape(const plan& p, const question& q,
                    const std::function<void(shape_client&, const shape&)>& look)
{
    for (const shape& s : all_shapes()) {
        if (p.echoes && !s.reads)
            continue;
        INFO("shape: " << s.name);
        const auto client = make_shape_client(s.make(p));
        client->ask(q);
        look(*client, s);
        CHECK(client->loop().statistics().peak_held <= window);
        CHECK(client->until([&] { return client->loop().statistics().active == 0; }));
        CHECK(client->loop().statistics().pool_in_use == 0);
    }
}

bool contains(const std::string& text, std::string_view words)
{
    return text.find(words) != text.npos;
}

} // namespace

TEST_CASE("R31, R38: every shape: a small response, and an empty one")
{
    for (const std::string body : {"", "hello"}) {
        plan p;
        p.body = body;
        p.headers.emplace_back("X-Own", "1");
        for_each_shape(p, {}, [&](shape_client& c, const shape& s) {
            CHECK(c.until_ended());
            CHECK(c.ended_well());
            CHECK(c.status() == 200);
            CHECK(c.body() == body);
            CHECK(contains(c.head(), "X-Own: 1\r\n"));
            CHECK(contains(c.head(), "Content-Length: " + std::to_string(body.size())) == !s.streams); // R28
        });
    }
}

TEST_CASE("F1, F2: every shape: a large response to a slow client, in small and large pieces, with and "
          "without flush")
{
    plan p;
    p.body = body_of_size(400'000);
    for (const std::size_t piece : {1'000u, 400'000u}) {
        for (const bool flush : {false, true}) {
            CAPTURE(piece, flush);
            p.piece = piece;
            p.flush = flush;
            for_each_shape(p, {}, [&](shape_client& c, const shape&) {
                CHECK(c.until_ended());
                CHECK(c.ended_well());
                CHECK((c.body() == p.body));
            });
        }
    }
}

TEST_CASE("R42: every shape: HEAD keeps the headers and drops the body")
{
    plan p;
    p.body = body_of_size(100'000);
    p.headers.emplace_back("X-Own", "1");
    for_each_shape(p, {"HEAD"}, [&](shape_client& c, const shape& s) {
        CHECK(c.until_ended());
        CHECK(c.ended_well());
        CHECK(c.body().empty());
        CHECK(contains(c.head(), "X-Own: 1\r\n"));
        CHECK(contains(c.head(), "Content-Length: 100000\r\n") == !s.streams);
    });
}

TEST_CASE(
    "R42, R43: every shape that streams: an endless body of which nothing goes out ends, the app with it")
{
    plan p;
    p.endless = true;
    p.body = body_of_size(20'000);
    using asked = std::pair<const char*, int>;
    for (const asked& how : {asked("HEAD", 200), asked("GET", 304), asked("POST", 204)}) {
        const char* const method = how.first;
        const int status = how.second;
        CAPTURE(method, status);
        p.status = status;
        for_each_shape(p, {method}, [&](shape_client& c, const shape& s) {
            CHECK(c.until_ended());
            CHECK(c.ended_well());
            CHECK(c.status() == status);
            CHECK(c.body().empty());
            CHECK(c.loop().statistics().produced < (s.streams ? limits().unsent_body + 50'000 : 50'000));
            CHECK_FALSE(c.loop().log().contains("the app failed"));
        });
    }
}

TEST_CASE("R27, R43: every shape: 204 and 304 have no body and no entity headers")
{
    for (const int status : {204, 304}) {
        plan p;
        p.status = status;
        p.headers = {{"ETag", "\"x\""}};
        p.body = "nobody sees it";
        for_each_shape(p, {}, [&](shape_client& c, const shape&) {
            CHECK(c.until_ended());
            CHECK(c.ended_well());
            CHECK(c.status() == status);
            CHECK(c.body().empty());
            CHECK_FALSE(contains(c.head(), "Content-"));
        });
    }
}

TEST_CASE("R39: every shape: an exception before the head is a complete 500")
{
    plan p;
    p.how = plan::end::throws_before_head;
    for_each_shape(p, {}, [&](shape_client& c, const shape&) {
        CHECK(c.until_ended());
        CHECK(c.ended_well());
        CHECK(c.status() == 500);
        CHECK(c.loop().log().contains("planned"));
    });
}

TEST_CASE("R40, F13: every shape that streams: an exception after the head fails the response")
{
    plan p;
    p.how = plan::end::throws_after_body;
    p.body = body_of_size(100'000);
    for_each_shape(p, {}, [&](shape_client& c, const shape& s) {
        CHECK(c.until_ended());
        CHECK(c.status() == 200);
        CHECK(c.ended_well() == !s.streams); // the others have no time after the head
        CHECK((c.body() == p.body));
    });
}

TEST_CASE("R44: every shape: more than the announced length, and less, and just as much")
{
    plan p;
    p.body = body_of_size(50'000);
    for (const int more : {-1, 0, 1}) {
        CAPTURE(more);
        const auto length = 50'000 - more;
        p.headers = {{"Content-Type", "text/plain"}, {"Content-Length", std::to_string(length)}};
        for_each_shape(p, {}, [&](shape_client& c, const shape& s) {
            CHECK(c.until_ended());
            if (more == 0) {
                CHECK(c.ended_well());
                CHECK((c.body() == p.body));
            } else if (s.streams) {
                CHECK_FALSE(c.ended_well());
                CHECK(c.body().size() <= static_cast<std::size_t>(length));
                CHECK((p.body.starts_with(c.body())));
            } else {
                CHECK(c.ended_well());
                CHECK(c.status() == 500); // told before anything was sent
            }
        });
    }
}

TEST_CASE("F8, F11: every shape: the client leaves in mid-body, and all that the app holds for it goes")
{
    plan p;
    p.body = body_of_size(1'000'000);
    for_each_shape(p, {}, [&](shape_client& c, const shape& s) {
        c.read(100);
        CHECK(c.until([&] { return c.loop().statistics().produced > 0; }));
        // The plan, the app's own; and what a whole response was made of is not the app's any more.
        const auto app_alone = p.held_by_app.use_count() - (s.streams ? 1 : 0);
        c.leave();
        CHECK(c.until([&] { return c.ended(); }));
        CHECK_FALSE(c.ended_well());
        CHECK(c.until([&] { return p.held_by_app.use_count() <= app_alone; }));
        CHECK_FALSE(c.loop().log().contains("the app failed: planned"));
    });
}

TEST_CASE("R17: every shape that reads: the body of the request comes back, whatever its size")
{
    plan p;
    p.echoes = true;
    for (const std::size_t size : {0u, 1u, 300'000u}) {
        CAPTURE(size);
        const auto body = body_of_size(size);
        for_each_shape(p, {"POST", body}, [&](shape_client& c, const shape&) {
            CHECK(c.until_ended());
            CHECK(c.ended_well());
            CHECK(c.status() == 200);
            CHECK((c.body() == body));
        });
    }
}

TEST_CASE("R19: every shape that reads: a body that is cut short is a 400, and no answer to half of it")
{
    plan p;
    p.echoes = true;
    for (const std::size_t size : {0u, 1u, 200'000u}) {
        CAPTURE(size);
        for_each_shape(p, {"POST", body_of_size(size), 300'000}, [&](shape_client& c, const shape&) {
            CHECK(c.until_ended());
            CHECK_FALSE((c.ended_well() && c.status() == 200));
            CHECK((c.status() == 400 || c.status() == 0));
        });
    }
}
