// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// All middleware around one app.
#include <sluice/middleware/access_log.hpp>
#include <sluice/middleware/conditional.hpp>
#include <sluice/middleware/error_pages.hpp>
#include <sluice/middleware/gzip.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <stdexcept>
#include <string>

using namespace sluice;
using namespace sluice::test;

namespace {

application stacked(application app, int& lines)
{
    using namespace middleware;
    return access_log(error_pages(gzip(conditional(head_as_get(std::move(app))))),
                      [&lines](std::string_view) { ++lines; });
}

struct seen {
    std::string received;
    bool well;
};

seen answer_of(const application& app, std::string_view method, bool kept_by_test,
               std::optional<responder>& kept)
{
    fake_loop loop(app);
    fake_host client(loop);
    client.request(method);
    loop.poll();
    if (kept_by_test) {
        auto out = kept->start(with_length(5));
        out.try_write(std::string_view("later"));
        kept.reset();
        loop.poll();
    }
    loop.poll();
    REQUIRE(client.ended());
    auto text = client.received();
    // The one thing that the stack adds to an answer that it leaves alone.
    constexpr std::string_view vary = "Vary: Accept-Encoding\r\n";
    if (const auto at = text.find(vary); at != text.npos)
        text.erase(at, vary.size());
    return {std::move(text), client.ended_well()};
}

} // namespace

TEST_CASE("R37: behind all of them, each kind of answer is the same where none of them has to do with it")
{
    std::optional<responder> kept;
    const struct {
        const char* name;
        application app;
        bool kept_by_test = false;
    } kinds[] = {
        {"immediate",
         [](request&) {
             return response{299, {{"Content-Type", "text/plain"}, {"X-A", "1"}}, "body", "So"};
         }},
        {"without a body",
         [](request&) {
             return response{304, {{"ETag", "\"x\""}}, {}, {}};
         }},
        {"error with a body",
         [](request&) {
             return response{404, {{"Content-Type", "text/plain"}}, "none", {}};
         }},
        {"streaming",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(with_length(200'000));
             co_await out.write(piece_at(0, 100'000));
             co_await out.flush();
             co_await yield();
             co_await out.write(piece_at(100'000, 100'000));
             co_await out.finish();
         }},
        {"cut short",
         [](request&, responder respond) -> task<void> {
             auto out = respond.start(plain_text());
             co_await out.write("half");
             throw std::runtime_error("in mid-body");
         }},
        {"dropped later",
         [&](request&, responder respond) -> task<void> {
             kept.emplace(std::move(respond));
             co_return;
         },
         true},
    };
    for (const auto& kind : kinds) {
        for (const char* const method : {"GET", "HEAD", "PURGE"}) {
            CAPTURE(kind.name, method);
            int lines = 0;
            const auto around = answer_of(stacked(kind.app, lines), method, kind.kept_by_test, kept);
            const auto alone = answer_of(kind.app, method, kind.kept_by_test, kept);
            CHECK((around.received == alone.received));
            CHECK(around.well == alone.well);
            CHECK(lines == 1);
        }
    }
}

TEST_CASE(
    "F1, F18: behind all of them, a stalled client costs its window, and a client that leaves costs nothing")
{
    int lines = 0;
    bool over = false;
    fake_loop loop(stacked(
        [&](request& req, responder respond) -> task<void> {
            req.on_end([&] { over = true; });
            auto out = respond.start(plain_text());
            const auto piece = binary(65536);
            for (;;)
                co_await out.write(piece);
        },
        lines));
    fake_host client(loop);
    client.forget_content();
    client.stall();
    client.request("GET", {{"HTTP_ACCEPT_ENCODING", "gzip"}});
    loop.poll();
    CHECK(client.held() > 0);
    CHECK(client.held() <= limits{}.block_size);
    CHECK(loop.poll() == 0); // the app is stopped
    client.take(1'000'000);
    loop.poll();
    CHECK(client.received_bytes() == 1'000'000);
    CHECK(client.peak_held() <= limits{}.window);
    CHECK_FALSE(over);
    client.leave();
    loop.poll();
    CHECK(over);
    CHECK(lines == 1);
    CHECK(loop.statistics().pool_in_use == 0);
    loop.resources().runners().keep(0);
    loop.poll();
    CHECK(loop.context().stopped()); // no task is left
}
