// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The probe's URLs, as a client sees them through each server.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"

namespace sluice::test {

namespace {

constexpr std::uint64_t mebibyte = 1024 * 1024;

bool is_plain_text(const http_response& response)
{
    return response.header("Content-Type").value_or("").starts_with("text/plain");
}

void hello(const front_server& front)
{
    const auto site = front.start({});
    const curl_result result = curl(site->url("/hello"));
    INFO(result.errors);
    REQUIRE(result.complete());
    CHECK(result.response.status == 200);
    CHECK(result.response.body == "Hello, world!");
    CHECK(is_plain_text(result.response));
    if (front.keeps_length)
        CHECK(result.response.header("Content-Length") == "13");
}
const on_each_server<hello> hello_tests("R28: GET /hello");

void unknown_url(const front_server& front)
{
    const auto site = front.start({});
    const curl_result result = curl(site->url("/no/such/url"));
    REQUIRE(result.complete());
    CHECK(result.response.status == 404);
    CHECK(is_plain_text(result.response));
    CHECK_FALSE(result.response.body.empty());
}
const on_each_server<unknown_url> unknown_url_tests("GET of an unknown URL");

void bytes(const front_server& front)
{
    const auto site = front.start({});
    for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1}, mebibyte}) {
        INFO(count << " bytes");
        const curl_result result = curl(site->url("/bytes?n=" + std::to_string(count)));
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        if (front.keeps_length)
            CHECK(result.response.header("Content-Length") == std::to_string(count));
        CHECK(result.response.body.size() == count);
        CHECK(is_probe_content(result.response.body));
    }
}
const on_each_server<bytes> bytes_tests("F2: GET /bytes of 1 MiB in one write");

void stream(const front_server& front)
{
    const auto site = front.start({});
    // 1009 is no divisor of any buffer's size on the way.
    for (const std::string chunk : {"1009", "16384", "65536", "1048576"}) {
        INFO("chunk=" << chunk);
        const curl_result result = curl(site->url("/stream?bytes=1048576&chunk=" + chunk));
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        CHECK(result.response.body.size() == mebibyte);
        CHECK(is_probe_content(result.response.body));
        if (front.streams)
            CHECK(result.response.header("Transfer-Encoding") == "chunked");
    }
}
const on_each_server<stream> stream_tests("GET /stream of 1 MiB");

void empty_stream(const front_server& front)
{
    const auto site = front.start({});
    const curl_result result = curl(site->url("/stream?bytes=0&chunk=65536"));
    REQUIRE(result.complete());
    CHECK(result.response.status == 200);
    CHECK(result.response.body.empty());
}
const on_each_server<empty_stream> empty_stream_tests("R38: GET /stream of 0 bytes");

void tiny(const front_server& front)
{
    const auto site = front.start({});
    for (const std::string flush : {"0", "1"}) {
        INFO("flush=" << flush);
        const curl_result result = curl(site->url("/tiny?n=1000&flush=" + flush));
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        CHECK(result.response.body.size() == 16'000);
        CHECK(is_probe_content(result.response.body));
    }
}
const on_each_server<tiny> tiny_tests("F6: GET /tiny");

void all_ticks(const front_server& front)
{
    const auto site = front.start({});
    const curl_result result = curl(site->url("/ticks?n=3&ms=20"));
    REQUIRE(result.complete());
    CHECK(result.response.status == 200);
    CHECK(is_plain_text(result.response));
    CHECK(result.response.body == "tick 0\ntick 1\ntick 2\n");
}
const on_each_server<all_ticks> all_ticks_tests("GET /ticks");

void status_with_body(const front_server& front)
{
    const auto site = front.start({});
    for (const int code : {200, 201, 202, 400, 403, 404, 410, 418, 422, 429, 500, 501, 503}) {
        INFO("code=" << code);
        const curl_result result = curl(site->url("/status?code=" + std::to_string(code)));
        REQUIRE(result.complete());
        CHECK(result.response.status == code);
        CHECK(is_plain_text(result.response));
        CHECK_FALSE(result.response.body.empty());
        // The app's body, not a page of the server's.
        CHECK(result.response.body.find("<html") == std::string::npos);
    }
}
const on_each_server<status_with_body> status_with_body_tests("R22: GET /status");

void status_without_body(const front_server& front)
{
    const auto site = front.start({});
    for (const int code : {204, 304}) {
        INFO("code=" << code);
        const curl_result result = curl(site->url("/status?code=" + std::to_string(code)));
        REQUIRE(result.complete());
        CHECK(result.response.status == code);
        CHECK(result.response.body.empty());
        CHECK_FALSE(result.response.header("Content-Type"));
        // HAProxy gives a 304 one of its own.
        if (front.family != server_family::haproxy || code != 304)
            CHECK_FALSE(result.response.header("Content-Length"));
    }
}
const on_each_server<status_without_body> status_without_body_tests("R43: GET /status 204 and 304");

void head(const front_server& front)
{
    const auto site = front.start({});
    struct request {
        std::string path;
        std::optional<std::string> length; // what the response must announce; nothing: don't care
    };
    for (const request& each :
         {request{"/hello", "13"}, request{"/bytes?n=1048576", "1048576"},
          request{"/stream?bytes=1048576&chunk=65536", {}}, request{"/ticks?n=2&ms=10", {}}})
    {
        INFO("HEAD " << each.path);
        const curl_result result = curl(site->url(each.path), {"--head"});
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        CHECK(result.response.header("Content-Type"));
        CHECK(result.received == 0);
        if (each.length && front.keeps_length)
            CHECK(result.response.header("Content-Length") == each.length);
    }
    const curl_result missing = curl(site->url("/status?code=404"), {"--head"});
    CHECK(missing.response.status == 404);
}
const on_each_server<head> head_tests("R42: HEAD keeps the headers and drops the body");

void exception_before_head(const front_server& front)
{
    const auto site = front.start({});
    const curl_result result = curl(site->url("/throw?when=before"));
    REQUIRE(result.complete());
    CHECK(result.response.status == 500);
    CHECK(is_plain_text(result.response));
    CHECK_FALSE(result.response.body.empty());
    CHECK(curl(site->url("/hello")).response.status == 200);
}
const on_each_server<exception_before_head> exception_before_head_tests(
    "R39: an exception before the head is a complete 500");

bool becomes_logged(const site& site, const std::string& text)
{
    return becomes_true([&] { return site.server->error_log().find(text) != std::string::npos; },
                        std::chrono::seconds(20));
}

// Nearly two MiB of it at once, of which no more than limits::error_text is kept for the web server.
void error_text(const front_server& front)
{
    const auto site = front.start({});
    for (const std::string count : {"1", "100000"}) {
        INFO(count << " lines");
        const curl_result result = curl(site->url("/errors?n=" + count));
        INFO(result.errors);
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        CHECK(result.response.body == "said before the head\nsaid in mid-body\n");
        if (front.logs_errors) {
            CHECK(becomes_logged(*site, count == "1" ? "error line 0" : "error line 1"));
            CHECK(becomes_logged(*site, "error line in mid-body"));
        }
    }
    CHECK(site->server->error_log().find("error line 99999") == std::string::npos);
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<error_text> error_text_tests(
    "R21, F26: much error text before the head, and some in mid-body");

void stats(const front_server& front)
{
    const auto site = front.start({});
    CHECK(curl(site->url("/bytes?n=1000000")).response.status == 200);
    const curl_result result = curl(site->url("/stats"));
    REQUIRE(result.complete());
    CHECK(result.response.header("Content-Type").value_or("").starts_with("application/json"));
    const probe_stats figures = fetch_stats(*site);
    CHECK(figures.blocks_total > 0);
    CHECK(figures.blocks_in_use <= figures.blocks_peak);
    CHECK(figures.blocks_peak <= figures.blocks_total);
    CHECK(figures.block_size >= 4096);
    CHECK(figures.client_gone == 0);
    if (front.speaks == gateway::fastcgi) {
        CHECK(figures.requests >= 2);
        CHECK(figures.peak_held > 0);
        CHECK(site->probe_processes() == std::vector{figures.pid});
    }
}
const on_each_server<stats> stats_tests("GET /stats");

} // namespace

} // namespace sluice::test
