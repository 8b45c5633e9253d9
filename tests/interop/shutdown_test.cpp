// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// F27: the end of the web server, and of an app that runs on its own.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"

#include <csignal>

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void server_stops(const front_server& front)
{
    const auto site = front.start({});
    curl_stream client(site->url("/stream?bytes=1099511627776&chunk=16384"));
    char piece[4096];
    REQUIRE(client.read_some(piece, seconds(20)) > 0);
    site->server->send_signal(SIGTERM);
    // Those below the server have seen their connection or pipe break, and a SIGTERM at most: none
    // of them may need a SIGKILL.
    CHECK(site->server->wait_for(seconds(40)));
    CHECK(site->server->left_behind() == 0);
    client.leave();
    if (site->app) {
        CHECK(site->app->running());
        site->app->send_signal(SIGTERM);
        CHECK(site->app->wait_for(seconds(20)) == exit_status{0, 0});
    }
}
const on_each_server<server_stops> server_stops_tests("F27: the server stops in mid-response", "[shutdown]",
                                                      [](const front_server& front) {
                                                          return front.streams;
                                                      });

bool app_on_its_own(const front_server& front)
{
    return front.is_service && front.streams;
}

void drained(const front_server& front)
{
    const auto site = front.start({});
    curl_stream client(site->url("/ticks?n=5&ms=100"));
    REQUIRE(client.read_line(seconds(20)) == "tick 0");
    site->app->send_signal(SIGTERM);
    for (int tick = 1; tick < 5; ++tick)
        CHECK(client.read_line(seconds(20)) == "tick " + std::to_string(tick));
    CHECK(client.read_line(seconds(20)).empty());
    CHECK(client.finish().complete());
    CHECK(site->app->wait_for(seconds(20)) == exit_status{0, 0});
}
const on_each_server<drained> drained_tests("F27: SIGTERM lets a response end", "[shutdown]", app_on_its_own);

void end_at_once(site& site)
{
    site.app->send_signal(SIGTERM);
    CHECK_FALSE(site.app->wait_for(milliseconds(200))); // it drains
    site.app->send_signal(SIGTERM);
    CHECK(site.app->wait_for(seconds(5)));
}

void ended_at_once(const front_server& front)
{
    const auto site = front.start({});
    curl_stream client(site->url("/idle"));
    REQUIRE_FALSE(client.read_line(seconds(20)).empty());
    end_at_once(*site);
    CHECK(client.read_line(seconds(20)).empty());
    CHECK_FALSE(client.finish().complete());
}
const on_each_server<ended_at_once> ended_at_once_tests(
    "F27: a second SIGTERM ends at once, and the transfer fails", "[shutdown]", app_on_its_own);

// The kernel takes nothing more, so nginx cannot be told that what it has is not all.
void ended_while_stalled(const front_server& front)
{
    const auto site = front.start({});
    curl_stream client(site->url("/stream?bytes=1099511627776&chunk=16384"));
    char piece[4096];
    REQUIRE(client.read_some(piece, seconds(20)) > 0);
    end_at_once(*site);
    while (client.read_some(piece, seconds(20)) > 0) {
    }
    const bool complete = client.finish().complete();
    if (front.family != server_family::nginx)
        CHECK_FALSE(complete);
}
const on_each_server<ended_while_stalled> ended_while_stalled_tests(
    "F27: a second SIGTERM ends a stalled response at once", "[shutdown]", app_on_its_own);

} // namespace

} // namespace sluice::test
