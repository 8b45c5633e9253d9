// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// `sluice run` and what its flags do.
#include "command/programs.hpp"
#include "support/catch.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>

#include <sys/resource.h>

using namespace sluice::test;

namespace {

constexpr exit_status well{0, 0};
constexpr exit_status badly{1, 0};

// It has begun, and ends when the test says so.
constexpr auto waits =
    "echo begun\n: >\"$here/begun\"\nuntil [ -e \"$here/go\" ]; do sleep 0.01; done\necho done\n";

std::set<pid_t> children_of(pid_t pid)
{
    std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
    std::set<pid_t> all;
    for (pid_t child; file >> child;)
        all.insert(child);
    return all;
}

// The socket on 3, and the variables for this process.
std::vector<std::string> as_systemd_starts(const std::vector<std::string>& service)
{
    std::vector<std::string> command = {"/bin/sh", "-c",
                                        "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$; "
                                        "export LISTEN_FDS LISTEN_PID; exec \"$@\"",
                                        "sh"};
    command.insert(command.end(), service.begin(), service.end());
    return command;
}

command_outcome get(const std::string& address, const std::string& target)
{
    return run_command({"get", "-t", address, "-i", target});
}

// A service with a socket of its own, as a unit of systemd has it.
class own_service {
public:
    own_service(const programs& p, std::vector<std::string> flags)
        : address_("unix:" + (folder_ / "socket").string()),
          process_({.command = command(p, std::move(flags)),
                    .stderr_file = folder_ / "log",
                    .grace = std::chrono::seconds(5)})
    {}

    const std::string& address() const { return address_; }
    process& program() { return process_; }
    std::string log() const { return read_file(folder_ / "log"); }
    bool says(const std::string& words) const
    {
        return becomes_true([&] { return log().find(words) != std::string::npos; });
    }
    bool answers() const
    {
        return becomes_true([&] {
            return run_command({"get", "-t", address_, "/hello.cgi"}).out == "hello\n";
        });
    }

    /// Asks for `target`, and waits until that program has made `file`.
    bool answers_to(const std::string& target, const std::string& file)
    {
        if (!becomes_true([&] { return std::filesystem::exists(address_.substr(5)); }))
            return false;
        request_.emplace(address_, target);
        return becomes_true([&] { return std::filesystem::exists(file); });
    }

private:
    std::vector<std::string> command(const programs& p, std::vector<std::string> flags) const
    {
        flags.insert(flags.end(), {"--fastcgi", address_});
        return p.command(std::move(flags));
    }

    temp_dir folder_;
    std::string address_;
    process process_;
    std::optional<request_under_way> request_;
};

} // namespace

TEST_CASE("run: --rlimit, once for each limit, reaches the programs")
{
    const programs p;
    // What comes from standard input comes once all is set up.
    p.add("a.cgi", "read go\nulimit -n\nulimit -c\nulimit -t\n");
    rlimit cpu;
    REQUIRE(::getrlimit(RLIMIT_CPU, &cpu) == 0);
    const bool free = cpu.rlim_max == RLIM_INFINITY; // else only root may say so
    app_program service(p.command(
        {"--rlimit", "nofile=77", "--rlimit", "core=0", "--rlimit", free ? "cpu=unlimited" : "cpu=5"}));
    const auto o = run_command({"get", "-t", service.address(), "--body", "go\n", "/a.cgi"});
    CHECK(o.status == well);
    CHECK(o.out == (free ? "77\n0\nunlimited\n" : "77\n0\n5\n"));
}

TEST_CASE("run: --env hands on a variable of ours, or one as given, and nothing else")
{
    const programs p;
    p.add("a.cgi", "echo \"${OURS-none}|${GIVEN-none}|${HIDDEN-none}|${ABSENT-none}\"\n");
    app_program service(p.command({"--env", "OURS", "--env", "GIVEN=a=b c", "--env", "ABSENT"}),
                        {{"OURS", "1"}, {"HIDDEN", "2"}});
    CHECK(run_command({"get", "-t", service.address(), "/a.cgi"}).out == "1|a=b c|none|none\n");
}

TEST_CASE("R15: run: --mount is where the path's own slashes come back, too: nginx sends one for several")
{
    const programs p;
    p.add("a.cgi", "echo \"$SCRIPT_NAME|$PATH_INFO\"\n");
    app_program service(p.command({"--mount", "/cgi-bin"}));
    const auto o = run_command(
        {"get", "-t", service.address(), "-p", "REQUEST_URI=/cgi-bin/a.cgi//x", "/cgi-bin/a.cgi/x"});
    CHECK(o.out == "/cgi-bin/a.cgi|//x\n");
}

TEST_CASE("F13: run: a status other than 0 in mid-answer is a failure, unless --ignore-exit-status")
{
    const bool ignored = GENERATE(false, true);
    CAPTURE(ignored);
    const programs p;
    p.add("a.cgi", "echo so far\nexit 3\n");
    app_program service(
        p.command(ignored ? std::vector<std::string>{"--ignore-exit-status"} : std::vector<std::string>{}));
    const auto o = run_command({"get", "-t", service.address(), "/a.cgi"});
    CHECK(o.status == (ignored ? well : badly));
    CHECK(o.out == "so far\n");
    const auto says = service.log().find("ended with status 3") != std::string::npos;
    CHECK((ignored || says));
}

TEST_CASE(
    "run: a program that closes its output and goes on is left alone, and ended with --end-after-output")
{
    const bool ended = GENERATE(false, true);
    CAPTURE(ended);
    const programs p;
    p.add("a.cgi", "echo all\n"
                   "trap 'echo ended >\"$here/end\"; exit 0' TERM\n"
                   "exec >&- 2>&-\n"
                   "until [ -e \"$here/go\" ]; do sleep 0.01; done\n"
                   "echo by itself >\"$here/end\"\n");
    app_program service(
        p.command(ended ? std::vector<std::string>{"--end-after-output"} : std::vector<std::string>{}));
    const auto o = run_command({"get", "-t", service.address(), "/a.cgi"});
    CHECK(o.status == well);
    CHECK(o.out == "all\n");
    if (!ended)
        p.put("go");
    CHECK(becomes_true([&] { return !p.left("end").empty(); }));
    CHECK(p.left("end") == (ended ? "ended\n" : "by itself\n"));
}

TEST_CASE("run: --max-queue 0 with all --max-processes busy is 503 at once")
{
    const programs p;
    p.add("a.cgi", waits);
    p.add("hello.cgi", "echo hello\n");
    app_program service(p.command({"--max-processes", "1", "--max-queue", "0"}));
    request_under_way first(service.address(), "/a.cgi");
    REQUIRE(becomes_true([&] { return std::filesystem::exists(p.at("begun")); }));
    CHECK_THAT(get(service.address(), "/hello.cgi").out, Catch::StartsWith("Status: 503 "));
    p.put("go");
    CHECK(first.wait() == well);
    CHECK(first.out() == "begun\ndone\n");
    // Its place is free once it has ended.
    CHECK(becomes_true([&] { return get(service.address(), "/hello.cgi").out.ends_with("\n\r\nhello\n"); }));
}

TEST_CASE("run: --max-queue: who comes while the queue has room waits for its turn")
{
    const programs p;
    p.add("a.cgi", waits);
    p.add("hello.cgi", "echo hello\n");
    app_program service(p.command({"--max-processes", "1", "--max-queue", "1"}));
    request_under_way first(service.address(), "/a.cgi");
    REQUIRE(becomes_true([&] { return std::filesystem::exists(p.at("begun")); }));
    // One of the two waits and the other is over the limit, whichever came first.
    request_under_way second(service.address(), "/hello.cgi"), third(service.address(), "/hello.cgi");
    CHECK(becomes_true([&] { return second.out().empty() != third.out().empty(); }));
    p.put("go");
    CHECK(first.wait() == well);
    CHECK(second.wait() == well);
    CHECK(third.wait() == well);
    CHECK((second.out() == "hello\n") != (third.out() == "hello\n"));
}

TEST_CASE("run: --threads share the limit of --max-processes, and its queue")
{
    const programs p;
    p.add("a.cgi", "echo \"$QUERY_STRING\"\n");
    app_program service(p.command({"--threads", "3", "--max-processes", "2", "--max-queue", "100"}));
    constexpr int many = 24;
    std::vector<std::unique_ptr<request_under_way>> all;
    for (int i = 0; i < many; ++i)
        all.push_back(
            std::make_unique<request_under_way>(service.address(), "/a.cgi?number-" + std::to_string(i)));
    for (int i = 0; i < many; ++i) {
        CAPTURE(i);
        CHECK(all[static_cast<std::size_t>(i)]->wait() == well);
        CHECK(all[static_cast<std::size_t>(i)]->out() == "number-" + std::to_string(i) + "\n");
    }
}

TEST_CASE("run: --workers serve the programs, SIGHUP renews them, SIGTERM ends them")
{
    const programs p;
    p.add("hello.cgi", "echo hello\n");
    own_service service(p, {"--workers", "2"});
    const auto workers = [&] { return children_of(service.program().pid()); };
    CHECK(service.answers());
    CHECK(becomes_true([&] { return workers().size() == 2; }));
    const auto before = workers();
    service.program().send_signal(SIGHUP);
    CHECK(becomes_true([&] {
        const auto now = workers();
        return now.size() == 2 &&
               std::none_of(now.begin(), now.end(), [&](pid_t w) { return before.contains(w); });
    }));
    CHECK(service.answers());
    service.program().send_signal(SIGTERM);
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    CHECK(service.program().left_behind() == 0);
}

TEST_CASE("run: a socket that systemd passes is served")
{
    const programs p;
    p.add("hello.cgi", "echo hello; echo \"${LISTEN_FDS-none}\"\n");
    app_program service(as_systemd_starts(p.command({"--env", "LISTEN_FDS"})));
    CHECK(run_command({"get", "-t", service.address(), "/hello.cgi"}).out == "hello\nnone\n");
    service.program().send_signal(SIGTERM);
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
}

TEST_CASE("run: of two processes on one socket the second goes on when the first ends")
{
    const programs p;
    p.add("hello.cgi", "echo hello\n");
    app_program stays(p.command());
    REQUIRE(get(stays.address(), "/hello.cgi").out.ends_with("hello\n"));
    const temp_dir folder;
    process goes({.command = p.command({"--log-level", "info"}),
                  .stderr_file = folder / "log",
                  .stdin_fd = stays.socket()});
    REQUIRE(
        becomes_true([&] { return read_file(folder / "log").find("serving FastCGI") != std::string::npos; }));
    goes.send_signal(SIGTERM);
    CHECK(goes.wait_for(std::chrono::seconds(10)));
    for (int i = 0; i < 3; ++i)
        CHECK(get(stays.address(), "/hello.cgi").out.ends_with("hello\n"));
    stays.program().send_signal(SIGTERM);
    CHECK(stays.program().wait_for(std::chrono::seconds(10)) == well);
}

TEST_CASE("run: --workers on a socket that systemd passes end in good order")
{
    const programs p;
    p.add("a.cgi", waits);
    app_program service(as_systemd_starts(p.command({"--workers", "2"})));
    request_under_way request(service.address(), "/a.cgi");
    REQUIRE(becomes_true([&] { return std::filesystem::exists(p.at("begun")); }));
    service.program().send_signal(SIGTERM);
    REQUIRE(becomes_true(
        [&] { return service.log().find("letting running responses end") != std::string::npos; }));
    p.put("go");
    CHECK(request.wait() == well);
    CHECK(request.out() == "begun\ndone\n");
    // Less than limits::drain: nobody had to be killed.
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    CHECK(service.log().find("killed") == std::string::npos);
}

TEST_CASE("run: a second signal gives programs a second to end, with --workers too")
{
    const bool workers = GENERATE(false, true);
    CAPTURE(workers);
    const programs p;
    p.add("a.cgi", "trap 'echo told >\"$here/told\"; exit' TERM\n: >\"$here/begun\"\n"
                   "while :; do sleep 0.01; done\n");
    own_service service(p, workers ? std::vector<std::string>{"--workers", "1"} : std::vector<std::string>{});
    REQUIRE(service.answers_to("/a.cgi", p.at("begun")));
    service.program().send_signal(SIGTERM);
    REQUIRE(service.says("letting running responses end"));
    service.program().send_signal(SIGTERM);
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    CHECK(p.left("told") == "told\n");
    CHECK(service.program().left_behind() == 0);
}

TEST_CASE("run: signals that come while programs get their last second change nothing")
{
    const programs p;
    p.add("a.cgi",
          "trap 'echo told >\"$here/told\"; until [ -e \"$here/go\" ]; do sleep 0.01; done; "
          "echo ended >\"$here/ended\"; exit' TERM\n: >\"$here/begun\"\nwhile :; do sleep 0.01; done\n");
    own_service service(p, {"--drain", "100ms", "--grace", "10s"});
    REQUIRE(service.answers_to("/a.cgi", p.at("begun")));
    service.program().send_signal(SIGTERM);
    REQUIRE(becomes_true([&] { return !p.left("told").empty(); }));
    for (int i = 0; i < 3; ++i)
        service.program().send_signal(SIGTERM);
    p.put("go");
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    CHECK(service.program().left_behind() == 0);
}

TEST_CASE("run: how a program ends with the service is in the log, and that it had to be killed")
{
    const bool stubborn = GENERATE(false, true);
    const bool workers = GENERATE(false, true);
    CAPTURE(stubborn, workers);
    const programs p;
    p.add("a.cgi", std::string(stubborn ? "trap '' TERM\n" : "") +
                       "echo $$ >\"$here/pid\"\n: >\"$here/begun\"\nwhile :; do sleep 0.01; done\n");
    std::vector<std::string> flags = {"--drain", "100ms", "--grace", "200ms"};
    if (workers)
        flags.insert(flags.end(), {"--workers", "1"});
    own_service service(p, flags);
    REQUIRE(service.answers_to("/a.cgi", p.at("begun")));
    service.program().send_signal(SIGTERM);
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    const auto pid = p.left("pid");
    const auto name = p.root() + "/a.cgi[" + pid.substr(0, pid.size() - 1) + "] ";
    CAPTURE(service.log());
    CHECK_THAT(service.log(),
               Catch::Contains(name + "was ended by signal " + std::to_string(stubborn ? SIGKILL : SIGTERM)));
    CHECK((service.log().find(": killed\n") != std::string::npos) == stubborn);
    CHECK((service.log().find(name + "is still there ") != std::string::npos) == stubborn);
}

TEST_CASE("run: spawned, a program that ignores SIGTERM is ended before mod_fcgid would kill the service")
{
    const programs p;
    p.add("a.cgi", "trap '' TERM\n: >\"$here/begun\"\nwhile :; do sleep 0.01; done\n");
    app_program service(p.command());
    request_under_way request(service.address(), "/a.cgi");
    REQUIRE(becomes_true([&] { return std::filesystem::exists(p.at("begun")); }));
    const auto before = std::chrono::steady_clock::now();
    service.program().send_signal(SIGTERM);
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::milliseconds(2900)); // it kills after 3 s
    CHECK(service.program().left_behind() == 0);
    CHECK_THAT(service.log(), Catch::Contains("a.cgi[") && Catch::Contains("was ended by signal 9\n"));
}

TEST_CASE("run: who lives on: a silent program when the service is killed, a child in a session of its own")
{
    const bool killed = GENERATE(false, true);
    CAPTURE(killed);
    const programs p;
    const std::string until = "until [ -e \"$here/go\" ]; do sleep 0.01; done; echo lived >\"$here/lived\"";
    if (killed)
        p.add("a.cgi", ": >\"$here/begun\"\n" + until + "\n");
    else
        p.add("a.cgi", "here=$here setsid sh -c ': >\"$here/begun\"; " + until + "' >/dev/null 2>&1 &\n" +
                           "while :; do sleep 0.01; done\n");
    own_service service(p, {});
    REQUIRE(service.says("serving FastCGI"));
    std::optional<request_under_way> request(std::in_place, service.address(), "/a.cgi");
    REQUIRE(becomes_true([&] { return std::filesystem::exists(p.at("begun")); }));
    if (killed) {
        service.program().send_signal(SIGKILL);
        CHECK(request->wait() == badly); // nobody is there any more
    } else {
        request.reset();
        CHECK(service.says("was ended by signal 15"));
    }
    p.put("go");
    CHECK(becomes_true([&] { return p.left("lived") == "lived\n"; }));
}

TEST_CASE("run: SLUICE_PATTERN and SLUICE_RLIMIT take several, and SLUICE_ENV one with spaces")
{
    const programs p;
    // What comes from standard input comes once all is set up.
    p.add("a.cgi", "read go\nulimit -n\nulimit -c\necho \"$TEXT\"\n");
    p.add("b.pl", "echo b\n");
    p.add("c.sh", "echo c\n");
    app_program service(p.command(), {{"SLUICE_PATTERN", "*.cgi  *.pl "},
                                      {"SLUICE_RLIMIT", "nofile=77 core=0"},
                                      {"SLUICE_ENV", "TEXT=a b"}});
    CHECK(run_command({"get", "-t", service.address(), "--body", "go\n", "/a.cgi"}).out == "77\n0\na b\n");
    CHECK(run_command({"get", "-t", service.address(), "/b.pl"}).out == "b\n");
    CHECK_THAT(get(service.address(), "/c.sh").out, Catch::StartsWith("Status: 403 "));
}

TEST_CASE("run: as the first process of a container it waits for what programs leave behind")
{
    const programs p;
    // The shell ends at once, and what it has started becomes the first process's.
    p.add("a.cgi", "(exec >&- 2>&-; : >\"$here/begun\"; exit) &\necho done\n");
    p.add("zombies.cgi", "grep -l '^State:.*zombie' /proc/[0-9]*/status 2>/dev/null | wc -l\n");
    auto command = p.command();
    const std::vector<std::string> as_first = {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"};
    {
        process can({.command = {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "true"}});
        if (can.wait_for(std::chrono::seconds(10)) != well) {
            WARN("no process may be made the first of a container here");
            return;
        }
    }
    const temp_dir folder;
    const auto address = "unix:" + (folder / "socket").string();
    command.insert(command.end(), {"--fastcgi", address});
    command.insert(command.begin(), as_first.begin(), as_first.end());
    process service({.command = command, .stderr_file = folder / "log", .grace = std::chrono::seconds(5)});
    REQUIRE(becomes_true([&] { return get(address, "/a.cgi").out.ends_with("done\n"); }));
    for (int i = 0; i < 10; ++i)
        CHECK(get(address, "/a.cgi").out.ends_with("done\n"));
    CHECK(becomes_true([&] { return get(address, "/zombies.cgi").out.ends_with("\n\r\n0\n"); }));
}

TEST_CASE("run: SIGHUP lets the programs that run end, and takes no more requests")
{
    std::signal(SIGHUP, SIG_DFL); // these tests may be run under nohup
    const programs p;
    p.add("a.cgi", waits);
    own_service service(p, {});
    REQUIRE(service.says("serving FastCGI"));
    request_under_way request(service.address(), "/a.cgi");
    REQUIRE(becomes_true([&] { return std::filesystem::exists(p.at("begun")); }));
    service.program().send_signal(SIGHUP);
    CHECK(service.says("signal 1: letting running responses end"));
    CHECK(becomes_true([&] { return get(service.address(), "/a.cgi").status == badly; }));
    p.put("go");
    CHECK(request.wait() == well);
    CHECK(request.out() == "begun\ndone\n");
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    CHECK(service.program().left_behind() == 0);
}

TEST_CASE("run: SIGHUP: a program that outlasts the drain time is ended with the service, no orphan")
{
    std::signal(SIGHUP, SIG_DFL);
    const programs p;
    p.add("a.cgi", waits);
    own_service service(p, {"--drain", "100ms"});
    REQUIRE(service.says("serving FastCGI"));
    request_under_way request(service.address(), "/a.cgi");
    REQUIRE(becomes_true([&] { return std::filesystem::exists(p.at("begun")); }));
    service.program().send_signal(SIGHUP);
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == well);
    CHECK(service.program().left_behind() == 0);
    CHECK(request.wait() == badly);
}
