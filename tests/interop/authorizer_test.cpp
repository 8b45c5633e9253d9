// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The role Authorizer: web servers that ask the guard before they serve a file or ask the probe.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"

#include <csignal>
#include <zlib.h>

namespace sluice::test {

namespace {

using std::chrono::seconds;

const std::vector<std::string> anna = {"-u", "anna:secret"};

std::vector<std::string> as_anna(std::vector<std::string> more)
{
    more.insert(more.end(), anna.begin(), anna.end());
    return more;
}

// What the guard itself said is no error of anybody's.
bool is_refusal(const curl_result& result)
{
    return result.response.status >= 300 && result.response.body.find(private_page) == std::string::npos;
}

void lets_a_file_through(const guarded_server& server)
{
    const auto site = server.start();
    for (const std::string query : {"", "?guard=slow"}) {
        const curl_result result = curl(site->page(query), anna);
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        CHECK(result.response.body == private_page);
        // The guard's own would be text/plain. lighttpd has one for files it knows nothing about.
        if (server.family == server_family::apache)
            CHECK_FALSE(result.response.header("Content-Type"));
        else
            CHECK(result.response.header("Content-Type") == "application/octet-stream");
        CHECK(result.response.header("Variable-GUARD_METHOD").has_value() == server.shows_variables);
    }
}
const on_each_guarded<lets_a_file_through> lets_a_file_through_tests("authorizer: a yes lets a file through");

void tells_the_responder(const guarded_server& server)
{
    const auto site = server.start();
    const curl_result result = curl(site->url("/env/a%20b?x=y"), anna);
    REQUIRE(result.complete());
    REQUIRE(result.response.status == 200);
    auto env = parse_environment(result.response.body);
    CHECK(env["PATH_INFO"] == "/env/a b"); // nothing of the guard's own
    CHECK(env["SCRIPT_NAME"] == mount_point);
    CHECK(env["QUERY_STRING"] == "x=y");
    CHECK(env["REMOTE_USER"] == "anna");
    CHECK_FALSE(env.contains("REMOTE_PASSWD"));
    CHECK(env["GUARD_ROLE"] == server.asks_for);
    if (server.asks_for.find(',') == std::string_view::npos) { // asked once
        CHECK(env["GUARD_METHOD"] == "GET");
        CHECK(env["GUARD_SCRIPT_NAME"].empty()); // a guard is not mounted anywhere
        CHECK(env["GUARD_PATH_INFO"] == std::string(mount_point) + "/env/a b");
        CHECK(env["GUARD_PID"] == std::to_string(site->guard_process()));
    }
}
const on_each_guarded<tells_the_responder> tells_the_responder_tests(
    "authorizer: a yes lets the responder through, with the guard's variables");

void leaves_the_body(const guarded_server& server)
{
    const auto site = server.start();
    const std::string body(5 * 1024 * 1024, 'b');
    const std::vector<std::string> sending =
        as_anna({"--data-binary", "@" + site->folder.write("body", body).string()});
    const uLong crc = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
    char receipt[64];
    std::snprintf(receipt, sizeof receipt, "bytes=%zu crc32=%08lx\n", body.size(), crc);
    const curl_result result = curl(site->url("/upload"), sending);
    REQUIRE(result.complete());
    CHECK(result.response.body == receipt);

    auto env = parse_environment(curl(site->url("/env"), as_anna({"--data-binary", "abc"})).response.body);
    CHECK(env["CONTENT_LENGTH"] == "3");
    if (server.asks_for.find(',') == std::string_view::npos) {
        CHECK(env["GUARD_METHOD"] == "POST");
        CHECK(env["GUARD_BODY"] == "0");
        CHECK(env["GUARD_LENGTH"] == "none");
    }
    CHECK(is_refusal(curl(site->url("/upload?guard=no"), sending)));
}
const on_each_guarded<leaves_the_body> leaves_the_body_tests(
    "authorizer: a body of 5 MiB is the responder's, and all of it");

void passes_a_no(const guarded_server& server)
{
    const auto site = server.start();
    for (const std::vector<std::string>& wrong : {std::vector<std::string>(), {"-u", "anna:wrong"}}) {
        const curl_result unknown = curl(site->page(), wrong);
        CHECK(unknown.response.status == 401);
        if (server.asks_who)
            CHECK_THAT(unknown.response.header("WWW-Authenticate").value_or(""),
                       Catch::StartsWith("Basic realm=\"guard\""));
        CHECK((unknown.response.body == "The guard does not know you.\n") == server.passes_no);
        CHECK(is_refusal(unknown));
    }

    const curl_result no = curl(site->page("?guard=no"), anna);
    CHECK(no.response.status == (server.passes_no ? 403 : 401));
    CHECK((no.response.body == "The guard says no.\n") == server.passes_no);
    CHECK(no.response.header("X-Guard") == "no");
    CHECK((no.response.header("Content-Type") == "text/plain; charset=utf-8") == server.passes_all_of_no);
    CHECK(is_refusal(no));

    const curl_result login = curl(site->page("?guard=login"), anna);
    CHECK(login.response.status == (server.passes_no ? 302 : 401));
    CHECK((login.response.header("Location") == "/login") == server.passes_no);
    CHECK(is_refusal(login));

    const curl_result much = curl(site->page("?guard=long"), anna);
    CHECK(is_refusal(much));
    CHECK((much.response.body == std::string(20'000, 'x')) == server.passes_all_of_no);
    if (server.passes_no && !server.passes_all_of_no)
        CHECK(much.response.body.size() < 8192);
}
const on_each_guarded<passes_a_no> passes_a_no_tests("authorizer: a no, as far as the server passes it on");

void throws(const guarded_server& server)
{
    const auto site = server.start();
    for (const std::string& url : {site->page("?guard=throw"), site->url("/hello?guard=throw")}) {
        const curl_result result = curl(url, anna);
        CHECK(result.response.status == server.when_it_throws);
        CHECK(result.response.body.find("Hello") == std::string::npos);
        CHECK(is_refusal(result));
    }
    CHECK(curl(site->page(), anna).response.body == private_page);
}
const on_each_guarded<throws> throws_tests("authorizer: one that throws lets nobody in");

bool the_log_says(const site& site, const std::string& text)
{
    return becomes_true([&] { return site.server->error_log().find(text) != std::string::npos; },
                        seconds(20));
}

void dies(const guarded_server& server)
{
    const auto site = server.start();
    curl_stream client(site->page("?guard=wait"), anna);
    REQUIRE(the_log_says(*site, "the guard waits"));
    const pid_t first = site->guard_process();
    REQUIRE(first > 0);
    ::kill(first, SIGKILL);
    std::string body;
    char piece[4096];
    while (const std::size_t n = client.read_some(piece, seconds(40)))
        body.append(piece, n);
    curl_result result = client.finish();
    CHECK(result.response.status >= 400);
    CHECK(body.find(private_page) == std::string::npos);

    if (site->guard) {
        CHECK(site->guard->wait_for(seconds(20)));
        CHECK(curl(site->page(), anna).response.status >= 500);
        CHECK(curl(site->url("/hello"), anna).response.status >= 500);
    } else { // another is started when it is needed
        CHECK(becomes_true([&] { return curl(site->page(), anna).response.body == private_page; },
                           seconds(20)));
        CHECK(site->guard_process() != first);
        CHECK(is_refusal(curl(site->page())));
    }
}
const on_each_guarded<dies> dies_tests("authorizer: one that dies lets nobody in");

void client_leaves(const guarded_server& server)
{
    const auto site = server.start();
    {
        curl_stream client(site->page("?guard=slow"), anna);
        REQUIRE(the_log_says(*site, "the guard takes its time"));
        client.leave();
    }
    // No server tells the guard. It goes on, and so does the server.
    CHECK(curl(site->page("?guard=slow"), anna).response.body == private_page);
    CHECK(curl(site->page(), anna).response.body == private_page);
    CHECK(is_refusal(curl(site->page())));
    const std::string log = site->server->error_log() + read_file(site->folder / "guard.log");
    CHECK(log.find("the client has left") == std::string::npos);
}
const on_each_guarded<client_leaves> client_leaves_tests(
    "authorizer: a client that leaves while the guard waits");

// All of what a client gets that asks for each of `urls`, one after the other on one connection.
std::string bodies(const std::vector<std::string>& urls)
{
    std::vector<std::string> arguments = anna;
    arguments.insert(arguments.end(), urls.begin(), urls.end() - 1);
    curl_stream client(urls.back(), arguments);
    std::string result;
    char piece[4096];
    while (const std::size_t n = client.read_some(piece, seconds(40)))
        result.append(piece, n);
    CHECK(client.finish().complete());
    return result;
}

// The servers open a connection to the guard for each of them.
void many(const guarded_server& server)
{
    const auto site = server.start();
    std::vector<std::string> urls;
    std::string expected;
    for (int i = 0; i < 50; ++i) {
        urls.insert(urls.end(), {site->page(), site->url("/hello")});
        expected.append(private_page).append("Hello, world!");
    }
    CHECK(bodies(urls) == expected);

    const std::string refused = bodies(std::vector(100, site->page("?guard=no")));
    CHECK(refused.find(private_page) == std::string::npos);
    if (server.passes_no)
        CHECK(refused.size() == 100 * std::string_view("The guard says no.\n").size());
}
const on_each_guarded<many> many_tests("authorizer: many requests on one connection of the client");

void elsewhere(const guarded_server& server)
{
    const auto site = server.start();
    const std::string url =
        "http://127.0.0.1:" + std::to_string(site->port.number()) + "/elsewhere/page.unknown";
    CHECK(curl(url, anna).response.body == "the page elsewhere\n");
    CHECK(curl(url).response.status == 401);
}
const on_each_guarded<elsewhere> elsewhere_tests("authorizer: a yes, and a docroot of its own", "",
                                                 [](const guarded_server& server) {
                                                     return server.family == server_family::lighttpd;
                                                 });

} // namespace

} // namespace sluice::test
