// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// `sluice run` with a folder of sh scripts, set up by the snippets of docs/porting.md.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "interop/servers/script_servers.hpp"
#include "interop/servers/service.hpp"
#include "support/curl.hpp"
#include "support/records.hpp"

#include <algorithm>
#include <climits>

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

template <void (*test)(const script_server&)>
using on_each_script_server = on_each_of<script_servers, test>;

const std::string cgi_bin = "/cgi-bin";

void document(const script_server& server)
{
    const auto site = server.start(cgi_bin);
    const auto result = curl(site->url("/hello.cgi"));
    INFO(result.errors);
    CHECK(result.complete());
    CHECK(result.response.status == 200);
    CHECK(result.response.header("Content-Type") == "text/plain");
    CHECK(result.response.header("X-From") == "sh");
    CHECK(result.response.body == "Hello, world!");
}
const on_each_script_server<document> document_tests("a document", "[scripts]");

void names(const script_server& server)
{
    for (const std::string& mount : {cgi_bin, std::string()}) {
        const auto site = server.start(mount);
        // An alias for the whole host is for PATH_INFO, too.
        const bool aliased = mount.empty() && server.front.name == "apache mod_fcgid";
        const auto result = curl(site->url("/a.cgi/some%20path?x=1"));
        INFO(result.errors);
        CHECK(result.response.status == 200);
        CHECK(result.response.body ==
              "SCRIPT_NAME=" + mount +
                  "/a.cgi\n"
                  "PATH_INFO=/some path\n"
                  "PATH_TRANSLATED=" +
                  (site->folder / (aliased ? "cgi" : "htdocs") / "some path").string() +
                  "\n"
                  "QUERY_STRING=x=1\n");
    }
}
const on_each_script_server<names> names_tests("R15: script, path and query mean the same", "[scripts]");

void redirects(const script_server& server)
{
    const auto site = server.start(cgi_bin);
    const auto ours = curl(site->url("/to.cgi?" + cgi_bin + "/a.cgi/x?y=2"));
    INFO(ours.errors);
    CHECK(ours.response.status == 200);
    CHECK(ours.response.body.starts_with("SCRIPT_NAME=" + cgi_bin + "/a.cgi\nPATH_INFO=/x\n"));
    const auto theirs = curl(site->url("/to.cgi?/a.cgi"));
    CHECK(theirs.response.status == 302);
    CHECK(theirs.response.header("Location").value_or("").ends_with("/a.cgi"));
}
const on_each_script_server<redirects> redirects_tests(
    "RFC 3875 6.2.2: a local redirect, ours and the server's", "[scripts]");

void body(const script_server& server)
{
    const auto site = server.start(cgi_bin);
    const auto text = pattern(5 * 1024 * 1024);
    // nginx sends no more of it once the response has begun.
    const std::string script = server.front.sends_while_answered ? "/cat.cgi" : "/whole.cgi";
    const auto result =
        curl(site->url(script), {"--data-binary", "@" + site->folder.write("body", text).string(), "--header",
                                 "Content-Type: application/octet-stream"});
    INFO(result.errors);
    CHECK(result.complete());
    CHECK(result.response.status == 200);
    CHECK(difference(result.response.body, text) == "");
}
const on_each_script_server<body> body_tests("F25: a body of 5 MiB and back", "[scripts]");

void refusals(const script_server& server)
{
    const auto site = server.start(cgi_bin);
    CHECK(curl(site->url("/none.cgi")).response.status == 404);
    CHECK(curl(site->url("/plain.cgi")).response.status == 403);
    CHECK(curl(site->url("/hello.cgi")).response.status == 200);
    CHECK(site->script_processes().empty());
}
const on_each_script_server<refusals> refusals_tests("404 and 403", "[scripts]");

void check_cut(const script_site& site, const std::string& path, bool shows)
{
    const auto result = curl(site.url(path));
    INFO("curl " << path << ": " << result.exit_code << " " << result.errors);
    CHECK(becomes_true([&] { return site.script_processes().empty(); }, seconds(10)));
    // nginx drops what it read together with the end: an empty reply.
    if (shows && result.exit_code == 52)
        return;
    CHECK(result.response.status == 200);
    CHECK(result.response.body.starts_with(std::string(1000, '0')));
    if (shows)
        // 18: fewer bytes than announced; 56: the chunked body broke off.
        CHECK((result.exit_code == 18 || result.exit_code == 56));
    else
        CHECK(result.complete());
}

void dies(const script_server& server)
{
    const auto site = server.start(cgi_bin);
    check_cut(*site, "/cut.cgi", server.front.shows_cut);
    check_cut(*site, "/cut.cgi?exit", server.front.shows_cut);
    check_cut(*site, "/cut.cgi?100000", server.front.shows_cut_with_length);
    check_cut(*site, "/cut.cgi?100000exit", server.front.shows_cut_with_length);
    CHECK(curl(site->url("/hello.cgi")).response.body == "Hello, world!");
}
const on_each_script_server<dies> dies_tests("F13: a script that dies in mid-body", "[scripts]");

void ticks(const script_server& server)
{
    const auto site = server.start(cgi_bin);
    curl_stream client(site->url("/five.cgi"));
    long long least = LLONG_MAX; // what else the machine does may hold up one or two
    for (int tick = 0; tick < 5; ++tick) {
        // The script waits until it is here: kept back for the next, there would be none.
        const auto line = client.read_line(seconds(20));
        const long long now = std::chrono::system_clock::now().time_since_epoch() / milliseconds(1);
        const auto label = "tick " + std::to_string(tick) + " ";
        REQUIRE(line.starts_with(label));
        least = std::min(least, now - std::stoll(line.substr(label.size())));
        site->folder.write("run/has-" + std::to_string(tick), "");
    }
    CHECK(least < 200); // ms: a timer would hold up each
    CHECK(client.read_line(seconds(20)).empty());
    CHECK(client.finish().complete());
}
const on_each_script_server<ticks> ticks_tests("F7: a script's ticks arrive one by one", "[scripts]");

// What the transport shows at the next output or the one after it shows a script that ticks after two ticks. A `mute`
// one has not answered yet.
void check_ended(const script_server& server, const std::string& script, milliseconds shown_after,
                 bool mute = false)
{
    const auto site = server.start(cgi_bin);
    const auto bound = shown_after + seconds(1);
    const auto ended_after = [&] {
        curl_stream client(site->url(script));
        char piece[16];
        if (!mute)
            REQUIRE(client.read_some(piece, seconds(20)) > 0);
        REQUIRE(becomes_true([&] { return !site->script_processes().empty(); }, seconds(mute ? 20 : 0)));
        client.leave();
        const auto left = steady_clock::now();
        REQUIRE(becomes_true([&] { return site->script_processes().empty(); }, seconds(20)));
        return std::chrono::duration_cast<milliseconds>(steady_clock::now() - left);
    };
    CHECK(least_of_three(ended_after, bound) < bound);
    CHECK(curl(site->url("/hello.cgi")).response.body == "Hello, world!");
}

void endless(const script_server& server)
{
    check_ended(server, "/endless.cgi", milliseconds(0));
}
const on_each_script_server<endless> endless_tests("F10: an endless script ends with its client",
                                                   "[scripts]");

void ticking(const script_server& server)
{
    check_ended(server, "/tick.cgi", milliseconds(server.front.tells_silent_app ? 0 : 200));
}
const on_each_script_server<ticking> ticking_tests("F11: a script that ticks ends with its client",
                                                   "[scripts]");

void sleeping(const script_server& server)
{
    check_ended(server, "/sleep.cgi", milliseconds(0));
}
const on_each_script_server<sleeping> sleeping_tests("F11: a script that sleeps ends with its client",
                                                     "[scripts]", [](const script_server& server) {
                                                         return server.front.tells_silent_app;
                                                     });

void mute(const script_server& server)
{
    check_ended(server, "/mute.cgi", milliseconds(0), true);
}
const on_each_script_server<mute> mute_tests("F11: a script that has not answered ends with its client",
                                             "[scripts]", [](const script_server& server) {
                                                 return server.front.tells_silent_app;
                                             });

// curl itself leaves, somewhere between the connection and the end; xargs has eight at work.
void aborts(const script_server& server)
{
    const auto site = server.start(cgi_bin);
    const auto outcomes = site->folder / "outcomes";
    const auto script = site->folder.write(
        "client.sh", "n=$1\n"
                     "case $((n % 4)) in 0) path=tick.cgi;; 1) path=endless.cgi;; 2) path=hello.cgi;; "
                     "3) path=cat.cgi; set -- --data-binary @\"$2\";; esac\n"
                     "[ $((n % 4)) -eq 3 ] || set --\n"
                     "[ $((n % 4)) -eq 2 ] || set -- \"$@\" --max-time 0.$((100 + n * 7919 % 400))\n"
                     "exec curl --disable --noproxy '*' --silent --output /dev/null "
                     "--write-out '%{exitcode}\\n' \"$@\" " +
                         site->url("/") + "$path\n");
    const auto upload = site->folder.write("upload", pattern(1024 * 1024));
    process all({.command = {"sh", "-c",
                             "seq 200 | xargs -P 8 -I {} sh " + script.string() + " {} " + upload.string()},
                 .stdout_file = outcomes});
    REQUIRE(all.wait_for(seconds(100)));
    const auto text = read_file(outcomes);
    int whole = 0, left = 0;
    for (std::size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1) {
        const auto code = text.substr(at, end - at);
        whole += code == "0" ? 1 : 0;
        left += code == "28" ? 1 : 0;
    }
    INFO(text);
    CHECK(whole >= 50);
    CHECK(left >= 100);
    CHECK(whole + left == 200);
    CHECK(becomes_true([&] { return site->script_processes().empty(); }, seconds(10)));
    CHECK(site->script_processes() == std::vector<std::string>());
    CHECK(curl(site->url("/hello.cgi")).response.body == "Hello, world!");
}
const on_each_script_server<aborts> aborts_tests("200 requests, most of them given up, leave no process",
                                                 "[scripts]");

} // namespace

// mod_cgid makes the program's arguments of a query without "=" (RFC 3875 section 4.4). `sluice get -i` prints a CGI
// answer, so that it would be a gateway to all that the web server can reach, and `sluice run` would run any program.
TEST_CASE("the sluice command as Apache's CGI program does nothing of what a query says", "[scripts]")
{
    const auto site = start_apache_mod_cgid({.program = SLUICE_COMMAND});
    const auto socket = service_socket(*site);
    start_program(site->app,
                  {.command = {add_program(site->folder, built_probe(), "service"), "--fastcgi",
                               "unix:" + socket, "--socket-mode", "0777"}},
                  site->folder / "app.log", [&] { return accepts_connections(socket); });
    const auto got = curl(site->url("?get+-i+--target+unix:" + socket + "+/hello"));
    CHECK(got.response.status == 500);
    CHECK(got.response.body.find("Hello") == std::string::npos);
    CHECK(becomes_true(
        [&] {
            return read_file(site->folder / "error.log").find("this is no CGI program") != std::string::npos;
        },
        seconds(10)));
}

} // namespace sluice::test
