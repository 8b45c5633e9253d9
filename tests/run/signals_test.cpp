// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/run.hpp>

#include "service.hpp"
#include "support/catch.hpp"

#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// A pipe whose both ends the test keeps.
struct pipe_pair {
    pipe_pair() { REQUIRE(::pipe2(ends, O_CLOEXEC) == 0); }
    ~pipe_pair()
    {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    pipe_pair(const pipe_pair&) = delete;
    pipe_pair& operator=(const pipe_pair&) = delete;
    bool nonblocking() const
    {
        return (::fcntl(ends[0], F_GETFL) & O_NONBLOCK) || (::fcntl(ends[1], F_GETFL) & O_NONBLOCK);
    }
    std::string read() const
    {
        pollfd p{ends[0], POLLIN, 0};
        char piece[4096];
        if (::poll(&p, 1, 10000) != 1)
            return {};
        const auto n = ::read(ends[0], piece, sizeof piece);
        return {piece, static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
    }
    int ends[2];
};

// What these tests run under may have SIGHUP ignored, as nohup does.
const struct hangup_as_usual {
    hangup_as_usual() { std::signal(SIGHUP, SIG_DFL); }
} hangup;

} // namespace

TEST_CASE("SIGTERM, SIGUSR1, SIGINT and SIGHUP let running responses end")
{
    const int signal = GENERATE(SIGTERM, SIGUSR1, SIGINT, SIGHUP);
    CAPTURE(signal);
    service probe;
    fastcgi_client client(probe.address());
    client.ask("/ticks?n=5&ms=40");
    client.read_until("tick 0\n");
    probe.program().send_signal(signal);
    const auto reply = client.read_reply();
    CHECK(reply.body == "tick 0\ntick 1\ntick 2\ntick 3\ntick 4\n");
    CHECK(reply.well());
    CHECK(probe.wait() == exit_status{0, 0});
    CHECK(count_lines(probe.log(),
                      "info: signal " + std::to_string(signal) + ": letting running responses end") == 1);
    CHECK(count_lines(probe.log(), "warning") == 0);
}

TEST_CASE("SIGTERM ends a service at once when nothing runs, though connections are kept")
{
    const auto before = clock::now();
    service probe;
    fastcgi_client kept(probe.address());
    CHECK(kept.get("/hello").well());
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
    CHECK(clock::now() - before < 5s); // the drain time is 30 s
}

TEST_CASE("F27: what does not end by itself ends within the drain time, and visibly failed")
{
    const std::string target = GENERATE("/idle", "/stream?bytes=1099511627776&chunk=16");
    const bool reads = GENERATE(true, false);
    CAPTURE(target, reads);
    service probe({"--drain", "200ms"});
    fastcgi_client client(probe.address());
    client.ask(target);
    client.read_until(target == "/idle" ? "waiting" : "0123456789");
    probe.program().send_signal(SIGTERM);
    const auto before = clock::now();
    if (reads) {
        const auto reply = reply_to(1, client.read_to_end());
        CHECK(reply.ends == 0);
        CHECK((reply.fault || target != "/idle")); // one whose client is behind is closed without
    }
    CHECK(probe.wait() == exit_status{0, 0});
    CHECK(clock::now() - before < 3s);
    CHECK(count_lines(probe.log(), "warning: 1 connections are still open after limits::drain (200 ms)") ==
          1);
}

TEST_CASE("a second SIGTERM ends at once")
{
    const int second = GENERATE(SIGTERM, SIGUSR1, SIGINT);
    CAPTURE(second);
    service probe({"--drain", "60s"});
    fastcgi_client client(probe.address());
    client.ask("/idle");
    client.read_until("waiting");
    probe.program().send_signal(SIGTERM);
    CHECK(probe.says("letting running responses end"));
    CHECK(probe.program().running());
    probe.program().send_signal(second);
    const auto before = clock::now();
    CHECK(probe.wait() == exit_status{0, 0});
    CHECK(clock::now() - before < 5s);
    CHECK(count_lines(probe.log(), "ending at once") == 1);
    CHECK_FALSE(reply_to(1, client.read_to_end()).well());
}

TEST_CASE("a hangup that comes twice, as of a terminal that closes, still lets running responses end")
{
    service probe;
    fastcgi_client client(probe.address());
    client.ask("/ticks?n=5&ms=40");
    client.read_until("tick 0\n");
    probe.program().send_signal(SIGHUP);
    CHECK(probe.says("signal 1: letting running responses end"));
    probe.program().send_signal(SIGHUP);
    CHECK(client.read_reply().well());
    CHECK(probe.wait() == exit_status{0, 0});
    CHECK(count_lines(probe.log(), "ending at once") == 0);
}

TEST_CASE("a hangup is nothing to a service that was started with it ignored, as by nohup")
{
    const listening_socket socket;
    spawned probe(socket, {{"SLUICE_LOG_LEVEL", "info"}},
                  {"/bin/sh", "-c", "trap '' HUP; exec \"$0\"", SLUICE_PROBE});
    fastcgi_client client(socket.address());
    client.ask("/ticks?n=3&ms=40");
    client.read_until("tick 0\n");
    probe.program().send_signal(SIGHUP);
    CHECK(client.read_reply().well());
    // Were it draining, it would take no new connection; the signal was there before this one is asked for.
    CHECK(fastcgi_client(socket.address()).get("/hello").body == "Hello, world!");
    CHECK(count_lines(probe.log(), "signal 1") == 0);
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
}

TEST_CASE("spawned, the drain time is 1500 ms: mod_fcgid kills after 3 s - unless it is given")
{
    const bool given = GENERATE(false, true);
    CAPTURE(given);
    const listening_socket socket;
    variables_map environment{{"SLUICE_LOG_LEVEL", "info"}};
    if (given)
        environment["SLUICE_DRAIN"] = "100ms";
    spawned probe(socket, environment);
    fastcgi_client client(socket.address());
    client.ask("/idle");
    client.read_until("waiting");
    const auto before = clock::now();
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
    const auto took = clock::now() - before;
    CHECK(took >= (given ? 100ms : 1500ms));
    CHECK(took < (given ? 1400ms : 2500ms));
    CHECK(count_lines(probe.log(), given ? "limits::drain (100 ms)" : "limits::drain (1500 ms)") == 1);
}

TEST_CASE("a CGI program ends at SIGTERM with 1, its app told, and the pipes get their flags back")
{
    const int signal = GENERATE(SIGTERM, SIGUSR1, SIGINT, SIGHUP);
    CAPTURE(signal);
    const temp_dir folder;
    const pipe_pair in, out;
    process_options options;
    options.command = {SLUICE_PROBE};
    options.environment = cgi_request(
        "/idle", {{"REQUEST_METHOD", "POST"}, {"CONTENT_LENGTH", "5"}, {"SLUICE_LOG_LEVEL", "info"}});
    options.stdin_fd = in.ends[0];
    options.stdout_fd = out.ends[1];
    options.stderr_file = folder / "log";
    process probe(options);
    CHECK_THAT(out.read(), Catch::EndsWith("waiting for you to go\n"));
    CHECK(in.nonblocking());
    CHECK(out.nonblocking());
    probe.send_signal(signal);
    CHECK(probe.wait_for(10s) == exit_status{1, 0});
    CHECK_FALSE(in.nonblocking());
    CHECK_FALSE(out.nonblocking());
    CHECK(count_lines(read_file(folder / "log"), "#1 POST /idle 200 22 bytes") == 1);
}

} // namespace sluice::test
