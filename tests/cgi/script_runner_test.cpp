// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Real programs, a client without a socket.
#include "cgi/cgi_folder.hpp"
#include "cgi/process_state.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

pid_t pid_in(const std::string& text)
{
    return static_cast<pid_t>(std::stol(text));
}

} // namespace

TEST_CASE("R22, R23: script_runner: a document, with its status, headers and body")
{
    cgi_folder f;
    f.script("a.cgi", "printf 'Status: 201 Made\\nContent-Type: text/html\\nX-A: 1\\nX-A: 2\\n\\n<p>done'");
    const auto client = ask(f, "/a.cgi");
    CHECK(client->status() == 201);
    CHECK(client->header("Content-Type") == "text/html");
    CHECK(client->header("X-A") == "1\n2");
    CHECK(client->body() == "<p>done");
    CHECK(client->ended_well());
}

TEST_CASE("script_runner: the program knows its request and nothing of ours")
{
    cgi_folder f;
    f.plain("env.cgi", "env; pwd");
    fake_host client(f.loop());
    client.request("GET", {{"SCRIPT_NAME", ""},
                           {"PATH_INFO", "/env.cgi/more"},
                           {"REQUEST_URI", "/env.cgi/more?x=1"},
                           {"QUERY_STRING", "x=1"},
                           {"HTTP_X_ASKED", "yes"},
                           {"HTTP_PROXY", "evil"}});
    CHECK(f.ended(client));
    const auto text = "\n" + client.body();
    CAPTURE(text);
    for (const char* const line : {"SCRIPT_NAME=/env.cgi", "PATH_INFO=/more", "QUERY_STRING=x=1",
                                   "HTTP_X_ASKED=yes", "GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET"})
        CHECK(text.find("\n" + std::string(line) + "\n") != std::string::npos);
    CHECK(text.find("\nHTTP_PROXY=") == std::string::npos);
    CHECK(text.find("\nHOME=") == std::string::npos);
    CHECK(text.ends_with("\n" + std::filesystem::canonical(f / "env.cgi").parent_path().string() + "\n"));
}

TEST_CASE("script_runner: what is not there is 404, what may not run 403, both in the log with the path")
{
    cgi_folder f;
    f.plain("a.cgi", "");
    std::ofstream(f / "readme.txt") << "no program";
    CHECK(ask(f, "/b.cgi")->status() == 404);
    CHECK(ask(f, "/readme.txt")->status() == 403);
    CHECK(ask(f, "/../../etc/passwd")->status() >= 403);
    CHECK(f.loop().log().contains("b.cgi"));
    CHECK(f.loop().log().contains("readme.txt"));
}

TEST_CASE("script_runner: R17, F25: input and output flow at the same time, each byte once")
{
    cgi_folder f;
    f.plain("echo.cgi", "exec cat");
    std::string sent;
    for (int i = 0; sent.size() < 3'000'000; ++i)
        sent += std::to_string(i) + "\n";
    const bool with_length = GENERATE(true, false);
    fake_host client(f.loop());
    const auto size = std::to_string(sent.size());
    if (with_length)
        client.request("POST", {{"SCRIPT_NAME", "/echo.cgi"}, {"CONTENT_LENGTH", size}}, true);
    else
        client.request("POST", {{"SCRIPT_NAME", "/echo.cgi"}}, true);
    client.feed_all(sent);
    CHECK(f.ended(client));
    CHECK((client.body() == sent));
    CHECK(client.ended_well());
    CHECK(client.peak_held() <= limits().window + limits().block_size);
}

TEST_CASE("script_runner: a head alone waits for the request's body, which nginx ends with the first of the "
          "response")
{
    cgi_folder f;
    f.plain("early.cgi", ": > said; cat > /dev/null; : > all");
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/early.cgi"}}, true);
    CHECK(f.loop().poll_until([&] { return std::filesystem::exists(f / "said"); }));
    f.loop().poll();
    CHECK(client.status() == 0);
    client.end_body();
    CHECK(f.ended(client));
    CHECK(client.status() == 200);
    CHECK(client.ended_well());
}

TEST_CASE("script_runner: a head alone is not held back for longer than a program has time to answer")
{
    cgi::runner_options o;
    o.timeout = 300ms;
    cgi_folder f(std::move(o));
    f.plain("deaf.cgi",
            ": > said; exec sleep 1000"); // reads nothing: the pipe is full, the body does not end
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/deaf.cgi"}, {"CONTENT_LENGTH", "1000000"}}, true);
    CHECK(f.loop().poll_until([&] { return std::filesystem::exists(f / "said"); }));
    CHECK(f.loop().poll_until([&] { return client.status() != 0; }));
    CHECK(client.status() == 200);
    client.leave();
}

TEST_CASE("script_runner: without a body a program's input is at its end, and /dev/null")
{
    cgi_folder f;
    f.plain("in.cgi", "cat; readlink /proc/self/fd/0");
    CHECK(ask(f, "/in.cgi")->body() == "/dev/null\n");
}

TEST_CASE("R38: script_runner: a head and nothing behind it is a response with an empty body")
{
    cgi_folder f;
    f.plain("a.cgi", "");
    const auto client = ask(f, "/a.cgi");
    CHECK(client->status() == 200);
    CHECK(client->body().empty());
    CHECK(client->ended_well());
}

TEST_CASE("R20: script_runner: a program that does not read its body is answered for all the same")
{
    cgi_folder f;
    f.plain("deaf.cgi", "echo heard nothing");
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/deaf.cgi"}, {"CONTENT_LENGTH", "1000000"}}, true);
    client.feed_all(std::string(1'000'000, 'x'));
    CHECK(f.ended(client));
    CHECK(client.body() == "heard nothing\n");
    CHECK(client.ended_well());
}

TEST_CASE("F1: a program that writes without end to a client that reads nothing waits in its own write")
{
    cgi_folder f;
    f.plain("endless.cgi", "echo $$; exec yes");
    fake_host client(f.loop());
    client.request("GET", {{"SCRIPT_NAME", "/endless.cgi"}});
    f.loop().poll_until([&] { return client.body().find('\n') != std::string::npos; });
    const auto pid = pid_in(client.body());
    client.stall();
    client.forget_content();
    // Blocked in write(2), which nothing but the pipe's being full makes of `yes`.
    CHECK(f.loop().poll_until([&] {
        std::string where;
        std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/syscall"), where);
        return where.starts_with("1 ");
    }));
    f.loop().poll();
    CHECK(client.held() <= limits().window + limits().block_size);
    CHECK(f.loop().resources().pool().stats().in_use * limits().block_size <=
          limits().window + limits().block_size);
    CHECK(runs(pid));
    client.leave();
    CHECK(f.loop().poll_until([&] { return !runs(pid); }));
}

TEST_CASE("F11: the program ends when its client leaves, silent or not, with all it has started")
{
    const auto* const what =
        GENERATE("sleep 1000", "sleep 1000 & sleep 1000", "trap '' TERM; while :; do sleep 0.05; done",
                 "while :; do echo tick; sleep 0.01; done", "exec yes");
    CAPTURE(what);
    cgi::runner_options o;
    o.grace = 100ms;
    cgi_folder f(o);
    f.plain("a.cgi", "echo $$; " + std::string(what));
    fake_host client(f.loop());
    client.request("GET", {{"SCRIPT_NAME", "/a.cgi"}});
    REQUIRE(f.loop().poll_until([&] { return client.body().find('\n') != std::string::npos; }));
    const auto pid = pid_in(client.body());
    REQUIRE(runs(pid));
    client.leave();
    CHECK(f.loop().poll_until([&] { return !runs(pid) && ::kill(-pid, 0) != 0; }, 5s));
}

TEST_CASE("F12: the program ends when its client leaves, though it reads nothing of a large body")
{
    cgi::runner_options o;
    o.grace = 100ms;
    cgi_folder f(o);
    f.plain("a.cgi", "echo $$; sleep 1000");
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/a.cgi"}, {"CONTENT_LENGTH", "10000000"}}, true);
    client.feed_all(std::string(10'000'000, 'x')); // waits, for want of credit
    REQUIRE(f.loop().poll_until([&] { return client.body().find('\n') != std::string::npos; }));
    const auto pid = pid_in(client.body());
    REQUIRE(runs(pid));
    client.leave();
    CHECK(f.loop().poll_until([&] { return !runs(pid) && ::kill(-pid, 0) != 0; }, 5s));
}

TEST_CASE("F27: a shutdown ends the program and what it has started, before its head and in mid-body")
{
    const bool answered = GENERATE(false, true);
    CAPTURE(answered);
    cgi::runner_options o;
    o.grace = 100ms;
    cgi_folder f(o);
    f.script("a.cgi",
             "echo $$ >pid\nmv pid started\n" +
                 std::string(answered ? "printf 'Content-Type: text/plain\\n\\n'\nexec yes" : "sleep 1000"));
    fake_host client(f.loop());
    client.request("GET", {{"SCRIPT_NAME", "/a.cgi"}});
    REQUIRE(f.loop().poll_until([&] {
        return std::filesystem::exists(f / "started") && (!answered || client.received_bytes() > 1'000'000);
    }));
    pid_t pid = 0;
    std::ifstream(f / "started") >> pid;
    REQUIRE(runs(pid));
    client.cancel();
    CHECK(f.loop().poll_until([&] { return !runs(pid) && ::kill(-pid, 0) != 0; }, 5s));
    CHECK(f.ended(client));
    CHECK(client.ended_well() == !answered);
    if (!answered)
        CHECK(client.status() == 503);
}

TEST_CASE("F29: a program that writes without end to a fast client keeps no other request waiting")
{
    cgi_folder f;
    f.plain("endless.cgi", "exec yes");
    f.plain("a.cgi", "echo done");
    fake_host fast(f.loop());
    fast.forget_content();
    fast.request("GET", {{"SCRIPT_NAME", "/endless.cgi"}});
    REQUIRE(f.loop().poll_until([&] { return fast.received_bytes() > 10'000'000; }));
    for (int i = 0; i < 5; ++i) {
        const auto before = fast.received_bytes();
        CHECK(ask(f, "/a.cgi")->body() == "done\n");
        CHECK(f.loop().poll_until([&] { return fast.received_bytes() > before; }));
    }
    CHECK_FALSE(fast.ended());
    fast.leave();
    f.loop().poll();
}

TEST_CASE("R19: a program whose request has less than its CONTENT_LENGTH is ended, and the client answered "
          "with 400")
{
    cgi_folder f;
    f.plain("a.cgi", "cat >/dev/null; exec sleep 1000");
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/a.cgi"}, {"CONTENT_LENGTH", "1000000"}}, true);
    client.feed_all(std::string(999'999, 'x'));
    CHECK(f.ended(client));
    CHECK(client.status() == 400);
}

TEST_CASE("F13: a program that dies in mid-body makes the transfer fail, one that ends well does not")
{
    cgi::runner_options o;
    o.status_counts = GENERATE(true, false);
    CAPTURE(o.status_counts);
    cgi_folder f(o);
    f.plain("killed->cgi", "echo half; kill -KILL $$");
    f.plain("status.cgi", "echo half; exit 3");
    f.plain("well.cgi", "echo whole");
    f.script("length.cgi", "printf 'Content-Type: text/plain\\nContent-Length: 5\\n\\nwhole'; exit 3");
    const auto killed = ask(f, "/killed->cgi");
    CHECK(killed->body() == "half\n");
    CHECK_FALSE(killed->ended_well());
    CHECK(f.loop().log().contains("was ended by signal 9"));
    CHECK(ask(f, "/status.cgi")->ended_well() == !o.status_counts);
    CHECK(f.loop().log().contains("ended with status 3"));
    CHECK(ask(f, "/well.cgi")->ended_well());
    const auto whole = ask(f, "/length.cgi");
    CHECK(whole->ended_well()); // nothing of it is missing
    CHECK(whole->body() == "whole");
}

TEST_CASE("R44: a Content-Length that lies: too little is a failed transfer, too much is cut")
{
    cgi_folder f;
    f.script("short.cgi", "printf 'Content-Type: text/plain\\nContent-Length: 10\\n\\n12345'");
    f.script("long.cgi", "printf 'Content-Type: text/plain\\nContent-Length: 5\\n\\n12345678'");
    f.script("longer.cgi", "printf 'Content-Type: text/plain\\nContent-Length: 5\\n\\n'; exec yes 1234");
    CHECK_FALSE(ask(f, "/short.cgi")->ended_well());
    for (const char* const path : {"/long.cgi", "/longer.cgi"}) {
        const auto client = ask(f, path);
        CHECK(client->body().size() == 5);
        CHECK(client->ended_well());
        CHECK(f.loop().log().contains("more than its Content-Length"));
    }
}

TEST_CASE("script_runner: no head is 502, with the reason in the log")
{
    cgi_folder f;
    f.script("empty.cgi", "");
    f.script("dead.cgi", "exit 4");
    f.script("garbage.cgi", "echo this is no head");
    f.script("cut.cgi", "printf 'Content-Type: text/plain\\n'");
    for (const char* const path : {"/empty.cgi", "/dead.cgi", "/garbage.cgi", "/cut.cgi"}) {
        CAPTURE(path);
        const auto client = ask(f, path);
        CHECK(client->status() == 502);
        CHECK(client->ended_well());
    }
    CHECK(f.loop().log().contains("ended with status 4"));
    CHECK(f.loop().log().contains("this is no head"));
}

TEST_CASE(
    "script_runner: a program that says nothing in time is 504, one that falls silent a failed transfer")
{
    cgi::runner_options o;
    o.timeout = 200ms;
    o.idle_timeout = 200ms;
    cgi_folder f(o);
    f.script("mute.cgi", "exec sleep 1000");
    f.plain("hoarse->cgi", "echo one; exec sleep 1000");
    f.plain("slow.cgi",
            "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.05; done"); // longer in all than the limit
    CHECK(ask(f, "/mute.cgi")->status() == 504);
    const auto hoarse = ask(f, "/hoarse->cgi");
    CHECK(hoarse->body() == "one\n");
    CHECK_FALSE(hoarse->ended_well());
    CHECK(ask(f, "/slow.cgi")->ended_well());
}

TEST_CASE("F20: a slow client is no silent program")
{
    cgi::runner_options o;
    o.idle_timeout = 100ms;
    cgi_folder f(o);
    f.plain("much.cgi", "head -c 1000000 /dev/zero");
    fake_host client(f.loop());
    client.stall();
    client.request("GET", {{"SCRIPT_NAME", "/much.cgi"}});
    f.loop().poll_until([] { return false; }, 400ms); // time in which nobody reads
    client.take_all();
    CHECK(f.ended(client));
    CHECK(client.body().size() == 1'000'000);
    CHECK(client.ended_well());
}

TEST_CASE("R21, F26: stderr goes to the request's errors by lines, is bounded, and holds nothing up")
{
    cgi::runner_options o;
    o.error_text = 2000;
    cgi_folder f(o);
    f.script("loud.cgi", "echo first line >&2; yes 'more and more' | head -n 100000 >&2\n"
                         "printf 'Content-Type: text/plain\\n\\nanswer'");
    const auto client = ask(f, "/loud.cgi");
    CHECK(client->body() == "answer");
    CHECK(client->ended_well());
    CHECK(client->errors().starts_with("first line\nmore and more\n"));
    CHECK(client->errors().size() < 10'000);
    CHECK(
        f.loop().poll_until([&] { return f.loop().log().contains("lines more of its stderr are dropped"); }));
}

TEST_CASE("R21: the last words of a program are heard, also behind the end of its response")
{
    cgi_folder f;
    for (int i = 0; i < 20; ++i) {
        const auto word = "word-" + std::to_string(i);
        f.plain("a.cgi", "echo out; exec >&-; sleep 2 & echo " + word + " >&2");
        ask(f, "/a.cgi");
        CHECK(f.loop().poll_until([&] { return f.loop().log().contains(word); }));
    }
}

TEST_CASE("F22: limits: over the processes requests wait in turn, over the queue they get 503")
{
    cgi::runner_options o;
    o.processes = 1;
    o.queue = 1;
    cgi_folder f(o);
    f.plain("wait.cgi", "echo begun; read line; echo $line");
    fake_host first(f.loop()), second(f.loop()), third(f.loop());
    first.request("POST", {{"SCRIPT_NAME", "/wait.cgi"}}, true);
    REQUIRE(f.loop().poll_until([&] { return first.body() == "begun\n"; }));
    second.request("POST", {{"SCRIPT_NAME", "/wait.cgi"}}, true);
    third.request("POST", {{"SCRIPT_NAME", "/wait.cgi"}}, true);
    CHECK(f.ended(third));
    CHECK(third.status() == 503);
    f.loop().poll();
    CHECK(second.received().empty());
    first.feed_all("one\n");
    CHECK(f.ended(first));
    CHECK(first.body() == "begun\none\n");
    second.feed_all("two\n");
    CHECK(f.ended(second));
    CHECK(second.body() == "begun\ntwo\n");
}

TEST_CASE("limits: who leaves the queue does not keep its place, and who waits too long gets 503")
{
    cgi::runner_options o;
    o.processes = 1;
    o.timeout = 300ms;
    cgi_folder f(o);
    f.plain("wait.cgi", "echo begun; read line; exit 0");
    fake_host first(f.loop()), gone(f.loop()), late(f.loop());
    first.request("POST", {{"SCRIPT_NAME", "/wait.cgi"}}, true);
    REQUIRE(f.loop().poll_until([&] { return first.body() == "begun\n"; }));
    gone.request("POST", {{"SCRIPT_NAME", "/wait.cgi"}}, true);
    gone.leave();
    late.request("POST", {{"SCRIPT_NAME", "/wait.cgi"}}, true);
    CHECK(f.ended(late));
    CHECK(late.status() == 503);
    first.feed_all("\n");
    CHECK(f.ended(first));
    CHECK(ask(f, "/wait.cgi")->ended_well()); // the slot came back
}

TEST_CASE(
    "RFC 3875 6.2.2: what a program writes behind a local redirect holds nothing up, and no place is lost")
{
    cgi_runner_of_one f;
    f.script("away.cgi", "printf 'Location: /static/page.html\\n\\n'; head -c 1000000 /dev/zero");
    f.script("from.cgi", "printf 'Location: /to.cgi\\n\\n'; head -c 1000000 /dev/zero");
    f.plain("to.cgi", "echo here");
    for (int i = 0; i < 3; ++i) {
        CHECK(ask(f, "/away.cgi")->status() == 302);
        CHECK(ask(f, "/from.cgi")->body() == "here\n");
    }
}

TEST_CASE("script_runner: a body that is cut off ends the response wherever it is, whatever the program does")
{
    cgi::runner_options o;
    o.grace = 100ms;
    cgi_folder f(std::move(o));
    const std::string until_told = "trap '' TERM; while ! [ -e go ]; do sleep 0.02; done; ";
    f.script("late.cgi", ": > started; " + until_told + "printf 'Content-Type: text/plain\\n\\nlate'");
    f.script("away.cgi", ": > started; " + until_told + "printf 'Location: /late.cgi\\n\\n'");
    f.plain("middle.cgi", "echo begun; : > started; trap '' TERM; while :; do echo more; done");
    for (const std::string name : {"late", "away", "middle"}) {
        CAPTURE(name);
        std::filesystem::remove(f / "started");
        std::filesystem::remove(f / "go");
        fake_host client(f.loop());
        client.stall();
        client.request("POST", {{"SCRIPT_NAME", "/" + name + ".cgi"}, {"CONTENT_LENGTH", "10"}}, true);
        client.feed("0123");
        CHECK(f.loop().poll_until([&] { return std::filesystem::exists(f / "started"); }));
        client.end_body();
        f.loop().poll();
        std::ofstream(f / "go") << "";
        f.loop().poll();
        client.take_all();
        CHECK(f.ended(client));
        if (name != "middle")
            CHECK(client.status() == 400);
        else
            CHECK_FALSE(client.ended_well());
    }
}

TEST_CASE("R19: a body that is cut off has no end for a program, not even for one that does not mind SIGTERM")
{
    cgi::runner_options o;
    o.grace = 300ms;
    cgi_folder f(std::move(o));
    f.script("keep.cgi", "trap '' TERM; : > started; cat > got; : > whole");
    const bool leaves = GENERATE(true, false);
    CAPTURE(leaves);
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/keep.cgi"}}, true);
    client.feed("0123");
    CHECK(f.loop().poll_until([&] { return std::filesystem::exists(f / "started"); }));
    if (leaves)
        client.leave();
    else
        client.cancel();
    CHECK(f.loop().poll_until([&] { return f.loop().log().contains("was ended by signal 9"); }));
    CHECK_FALSE(std::filesystem::exists(f / "whole"));
}

TEST_CASE("script_runner: many programs at once, each is waited for without holding up the others")
{
    cgi_folder f;
    f.plain("a.cgi", "echo $QUERY_STRING");
    for (int round = 0; round < 4; ++round) {
        std::vector<std::unique_ptr<fake_host>> clients;
        for (int i = 0; i < 40; ++i) {
            clients.push_back(std::make_unique<fake_host>(f.loop()));
            clients.back()->request("GET", {{"SCRIPT_NAME", "/a.cgi"}, {"QUERY_STRING", std::to_string(i)}});
        }
        for (int i = 0; i < 40; ++i) {
            auto& client = *clients[static_cast<std::size_t>(i)];
            CHECK(f.ended(client));
            CHECK(client.body() == std::to_string(i) + "\n");
        }
    }
}

TEST_CASE("limits: a program that leaves its answer to another holds its place until that has ended")
{
    cgi_runner_of_one f;
    f.plain("fork.cgi", "(while ! [ -e go ]; do sleep 0.02; done; echo second) & echo first; : > forked");
    f.plain("next.cgi", "echo next");
    fake_host first(f.loop());
    first.request("GET", {{"SCRIPT_NAME", "/fork.cgi"}});
    CHECK(f.loop().poll_until([&] { return f.loop().log().contains("ended with status 0"); }));
    fake_host next(f.loop());
    next.request("GET", {{"SCRIPT_NAME", "/next.cgi"}});
    f.loop().poll();
    CHECK(next.status() == 0);
    std::ofstream(f / "go") << "";
    CHECK(f.ended(first));
    CHECK(first.body() == "first\nsecond\n");
    CHECK(f.ended(next));
    CHECK(next.body() == "next\n");
}

TEST_CASE("script_runner: what programs end with is known also where SIGCHLD was ignored")
{
    struct sigaction before {};
    ::sigaction(SIGCHLD, nullptr, &before);
    std::signal(SIGCHLD, SIG_IGN);
    {
        cgi_folder f;
        f.plain("died.cgi", "echo begun; exit 3");
        CHECK_FALSE(ask(f, "/died.cgi")->ended_well());
        CHECK(f.loop().log().contains("ended with status 3"));
    }
    ::sigaction(SIGCHLD, &before, nullptr);
}

TEST_CASE("NPH: the program's own status line and headers are the response's")
{
    cgi_folder f;
    f.script("nph-a.cgi", "printf 'HTTP/1.1 418 Teapot\\r\\nContent-Type: text/plain\\r\\n\\r\\nshort'");
    const auto client = ask(f, "/nph-a.cgi");
    CHECK(client->status() == 418);
    CHECK(client->body() == "short");
}

TEST_CASE("R42: HEAD gets the head of what the program says")
{
    cgi_folder f;
    f.plain("a.cgi", "head -c 1000000 /dev/zero; touch done");
    fake_host client(f.loop());
    client.request("HEAD", {{"SCRIPT_NAME", "/a.cgi"}});
    CHECK(f.ended(client));
    CHECK(client.status() == 200);
    CHECK(client.body().empty());
    CHECK(client.ended_well());
    CHECK(std::filesystem::exists(f / "done")); // it ran to its end
}

TEST_CASE("a program that closes its output and works on may do so, or is ended, as told")
{
    cgi::runner_options o;
    o.end_after_output = GENERATE(false, true);
    CAPTURE(o.end_after_output);
    cgi_folder f(o);
    f.plain("a.cgi", "echo $$; exec >&- 2>&-; sleep 2; touch worked");
    const auto client = ask(f, "/a.cgi");
    CHECK(client->ended_well());
    const auto pid = pid_in(client->body());
    CHECK(f.loop().poll_until([&] { return !runs(pid); }));
    CHECK(std::filesystem::exists(f / "worked") == !o.end_after_output);
}

TEST_CASE("F7: each piece goes out when the program writes it")
{
    cgi_folder f;
    f.plain("ticks.cgi", "for i in 1 2 3; do printf x; read line; done");
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/ticks.cgi"}}, true);
    for (const std::string all : {"x", "xx", "xxx"}) {
        CHECK(f.loop().poll_until([&] { return client.body() == all; }));
        client.feed("\n");
    }
    CHECK(f.ended(client));
    CHECK(client.ended_well());
}
