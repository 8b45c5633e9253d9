// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// How answers end, and what becomes then of the program, its body and its place: real programs, no socket.
#include "cgi/cgi_folder.hpp"
#include "cgi/process_state.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include <unistd.h>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// One program at a time, that has `timeout` to answer; a place that is lost is found out by the next request.
cgi::runner_options one_at_a_time(std::chrono::milliseconds timeout)
{
    cgi::runner_options o;
    o.processes = 1;
    o.timeout = timeout;
    o.grace = 100ms;
    return o;
}

bool appears(cgi_folder& f, const std::string& name)
{
    return f.loop().poll_until([&] { return std::filesystem::exists(f / name); });
}

std::string first_word(const std::filesystem::path& file)
{
    std::string word;
    std::ifstream(file) >> word;
    return word;
}

// What programs do on as long as there is the test's folder.
const std::string go_on = "while [ -e keep ]; do sleep 0.02; done";

/// The loop hears of its end afterwards.
void stand_still_while_it_runs(pid_t pid)
{
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (runs(pid) && std::chrono::steady_clock::now() < deadline)
        ::usleep(1000); // the pause between two looks
    REQUIRE_FALSE(runs(pid));
}

void check_place_is_free(cgi_folder& f)
{
    f.plain("next.cgi", "echo next");
    CHECK(ask(f, "/next.cgi")->body() == "next\n");
}

} // namespace

TEST_CASE("script_runner: who has answered and reads on gets all of its body, and then its response ends")
{
    cgi_folder f(one_at_a_time(10s));
    const auto* const head =
        GENERATE("printf 'Content-Type: text/plain\\nContent-Length: 3\\n\\nyes'\n",
                 "printf 'Status: 302\\nLocation: http://elsewhere/\\nContent-Length: 3\\n\\nyes'\n",
                 "printf 'Location: /static/page.html\\n\\n'\n");
    CAPTURE(head);
    f.script("a.cgi", head + std::string("exec >&- 2>&-; : > answered; until [ -e go ]; do sleep 0.02; done; "
                                         "wc -c > count; mv count counted"));
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/a.cgi"}, {"CONTENT_LENGTH", "300000"}}, true);
    client.feed_all(std::string(300'000, 'x')); // more than a pipe holds
    REQUIRE(appears(f, "answered"));
    f.loop().poll();
    std::ofstream(f / "go") << "";
    CHECK(appears(f, "counted"));
    CHECK(first_word(f / "counted") == "300000");
    CHECK(f.ended(client));
    CHECK(client.ended_well());
    check_place_is_free(f);
}

TEST_CASE(
    "R19: who has answered and reads on is ended where the rest of its body does not come, or is not read")
{
    cgi_folder f(one_at_a_time(300ms));
    const auto* const head = GENERATE("printf 'Content-Type: text/plain\\n\\nyes'\n",
                                      "printf 'Content-Type: text/plain\\nContent-Length: 3\\n\\nyes'\n",
                                      "printf 'Location: /static/page.html\\n\\n'\n");
    CAPTURE(head);
    f.script("reads.cgi",
             head + std::string("echo $$ >pid; exec >&- 2>&-; : > answered; cat > got; : > whole"));
    f.script("deaf.cgi", head + std::string("echo $$ >pid; exec >&- 2>&-; : > answered; exec sleep 1000"));
    fake_host client(f.loop());
    const auto* const what = GENERATE("silent", "short", "unread");
    CAPTURE(what);
    const bool deaf = what == std::string("unread");
    client.request("POST",
                   {{"SCRIPT_NAME", deaf ? "/deaf.cgi" : "/reads.cgi"}, {"CONTENT_LENGTH", "1000000"}}, true);
    if (deaf)
        client.feed_all(std::string(1'000'000, 'x'));
    else
        client.feed(std::string(1000, 'x'));
    REQUIRE(appears(f, "answered"));
    f.loop().poll();
    if (what == std::string("short"))
        client.end_body();
    CHECK(f.ended(client));
    CHECK(client.ended_well()); // nothing of the answer is missing
    const auto pid = std::stoi(first_word(f / "pid"));
    CHECK(f.loop().poll_until([&] { return !runs(pid); }));
    CHECK_FALSE(std::filesystem::exists(f / "whole"));
    check_place_is_free(f);
}

TEST_CASE("limits: a program has time to answer as long as its body moves, and to go on with its answer")
{
    cgi::runner_options o;
    o.timeout = 1s;
    o.idle_timeout = 1s;
    cgi_folder f(std::move(o));
    f.script("before.cgi", "n=$(wc -c); printf 'Content-Type: text/plain\\n\\n%s' $n");
    f.script("while.cgi", "printf 'Content-Type: text/plain\\n\\n: '; n=$(wc -c); printf '%s' $n");
    const auto* const script = GENERATE("/before.cgi", "/while.cgi");
    CAPTURE(script);
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", script}}, true);
    for (int i = 0; i < 12; ++i) {
        client.feed("x");
        f.loop().poll_until([] { return false; }, 150ms); // a slow client: time is what this is about
    }
    client.end_body();
    CHECK(f.ended(client));
    CHECK(client.status() == 200);
    CHECK(client.body().ends_with("12"));
    CHECK(client.ended_well());
}

TEST_CASE("R44: all bytes of a Content-Length are the end of a response, whatever its program goes on to do")
{
    cgi::runner_options o;
    o.idle_timeout = 200ms;
    cgi_folder f(std::move(o));
    f.script("a.cgi", "echo $$ >pid; : >keep; "
                      "printf 'Content-Type: text/plain\\nContent-Length: 6\\n\\nhello\\n'; " +
                          go_on);
    const auto client = ask(f, "/a.cgi");
    CHECK(client->body() == "hello\n");
    CHECK(client->ended_well());
    const auto pid = std::stoi(first_word(f / "pid"));
    CHECK(runs(pid)); // nobody is in its way
    std::filesystem::remove(f / "keep");
    CHECK(f.loop().poll_until([&] { return !runs(pid); }));
}

TEST_CASE("R42, R43: what is written without end where nobody reads is taken up to a bound")
{
    cgi_folder f(one_at_a_time(10s));
    f.plain("endless.cgi", "exec yes");
    f.script("204.cgi", "printf 'Status: 204\\n\\n'; exec yes");
    f.script("304.cgi", "printf 'Status: 304\\n\\n'; exec yes");
    for (const auto& [method, script] :
         {std::pair{"HEAD", "/endless.cgi"}, {"GET", "/204.cgi"}, {"GET", "/304.cgi"}})
    {
        CAPTURE(method, script);
        fake_host client(f.loop());
        client.request(method, {{"SCRIPT_NAME", script}});
        CHECK(f.ended(client));
        CHECK(client.ended_well());
        CHECK(client.body().empty());
        check_place_is_free(f); // it has met SIGPIPE
    }
}

TEST_CASE("R19: what was wrong with a body is what the client is told")
{
    limits few;
    few.request_body = 1000;
    cgi_folder f({}, few);
    f.plain("a.cgi", "cat >/dev/null; exec sleep 1000");
    fake_host client(f.loop());
    SECTION("too short")
    {
        client.request("POST", {{"SCRIPT_NAME", "/a.cgi"}, {"CONTENT_LENGTH", "1000"}}, true);
        client.feed_all("x");
        CHECK(f.ended(client));
        CHECK(client.status() == 400);
        CHECK(client.body() == "The request's body was incomplete.\n");
    }
    SECTION("too long")
    {
        client.request("POST", {{"SCRIPT_NAME", "/a.cgi"}}, true);
        client.feed_all(std::string(2000, 'x'));
        CHECK(f.ended(client));
        CHECK(client.status() == 413);
        CHECK(client.body() == "The request's body was too large.\n");
    }
}

// Who holds whom is the sanitizers' to find out: a leak is their report.
TEST_CASE("limits: whose turn is on its way when it leaves holds nothing, also where the loop ends first")
{
    bool over = false;
    for (std::size_t steps = 0; !over && steps < 100; ++steps) {
        cgi_folder f(one_at_a_time(10s));
        f.plain("a.cgi", "echo $$ >pid; : >started; until [ -e go ]; do sleep 0.01; done");
        fake_host first(f.loop()), second(f.loop());
        first.request("GET", {{"SCRIPT_NAME", "/a.cgi"}});
        REQUIRE(appears(f, "started"));
        second.request("GET", {{"SCRIPT_NAME", "/a.cgi"}});
        f.loop().poll();
        std::ofstream(f / "go") << "";
        stand_still_while_it_runs(std::stoi(first_word(f / "pid")));
        f.loop().poll(steps); // somewhere among them the slot goes over to the second
        over = first.ended();
        second.leave();
        f.loop().stop();
    }
    CHECK(over);
}

TEST_CASE("R21: nobody listens to what a program has left behind, although its last words were being read "
          "when it ended")
{
    cgi_folder f;
    f.script(
        "a.cgi",
        "(until [ -e speak ]; do sleep 0.02; done; trap '' PIPE;"
        " while echo word >&2; do sleep 0.02; done; : >free) >&- &\n"
        "echo $$ >pid; printf 'Content-Type: text/plain\\nContent-Length: 2\\n\\nok'; exec >&-\n"
        "until [ -e go ]; do sleep 0.02; done\n"
        "printf '%02000d\\n' 0 >&2"); // more than is read at a time: the second part is there when the end is heard of
    const auto client = ask(f, "/a.cgi");
    CHECK(client->body() == "ok");
    const auto pid = std::stoi(first_word(f / "pid"));
    std::ofstream(f / "go") << "";
    stand_still_while_it_runs(pid);
    f.loop().poll();
    std::ofstream(f / "speak") << "";
    CHECK(appears(f, "free")); // writing fails: our end is closed
}
