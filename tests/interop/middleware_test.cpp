// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What is compressed, and what is streamed compressed, behind servers that stream.
#include "interop/on_each_server.hpp"
#include "support/curl.hpp"

#include <thread>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

// One of each kind is enough: what differs between the ways to start an app is not about this.
bool is_wanted(const front_server& s)
{
    return s.name == "lighttpd socket, streaming" || s.name == "nginx, streaming";
}

void compressed(const front_server& front)
{
    const auto site = front.start({.program = SLUICE_MIDDLEWARE});
    const auto plain = curl(site->url("/"));
    const auto gzip = curl(site->url("/"), {"--compressed"});
    CHECK(plain.complete());
    CHECK(gzip.complete());
    CHECK(plain.response.body.size() == 375);
    CHECK(gzip.response.body == plain.response.body);
    CHECK_FALSE(plain.response.header("Content-Encoding"));
    CHECK(gzip.response.header("Content-Encoding") == "gzip");
    const auto etag = gzip.response.header("ETag").value_or("");
    CHECK(etag.starts_with("W/\""));
    CHECK(curl(site->url("/"), {"--compressed", "--header", "If-None-Match: " + etag}).response.status ==
          304);
    CHECK(curl(site->url("/"), {"--compressed", "--head"}).response.status == 200);
    CHECK(curl(site->url("/none")).response.body == "404 Not Found\n");
}
const on_each_server<compressed> compressed_tests(
    "R42, R43: gzip, conditional requests, HEAD and error pages", "", is_wanted);

void events(const front_server& front)
{
    const auto site = front.start({.program = SLUICE_EVENTS});
    curl_stream client(site->url("/events"), {"--compressed", "--header", "Last-Event-ID: 41"});
    for (const char* const line : {"retry: 1000", "", "event: count", "id: 42", "data: number 42",
                                   "data: in two lines", "", "event: count", "id: 43"})
        CHECK(client.read_line(10s) == line);
    client.leave();
    const auto log = [&] { return read_file(site->folder / "app.log"); };
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (log().find("/events 200") == std::string::npos && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(10ms);
    CHECK_THAT(log(), Catch::Contains("/events 200")); // the app is told, with the next event or two
}
const on_each_server<events> events_tests("F7, F10, F19: server-sent events, compressed", "[streaming]",
                                          is_wanted);

} // namespace

} // namespace sluice::test
