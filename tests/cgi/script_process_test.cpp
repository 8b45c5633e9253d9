// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_process_driver.hpp"

#include "cgi/process_state.hpp"
#include "support/catch.hpp"
#include "support/log_capture.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::cgi;
using sluice::test::runs;
using namespace std::chrono_literals;

namespace {

process_start shell(const std::string& command)
{
    process_start how;
    how.filename = "/bin/sh";
    how.directory = "/";
    how.arguments = {"/bin/sh", "-c", command};
    how.variables = {"PATH=/usr/bin:/bin", "GREETING=good morning"};
    return how;
}

/// A process and the loop it lives in. What it logs is kept quiet, unless the test looks at that itself.
struct started {
    explicit started(const process_start& how, bool looked_at = false)
    {
        if (!looked_at)
            quiet.emplace();
        process = script_process::start(context.get_executor(), how, [this] { exited = true; });
    }

    /// Runs the loop until `done()`; false after 10 s.
    template <class F>
    bool until(F done)
    {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (!done() && std::chrono::steady_clock::now() < deadline) {
            context.run_one_for(10ms);
            context.restart();
        }
        return done();
    }

    /// Reads stdout to its end.
    std::string output()
    {
        std::string all;
        bool ended = false;
        boost::asio::async_read(process->out, boost::asio::dynamic_buffer(all),
                                [&](const error_code&, std::size_t) { ended = true; });
        CHECK(until([&] { return ended; }));
        return all;
    }

    /// Reads stdout until it has said a line.
    void read_line()
    {
        std::string line;
        bool told = false;
        boost::asio::async_read_until(process->out, boost::asio::dynamic_buffer(line), '\n',
                                      [&](const error_code& ec, std::size_t) { told = !ec; });
        REQUIRE(until([&] { return told; }));
    }

    std::optional<sluice::test::log_capture> quiet;
    boost::asio::io_context context;
    std::shared_ptr<script_process> process;
    bool exited = false;
};

error_code ignored;

bool exists(pid_t pid)
{
    return ::kill(pid, 0) == 0 || errno != ESRCH;
}

} // namespace

TEST_CASE("script_process: it has its arguments, variables and folder, and nothing else of ours")
{
    std::signal(SIGPIPE, SIG_IGN); // as in every server
    auto how = shell("echo $0; pwd; echo $GREETING; env | wc -l; ls /proc/self/fd | wc -w; "
                     "grep SigIgn /proc/self/status; ps -o pgid= -p $$ 2>/dev/null | tr -d ' '; echo $$");
    how.directory = "/usr";
    started s(how);
    const auto text = s.output();
    CAPTURE(text);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    REQUIRE(lines.size() >= 7);
    CHECK(lines[0] == "/bin/sh");
    CHECK(lines[1] == "/usr");
    CHECK(lines[2] == "good morning");
    CHECK(lines[4] == "4"); // 0, 1, 2, and that of the folder that ls reads
    REQUIRE(lines[5].starts_with("SigIgn:\t"));
    CHECK((std::stoull(lines[5].substr(8), nullptr, 16) & 0x7fffffff) == 0); // 32 and 33 are glibc's own
    CHECK(lines.back() == std::to_string(s.process->pid()));
    CHECK(::getpgid(s.process->pid()) == s.process->pid());
    CHECK(s.until([&] { return s.exited; }));
    CHECK(s.process->status() == 0);
    CHECK(describe_exit(*s.process->status()) == "ended with status 0");
    s.process->release();
}

TEST_CASE("script_process: bytes go in and come out at once, and each pipe has its own end")
{
    started s(shell("cat; echo of cat >&2; exec 2>&-; exec cat /dev/null"));
    const std::string sent(200'000, 'x'); // more than both pipes hold
    bool all_sent = false;
    boost::asio::async_write(s.process->in, boost::asio::buffer(sent),
                             [&](const error_code& ec, std::size_t) {
                                 all_sent = !ec;
                                 s.process->in.close();
                             });
    CHECK((s.output() == sent));
    CHECK(all_sent);
    std::string errors;
    bool ended = false;
    boost::asio::async_read(s.process->err, boost::asio::dynamic_buffer(errors),
                            [&](const error_code&, std::size_t) { ended = true; });
    CHECK(s.until([&] { return ended && s.exited; }));
    CHECK(errors == "of cat\n");
    s.process->release();
    CHECK_FALSE(exists(s.process->pid()));
}

TEST_CASE("script_process: what cannot be started is said with its name")
{
    boost::asio::io_context context;
    auto how = shell("");
    how.filename = "/nonexistent/program";
    CHECK_THROWS_WITH(script_process::start(context.get_executor(), how, [] {}),
                      Catch::Contains("/nonexistent/program") && Catch::Contains("No such file"));
    how = shell("");
    how.directory = "/nonexistent";
    CHECK_THROWS_WITH(script_process::start(context.get_executor(), how, [] {}),
                      Catch::Contains("/bin/sh in /nonexistent") && Catch::Contains("No such file"));
}

TEST_CASE("script_process: it is given its pipes, whatever of 0, 1 and 2 we have closed ourselves")
{
    const int closed = GENERATE(0, 1, 2);
    CAPTURE(closed);
    const int kept = ::fcntl(closed, F_DUPFD_CLOEXEC, 10);
    ::close(closed);
    std::string text, errors;
    {
        started s(shell("read line; echo out $line; echo err >&2; ls /proc/self/fd | wc -w"));
        boost::asio::write(s.process->in, boost::asio::buffer("in\n", 3));
        boost::asio::read(s.process->out, boost::asio::dynamic_buffer(text), ignored);
        boost::asio::read(s.process->err, boost::asio::dynamic_buffer(errors), ignored);
        s.until([&] { return s.exited; });
        s.process->release();
    }
    ::dup2(kept, closed);
    ::close(kept);
    CHECK(text == "out in\n4\n");
    CHECK(errors == "err\n");
}

TEST_CASE(
    "script_process: without input it finds the end at once, whatever of 0, 1 and 2 we have closed ourselves")
{
    const int kept = ::fcntl(0, F_DUPFD_CLOEXEC, 10);
    ::close(0);
    std::string text;
    {
        auto how = shell("cat; readlink /proc/self/fd/0");
        how.no_input = true;
        started s(how);
        boost::asio::read(s.process->out, boost::asio::dynamic_buffer(text), ignored);
        s.until([&] { return s.exited; });
        s.process->release();
    }
    ::dup2(kept, 0);
    ::close(kept);
    CHECK(text == "/dev/null\n");
}

TEST_CASE("script_process: one that is ended gets SIGTERM, and SIGKILL with its whole group after the grace")
{
    const bool stubborn = GENERATE(false, true);
    CAPTURE(stubborn);
    started s(
        shell(std::string(stubborn ? "trap '' TERM; " : "") + "sleep 1000 & echo $!; wait; sleep 1000"));
    std::string child;
    bool told = false;
    boost::asio::async_read_until(s.process->out, boost::asio::dynamic_buffer(child), '\n',
                                  [&](const error_code& ec, std::size_t) { told = !ec; });
    REQUIRE(s.until([&] { return told; }));
    s.process->end(stubborn ? 50ms : 10'000ms);
    const auto before = std::chrono::steady_clock::now();
    CHECK(s.until([&] { return s.exited; }));
    CHECK(std::chrono::steady_clock::now() - before < 5s);
    CHECK(s.process->status() == (stubborn ? SIGKILL : SIGTERM));
    CHECK_FALSE(exists(s.process->pid()));
    const auto orphan = static_cast<pid_t>(std::stol(child));
    CHECK(s.until([&] { return !runs(orphan); }));
}

TEST_CASE("script_process: of one that has ended the group can still be ended, and no zombie stays")
{
    started s(shell("sleep 1000 & echo $!"));
    std::string child;
    bool told = false;
    boost::asio::async_read_until(s.process->out, boost::asio::dynamic_buffer(child), '\n',
                                  [&](const error_code& ec, std::size_t) { told = !ec; });
    REQUIRE(s.until([&] { return told && s.exited; }));
    const auto orphan = static_cast<pid_t>(std::stol(child));
    CHECK(exists(s.process->pid())); // a zombie, whose number nobody else can get
    CHECK(runs(orphan));
    s.process->end(1h); // there is nobody left to be waited for
    CHECK_FALSE(exists(s.process->pid()));
    CHECK(s.until([&] { return !runs(orphan); }));
}

TEST_CASE("script_process: who the program has started has the grace, too")
{
    sluice::test::temp_dir folder;
    const auto cleaned = folder / "cleaned";
    started s(shell("(trap 'sleep 0.1; : > " + cleaned.string() +
                    "; exit' TERM; echo ready; while :; do sleep 0.02; done) & exec sleep 1000"));
    s.read_line();
    s.process->end(1h);
    CHECK(s.until([&] { return s.exited && std::filesystem::exists(cleaned); }));
    CHECK_FALSE(exists(s.process->pid()));
}

namespace {

/// What becomes of a program whose loop ends before it.
struct left_behind {
    explicit left_behind(const std::string& command, bool release = false)
    {
        started s(shell(command + "; echo ready; while :; do sleep 0.02; done"), true);
        s.read_line();
        pid = s.process->pid();
        if (release)
            s.process->release();
        else
            s.process->end(1h);
    }

    sluice::test::log_capture log;
    pid_t pid;
};

} // namespace

TEST_CASE("script_process: with the loop a program ends in good order, if it does so soon")
{
    sluice::test::temp_dir folder;
    const auto cleaned = folder / "cleaned";
    const left_behind tidy("trap 'sleep 0.1; : > " + cleaned.string() + "; exit' TERM");
    CHECK(std::filesystem::exists(cleaned));
    CHECK_FALSE(exists(tidy.pid));

    const left_behind stubborn("trap '' TERM");
    CHECK_FALSE(exists(stubborn.pid));

    const left_behind released(":", true);
    CHECK(runs(released.pid));
    ::kill(-released.pid, SIGKILL);
    ::waitpid(released.pid, nullptr, 0);
}

TEST_CASE("script_process: with the loop the log is told how a program has ended, and that it was killed")
{
    const left_behind tidy(":");
    CHECK(tidy.log.text() == fmt::format("warning /bin/sh[{}] was ended by signal {}\n", tidy.pid, SIGTERM));

    const left_behind stubborn("trap '' TERM");
    const auto name = fmt::format("warning /bin/sh[{}] ", stubborn.pid);
    CHECK_THAT(stubborn.log.text(),
               Catch::StartsWith(name + "is still there ") &&
                   Catch::Contains(" ms after SIGTERM: killed\n" + name + "was ended by signal 9\n"));
}

TEST_CASE("script_process: a zombie that nobody waits for is not waited for with the loop")
{
    // As in a container whose first process waits for nobody: what the program has started becomes ours, and stays.
    REQUIRE(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    const left_behind with_child("sleep 1000 & :");
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    CHECK(::kill(-with_child.pid, 0) == 0); // it is there
    CHECK(with_child.log.contains(
        fmt::format("/bin/sh[{}] was ended by signal {}\n", with_child.pid, SIGTERM)));
    CHECK_FALSE(with_child.log.contains("killed"));
    while (::waitpid(-with_child.pid, nullptr, 0) > 0) {
    }
    CHECK(::kill(-with_child.pid, 0) != 0);
}

TEST_CASE("script_process: who has been started by a program that has gone gets SIGKILL with the loop, and "
          "it is said")
{
    const left_behind leader("trap '' TERM; (while :; do sleep 0.02; done) & trap - TERM");
    CHECK(leader.log.contains(
        fmt::format("warning what was started by /bin/sh[{}] is still there ", leader.pid)));
    CHECK(leader.log.contains(" ms after SIGTERM: killed\n"));
}

TEST_CASE("script_process: one that has gone to our process group is ended all the same")
{
    const std::string escape = "setpgrp(0, getpgrp(getppid())); ";
    const std::string ready = "syswrite(STDOUT, qq(ready\\n)); sleep 1000";
    const bool stubborn = GENERATE(false, true);
    CAPTURE(stubborn);
    const auto command =
        "exec perl -e '" + escape + (stubborn ? "$SIG{TERM} = q(IGNORE); " : "") + ready + "'";
    SECTION("while the loop runs")
    {
        started s(shell(command));
        s.read_line();
        const auto pid = s.process->pid();
        REQUIRE(::getpgid(pid) == ::getpgrp());
        s.process->end(100ms);
        REQUIRE(s.until([&] { return s.exited; }));
        CHECK(describe_exit(*s.process->status()) ==
              "was ended by signal " + std::to_string(stubborn ? SIGKILL : SIGTERM));
        CHECK_FALSE(exists(pid));
    }
    SECTION("with the loop")
    {
        pid_t pid = 0;
        {
            started s(shell(command));
            s.read_line();
            pid = s.process->pid();
        }
        CHECK_FALSE(exists(pid));
    }
}

TEST_CASE("script_process: what another's closed descriptor had to be told does not make the loop wait for a "
          "program")
{
    const sluice::test::log_capture quiet;
    boost::asio::io_context context;
    const auto nothing = [] {};
    const auto other = script_process::start(context.get_executor(), shell("read line"), nothing);
    std::shared_ptr<script_process> next;
    bool next_ended = false;
    const auto first = script_process::start(context.get_executor(), shell("exit 0"), [&] {
        // Asio has news of this one in its hands, and what is opened next gets its place there.
        other->out.close();
        next = script_process::start(context.get_executor(), shell("sleep 1"), [&] { next_ended = true; });
    });
    const auto gone = [](const script_process& p) {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (runs(p.pid()) && std::chrono::steady_clock::now() < deadline)
            ::usleep(1000); // the pause between two looks
        return !runs(p.pid());
    };
    REQUIRE(gone(*first));
    other->in.close();
    REQUIRE(gone(*other));

    while (!next && context.run_one_for(10s) > 0) {
    }
    REQUIRE(next);
    context.poll();
    CHECK(runs(next->pid()));
    CHECK_FALSE(next_ended);
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (!next_ended && std::chrono::steady_clock::now() < deadline)
        context.run_one_for(10ms);
    CHECK(next_ended); // that of its own is not lost
    CHECK(next->status() == 0);
}

TEST_CASE("script_process: one that is released goes on, and is waited for")
{
    started s(shell("exec >&-; sleep 0.05; exit 3"));
    CHECK(s.output().empty());
    s.process->release();
    s.process->end(1ms); // too late
    const auto pid = s.process->pid();
    CHECK(s.until([&] { return s.exited; }));
    CHECK(describe_exit(*s.process->status()) == "ended with status 3");
    CHECK_FALSE(exists(pid));
}

TEST_CASE("script_process: resource limits are the program's")
{
    auto how = shell("read line; ulimit -n");
    how.limits = {{RLIMIT_NOFILE, {40, 40}}};
    started s(how);
    boost::asio::write(s.process->in, boost::asio::buffer("\n", 1));
    CHECK(s.output() == "40\n");
    CHECK(s.until([&] { return s.exited; }));
    s.process->release();
}

TEST_CASE("script_process: resource limits hold before the program's first instruction")
{
    boost::asio::io_context context;
    auto how = shell("exit 0");
    how.variables.push_back("LARGE=" + std::string(120'000, 'x'));
    how.variables.push_back("LARGE_TOO=" + std::string(120'000, 'x'));
    how.limits = {{RLIMIT_STACK, {256 * 1024, 256 * 1024}}}; // a quarter of it for arguments and variables
    CHECK_THROWS_WITH(script_process::start(context.get_executor(), how, [] {}), Catch::Contains("too long"));
}

TEST_CASE("script_process: a limit that cannot be set is an error, and nothing runs")
{
    boost::asio::io_context context;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) { // what other tests have released
    }
    auto how = shell("sleep 1000");
    how.limits = {{RLIMIT_NOFILE, {41, 40}}};
    CHECK_THROWS_WITH(script_process::start(context.get_executor(), how, [] {}), Catch::Contains("/bin/sh"));
    CHECK(::waitpid(-1, nullptr, WNOHANG) <= 0); // it is no zombie
}
