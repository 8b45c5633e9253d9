// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// A client that hangs up in mid-body.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"

namespace sluice::test {

namespace {

using std::chrono::seconds;

void read_a_little_and_leave(const site& site, const std::string& path)
{
    curl_stream client(site.url(path));
    char piece[4096];
    REQUIRE(client.read_some(piece, seconds(20)) > 0);
    client.leave();
}

void told(const front_server& front)
{
    const auto site = front.start({});
    // More than anybody could read: it ends because the client has gone, or not at all.
    read_a_little_and_leave(*site, "/stream?bytes=1099511627776&chunk=16384");
    if (front.speaks == gateway::fastcgi) {
        CHECK(becomes_true([&] { return fetch_stats(*site).client_gone == 1; }, seconds(20)));
        // Its blocks are back; the one in use may be that of /stats itself.
        CHECK(fetch_stats(*site).blocks_in_use <= 1);
    } else {
        CHECK(becomes_true([&] { return site->probe_processes().empty(); }, seconds(20)));
    }
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<told> told_tests("F10: an app that writes is told that the client has gone",
                                      "[client-gone]",
                                      [](const front_server& front) { return front.tells_client_gone; });

void told_at_the_next_line(const front_server& front)
{
    const auto site = front.start({});
    curl_stream client(site->url("/ticks?n=1000000&ms=50"));
    CHECK(client.read_line(seconds(20)) == "tick 0");
    client.leave();
    if (front.speaks == gateway::fastcgi)
        CHECK(becomes_true([&] { return fetch_stats(*site).client_gone == 1; }, seconds(20)));
    else
        CHECK(becomes_true([&] { return site->probe_processes().empty(); }, seconds(20)));
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<told_at_the_next_line> told_at_the_next_line_tests(
    "F11: an app that writes a line now and then is told", "[client-gone]",
    [](const front_server& front) { return front.streams && front.tells_client_gone; });

// Besides that of /stats itself.
bool a_response_is_under_way(const site& site)
{
    return becomes_true([&] { return fetch_stats(site).active == 2; }, seconds(20));
}

void told_while_silent(const front_server& front)
{
    const auto site = front.start({});
    curl_stream client(site->url("/idle"));
    REQUIRE(a_response_is_under_way(*site));
    client.leave();
    CHECK(becomes_true([&] { return fetch_stats(*site).client_gone == 1; }, seconds(20)));
    CHECK(fetch_stats(*site).active == 1);
}
const on_each_server<told_while_silent> told_while_silent_tests("F11: a silent app is told", "[client-gone]",
                                                                [](const front_server& front) {
                                                                    return front.tells_silent_app;
                                                                });

// With more of it than the app's window holds, the app's side does not read the connection any more, and has to see its end all
// the same.
void told_with_its_body_unread(const front_server& front)
{
    const auto site = front.start({});
    const std::string body(5 << 20, 'x');
    curl_stream client(site->url("/idle"),
                       {"-H", "Expect:", "--data-binary", "@" + site->folder.write("body", body).string()});
    REQUIRE(a_response_is_under_way(*site));
    client.leave();
    CHECK(becomes_true([&] { return fetch_stats(*site).client_gone == 1; }, seconds(20)));
    CHECK(fetch_stats(*site).active == 1);
}
const on_each_server<told_with_its_body_unread> told_with_its_body_unread_tests(
    "F12: a silent app whose body is unread is told", "[client-gone]",
    [](const front_server& front) { return front.tells_silent_app; });

// A server that buffers takes the whole response, client or no client. The app is never told; its
// response ends as if all were well.
void never_told(const front_server& front)
{
    const auto site = front.start({});
    curl_stream client(site->url("/ticks?n=20&ms=20"));
    // Nothing can be read before the end, so leave once the app is at work.
    if (front.speaks == gateway::fastcgi)
        CHECK(a_response_is_under_way(*site));
    else
        CHECK(becomes_true([&] { return !site->probe_processes().empty(); }, seconds(20)));
    client.leave();
    if (front.speaks == gateway::fastcgi) {
        CHECK(becomes_true([&] { return fetch_stats(*site).blocks_in_use <= 1; }, seconds(20)));
        CHECK(fetch_stats(*site).client_gone == 0);
    } else {
        CHECK(becomes_true([&] { return site->probe_processes().empty(); }, seconds(20)));
    }
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<never_told> never_told_tests(
    "F11: a buffering server takes the response without a client", "[client-gone]",
    [](const front_server& front) { return !front.tells_client_gone; });

} // namespace

} // namespace sluice::test
