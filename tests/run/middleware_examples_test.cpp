// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The tutorial's programs about middleware and events do what they say.
#include <sluice/run.hpp>

#include "service.hpp"
#include "support/catch.hpp"

namespace sluice::test {

TEST_CASE("F7, F11: 09_server_sent_events has a page, and an event a second for it")
{
    service events({}, {}, SLUICE_EVENTS);
    const auto page = fastcgi_client(events.address()).get("/");
    CHECK(page.well());
    CHECK_THAT(page.body, Catch::Contains("new EventSource(\"events\")"));
    {
        fastcgi_client client(events.address());
        client.ask("/events");
        client.read_until("retry: 1000\n\n");
        client.read_until("event: count\nid: 1\ndata: number 1\ndata: in two lines\n\n");
        client.read_until("id: 2\n");
    }
    CHECK(events.says("/events 200 ")); // and it stops when the client leaves
}

TEST_CASE("10_middleware numbers lines, has pages for errors, and logs")
{
    const auto o = run_program(SLUICE_MIDDLEWARE, {}, cgi_request("/", {{"REMOTE_ADDR", "127.0.0.1"}}));
    CHECK(o.status == exit_status{0, 0});
    CHECK_THAT(o.out, Catch::StartsWith("Status: 200 OK\r\n"));
    CHECK_THAT(o.out, Catch::Contains("\r\n\r\n1 Water finds a way,\n2 the gate\n3 says when.\n4 Water"));
    CHECK_THAT(o.out, Catch::EndsWith("\n24 says when.\n"));
    CHECK_THAT(o.out, Catch::Contains("\r\nETag: \""));
    CHECK_THAT(o.out, Catch::Contains("\r\nVary: Accept-Encoding\r\n"));
    CHECK_THAT(o.err, Catch::StartsWith("127.0.0.1 - - ["));
    CHECK_THAT(o.err, Catch::Contains("] \"GET / HTTP/1.1\" 200 375 \"-\" \"-\"\n"));

    const auto etag = o.out.substr(o.out.find("ETag: ") + 6);
    const auto again = run_program(
        SLUICE_MIDDLEWARE, {}, cgi_request("/", {{"HTTP_IF_NONE_MATCH", etag.substr(0, etag.find("\r\n"))}}));
    CHECK_THAT(again.out, Catch::StartsWith("Status: 304 Not Modified\r\n"));
    CHECK_THAT(again.out, Catch::EndsWith("\r\n\r\n"));

    const auto missing =
        run_program(SLUICE_MIDDLEWARE, {}, cgi_request("/none", {{"HTTP_ACCEPT", "text/html"}}));
    CHECK_THAT(missing.out, Catch::StartsWith("Status: 404 Not Found\r\n"));
    CHECK_THAT(missing.out, Catch::Contains("<h1>404 Not Found</h1>"));
    CHECK_THAT(missing.err, Catch::Contains("] \"GET /none HTTP/1.1\" 404 "));
}

} // namespace sluice::test
