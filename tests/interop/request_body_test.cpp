// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Bodies on their way to the app.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"

#include <cstdio>
#include <random>
#include <zlib.h>

namespace sluice::test {

namespace {

std::string random_bytes(std::size_t count)
{
    std::mt19937 generator(20'260'101); // NOLINT: the same bytes every time
    std::string result(count, '\0');
    for (char& byte : result)
        byte = static_cast<char>(generator());
    return result;
}

// What /upload has to answer.
std::string receipt(const std::string& body)
{
    const uLong crc = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
    char line[64];
    std::snprintf(line, sizeof(line), "bytes=%zu crc32=%08lx", body.size(), crc);
    return line;
}

std::string without_newline(std::string text)
{
    if (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::vector<std::string> sending(const site& site, const std::string& body)
{
    return {"--data-binary", "@" + site.folder.write("body", body).string(), "-H",
            "Content-Type: application/octet-stream"};
}

void upload(const front_server& front)
{
    const auto site = front.start({});
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5 * 1024 * 1024}}) {
        INFO(size << " bytes");
        const std::string body = random_bytes(size);
        const curl_result result = curl(site->url("/upload"), sending(*site, body));
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        CHECK(without_newline(result.response.body) == receipt(body));
    }
}
const on_each_server<upload> upload_tests("R17, R19: POST /upload of 5 MiB");

curl_result upload_chunked(const site& site, const std::string& body)
{
    std::vector<std::string> arguments = sending(site, body);
    arguments.insert(arguments.end(), {"-H", "Transfer-Encoding: chunked"});
    return curl(site.url("/upload"), arguments);
}

void chunked_upload(const front_server& front)
{
    const auto site = front.start({});
    const std::string body = random_bytes(5 * 1024 * 1024);
    const curl_result result = upload_chunked(*site, body);
    REQUIRE(result.complete());
    CHECK(result.response.status == 200);
    CHECK(without_newline(result.response.body) == receipt(body));
}
const on_each_server<chunked_upload> chunked_upload_tests("R19: POST /upload of 5 MiB, chunked", "",
                                                          [](const front_server& front) {
                                                              return front.takes_chunked_bodies;
                                                          });

// Never a part of the body that looks like all of it.
void chunked_upload_refused(const front_server& front)
{
    const auto site = front.start({});
    const std::string small = random_bytes(8 * 1024);
    const curl_result taken = upload_chunked(*site, small);
    CHECK(taken.response.status == 200);
    CHECK(without_newline(taken.response.body) == receipt(small));
    // The server closes with most of the body unread: the reset that follows may overtake its answer.
    const curl_result refused = upload_chunked(*site, random_bytes(5 * 1024 * 1024));
    CHECK((refused.response.status == 400 || !refused.complete()));
    CHECK(refused.response.status != 200);
    CHECK(becomes_true([&] { return site->server->error_log().find(" 400 ") != std::string::npos; },
                       std::chrono::seconds(10)));
    CHECK(fetch_stats(*site).requests == 2); // the refused one is not among them
}
const on_each_server<chunked_upload_refused> chunked_upload_refused_tests(
    "R19: POST /upload of 5 MiB, chunked, is refused by the server", "",
    [](const front_server& front) { return !front.takes_chunked_bodies; });

void echo(const front_server& front, std::size_t size)
{
    const auto site = front.start({});
    const std::string body = random_bytes(size);
    const curl_result result = curl(site->url("/echo"), sending(*site, body));
    INFO(result.errors);
    REQUIRE(result.complete());
    CHECK(result.response.status == 200);
    CHECK(result.response.body.size() == size);
    CHECK((result.response.body == body)); // a CHECK of the bytes themselves would print them
}

void echo_nothing(const front_server& front)
{
    echo(front, 0);
}
const on_each_server<echo_nothing> echo_nothing_tests("POST /echo of nothing");

void echo_64k(const front_server& front)
{
    echo(front, 64 * 1024);
}
const on_each_server<echo_64k> echo_64k_tests("POST /echo of 64 KiB");

void echo_1m(const front_server& front)
{
    echo(front, 1024 * 1024);
}
// Apache sends the whole request before it reads a byte of the response, so body and response have to
// wait somewhere: this is more than the windows and the socket buffers hold.
const on_each_server<echo_1m> echo_1m_tests("F25: POST /echo of 1 MiB", "", [](const front_server& front) {
    return front.sends_while_answered;
});

// What is not in the app's reach when its response begins never comes: an error, after limits::request_idle,
// and no good response.
void echo_cut(const front_server& front)
{
    const auto site = front.start({.environment = {{"SLUICE_REQUEST_IDLE", "500ms"}}});
    const curl_result result = curl(site->url("/echo"), sending(*site, random_bytes(8 * 1024 * 1024)));
    CHECK(result.response.status == 200);
    CHECK_FALSE(result.complete());
    CHECK(result.received < 8 * 1024 * 1024);
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<echo_cut> echo_cut_tests(
    "F25: the body ends where the response begins, and the transfer fails", "",
    [](const front_server& front) { return !front.sends_while_answered; });

void unread_body(const front_server& front)
{
    const auto site = front.start({});
    const curl_result result = curl(site->url("/hello"), sending(*site, random_bytes(512 * 1024)));
    REQUIRE(result.complete());
    CHECK(result.response.status == 200);
    CHECK(result.response.body == "Hello, world!");
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<unread_body> unread_body_tests("R20: a body that the app does not read delays nothing");

} // namespace

} // namespace sluice::test
