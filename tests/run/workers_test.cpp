// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// --workers: processes under a supervisor.
#include "service.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include <unistd.h>

namespace sluice::test {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using pids = std::set<pid_t>;

pids children_of(pid_t pid)
{
    std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
    pids all;
    for (pid_t child; file >> child;)
        all.insert(child);
    return all;
}

bool alive(pid_t pid)
{
    return ::kill(pid, 0) == 0;
}

bool answers(const service& s)
{
    const auto reply = fastcgi_client(s.address()).get("/hello");
    return reply.well() && reply.body == "Hello, world!";
}

// The workers, once there are so many and none of `others`.
pids workers(service& s, std::size_t n, const pids& others = {})
{
    pids now;
    const bool there = within(10s, [&] {
        now = children_of(s.program().pid());
        return now.size() == n &&
               std::none_of(now.begin(), now.end(), [&](pid_t p) { return others.contains(p); });
    });
    CHECK(there);
    return now;
}

/// A copy of the probe, whose file a test may put another in the place of.
class own_program {
public:
    own_program() { probe(); }

    const std::string& path() const noexcept { return path_; }
    void remove() const { fs::remove(path_); }
    void probe() const
    {
        remove();
        fs::copy_file(SLUICE_PROBE, path_);
    }
    void script(const std::string& text) const
    {
        remove();
        std::ofstream(path_) << "#!/bin/sh\n" << text;
        fs::permissions(path_, fs::perms::owner_all);
    }

private:
    temp_dir folder_;
    std::string path_ = (folder_ / "program").string();
};

} // namespace

TEST_CASE("workers: one that dies is replaced, and its death costs nobody else anything")
{
    service s({"--workers", "2"});
    REQUIRE(answers(s));
    const auto before = workers(s, 2);
    const auto victim = *before.begin();
    ::kill(victim, SIGKILL);
    const auto after = workers(s, 2, {victim});
    CHECK(after.contains(*before.rbegin()));
    CHECK(s.says("was ended by signal 9"));
    for (int i = 0; i < 10; ++i)
        CHECK(answers(s));
    s.program().send_signal(SIGTERM);
    CHECK(s.wait() == exit_status{0, 0});
    for (const auto pid : after)
        CHECK_FALSE(alive(pid));
}

TEST_CASE("workers: SIGHUP renews them while responses run and connections come")
{
    service s({"--workers", "2"});
    REQUIRE(answers(s));
    const auto before = workers(s, 2);
    fastcgi_client streaming(s.address());
    streaming.ask("/ticks?n=8&ms=100");
    streaming.read_until("tick 0");
    s.program().send_signal(SIGHUP);
    bool all_new = false;
    for (int i = 0; i < 3000 && !all_new; ++i) { // without a pause: each of them must be answered
        REQUIRE(answers(s));
        const auto now = children_of(s.program().pid());
        all_new = now.size() == 2 &&
                  std::none_of(now.begin(), now.end(), [&](pid_t p) { return before.contains(p); });
    }
    const auto reply = streaming.read_reply();
    CHECK(reply.body.ends_with("tick 7\n"));
    CHECK(reply.well());
    workers(s, 2, before);
    CHECK(answers(s));
    CHECK(s.log().find("ended by") == std::string::npos);
}

TEST_CASE("workers: a new program that does not start leaves the old ones in service")
{
    const own_program program;
    service s({"--workers", "1"}, {}, program.path());
    REQUIRE(answers(s));
    const auto before = workers(s, 1);

    program.remove();
    s.program().send_signal(SIGHUP);
    CHECK(s.says("cannot start"));
    CHECK(answers(s));

    program.script("exit 7\n");
    s.program().send_signal(SIGHUP);
    CHECK(s.says("ended with status 7 before it was ready"));
    CHECK(answers(s));
    CHECK(workers(s, 1) == before);
}

TEST_CASE("workers: a successor that hangs is given up at the next SIGHUP")
{
    const own_program program;
    service s({"--workers", "1"}, {}, program.path());
    REQUIRE(answers(s));
    const auto before = workers(s, 1);

    program.script(": >$0.hangs\nexec sleep 1000\n");
    s.program().send_signal(SIGHUP);
    const auto hanging = workers(s, 2);
    REQUIRE(within(10s, [&] { return fs::exists(program.path() + ".hangs"); })); // it has read its file
    CHECK(answers(s)); // the old one stays in service

    program.probe();
    s.program().send_signal(SIGHUP);
    CHECK(s.says("has not become ready since the last SIGHUP: given up"));
    const auto after = workers(s, 1, hanging);
    CHECK_FALSE(after == before);
    CHECK(answers(s));
}

TEST_CASE("workers: a wrong configuration ends the service with status 2, in words, and not in a loop")
{
    service s({"--workers", "2"}, {{"FCGI_WEB_SERVER_ADDRS", "no address"}});
    CHECK(s.wait() == exit_status{2, 0});
    CHECK(s.says("ended with status 2 before it was ready: no other would do better"));
    CHECK(s.says("no address"));
    CHECK_FALSE(fs::exists(s.socket_path()));
}

TEST_CASE("workers: the first signal lets responses end, the second does not")
{
    const bool gently = GENERATE(true, false);
    CAPTURE(gently);
    service s({"--workers", "2"});
    fastcgi_client client(s.address());
    client.ask(gently ? "/ticks?n=4&ms=100" : "/idle");
    client.read_until(gently ? "tick 0" : "waiting");
    const auto all = workers(s, 2);
    s.program().send_signal(SIGTERM);
    CHECK(s.says("letting running responses end"));
    if (!gently)
        s.program().send_signal(SIGTERM);
    const auto reply = client.read_reply();
    CHECK(reply.well() == gently);
    CHECK(s.wait() == exit_status{0, 0});
    for (const auto pid : all)
        CHECK_FALSE(alive(pid));
    CHECK_FALSE(fs::exists(s.socket_path()));
}

TEST_CASE("workers: they do not outlive a supervisor that was killed")
{
    service s({"--workers", "2"});
    REQUIRE(answers(s));
    const auto all = workers(s, 2);
    // Not through the test's own guard, which would kill the workers too.
    ::kill(s.program().pid(), SIGKILL);
    for (const auto pid : all)
        CHECK(within(10s, [&] { return !alive(pid); }));
}

} // namespace sluice::test
