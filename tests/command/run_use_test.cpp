// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// `sluice run` used wrongly, and what its help says.
#include "command/programs.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>

using namespace sluice::test;

namespace {

// Of both commands, since both take them.
constexpr const char* all_flags[] = {
    "--root",
    "--script",
    "--document-root",
    "--mount",
    "--pattern",
    "--symlinks",
    "--max-processes",
    "--max-queue",
    "--timeout",
    "--idle-timeout",
    "--grace",
    "--env",
    "--path",
    "--rlimit",
    "--ignore-exit-status",
    "--end-after-output",
    "--fastcgi",
    "--threads",
    "--workers",
    "--socket-mode",
    "--socket-owner",
    "--pool",
    "--window",
    "--block",
    "--write-stall",
    "--request-idle",
    "--drain",
    "--log-level",
};

std::vector<std::string> lines(const std::string& text)
{
    std::istringstream in(text);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);)
        all.push_back(line);
    return all;
}

} // namespace

TEST_CASE("sluice run and sluice config: help is one text, with each flag once")
{
    const std::string command = GENERATE("run", "config");
    CAPTURE(command);
    const auto o = run_command({command, "--help"});
    CHECK(o.status == exit_status{0, 0});
    CHECK(o.err.empty());
    const auto all = lines(o.out);
    const auto count = [&](const std::string& start) {
        return std::count_if(all.begin(), all.end(),
                             [&](const auto& line) { return line.starts_with(start); });
    };
    CHECK(count("Usage:") == 1);
    for (const std::string flag : all_flags) {
        CAPTURE(flag);
        CHECK(count("  " + flag + " ") == 1);
    }
    for (const auto& line : all) {
        CAPTURE(line);
        CHECK(line.size() <= 120);
    }
}

TEST_CASE("sluice run: its help is enough to get going behind each of the four servers")
{
    const auto help = run_command({"run", "--help"}).out;
    const struct {
        const char *server, *line;
    } rows[] = {
        {"nginx", "fastcgi_pass unix:/run/sluice/cgi.sock;"},
        {"lighttpd", "\"socket\" => \"/run/sluice/cgi.sock\""},
        {"Apache", "unix:/run/sluice/cgi.sock|fcgi://localhost/usr/lib/cgi-bin/"},
        {"HAProxy", "server cgi unix@/run/sluice/cgi.sock proto fcgi"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.server);
        CHECK_THAT(help,
                   Catch::Contains(std::string("\n  ") + row.server + " ") && Catch::Contains(row.line));
        std::string name = row.server;
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return std::tolower(c); });
        // What the help shows of it is what that server is told.
        CHECK_THAT(run_command({"config", name}).out, Catch::Contains(row.line));
    }
    CHECK_THAT(help, Catch::Contains("sluice config"));
    CHECK(run_command({"run", "--version"}).out == "sluice " SLUICE_VERSION "\n");
}

TEST_CASE("sluice run: wrong use is one line that says what and how")
{
    const struct {
        std::vector<std::string> arguments;
        const char *what, *how;
    } rows[] = {
        {{"--max-processes", "-1"}, "--max-processes -1", "from 1 to"},
        {{"--max-processes", "0"}, "--max-processes 0", "from 1 to"},
        {{"--max-processes", "18446744073709551617"}, "18446744073709551617", "from 1 to"},
        {{"--max-processes", "2x"}, "--max-processes 2x", "from 1 to"},
        {{"--max-queue", "-5"}, "--max-queue -5", "from 0 to"},
        {{"--max-queue", "many"}, "--max-queue many", "from 0 to"},
        {{"--max-queue", ""}, "--max-queue", "must not be empty"},
        {{"--path", ""}, "--path", "must not be empty"},
        {{"--rlimit", "nofile"}, "--rlimit nofile:", "NAME=unlimited"},
        {{"--rlimit", "nofile=x"}, "--rlimit nofile=x:", "NAME=unlimited"},
        {{"--rlimit", "nofile=-1"}, "--rlimit nofile=-1:", "NAME=unlimited"},
        {{"--rlimit", "nofile="}, "--rlimit nofile=:", "NAME=unlimited"},
        {{"--rlimit", "speed=1"}, "--rlimit speed=1:", "nofile"},
        {{"--rlimit", "as=99999999999999999999"}, "--rlimit as=99999999999999999999:", "NAME=unlimited"},
        // More than fs.nr_open is beyond root, too.
        {{"--rlimit", "nofile=unlimited"}, "--rlimit nofile=unlimited:", "LimitNOFILE="},
        {{"--rlimit", "nofile=4G"}, "--rlimit nofile=4294967296:", "hard limit"},
        {{"--env", "FOO-BAR=1"}, "--env FOO-BAR=1", "NAME=VALUE"},
        {{"--env", "=x"}, "--env =x", "NAME=VALUE"},
        {{"--env", "HTTP_PROXY=http://x"}, "--env HTTP_PROXY=http://x", "give http_proxy"},
        {{"--env", "1A"}, "--env 1A", "NAME=VALUE"},
        {{"--timeout", "0s"}, "--timeout 0s", "a time such as"},
        {{"--symlinks", "some"}, "--symlinks some", "inside, none or follow"},
        {{"--mount", "cgi"}, "--mount cgi", "a path such as"},
        {{"--pool", "1"}, "--pool 1", "two blocks"},
        {{"--workers", "0"}, "--workers 0", "1 to 256"},
        {{"--document-root=maybe"}, "--document-root=maybe", "true or false"},
        {{"--fastcgi", "tcp:127.0.0.1:-1"}, "--fastcgi tcp:127.0.0.1:-1", "port from 0 to 65535"},
        {{"--fastcgi", "tcp:127.0.0.1:+1"}, "--fastcgi tcp:127.0.0.1:+1", "port from 0 to 65535"},
        {{"--nope"}, "--nope", "--help"},
        {{"stray"}, "stray", "--help"},
        {{}, "nothing to serve", "--fastcgi unix:/path"},
    };
    for (const auto& row : rows) {
        std::vector<std::string> command = {"run", "--root", "/"};
        command.insert(command.end(), row.arguments.begin(), row.arguments.end());
        const auto o = run_command(command);
        CAPTURE(row.what, o.err);
        CHECK(o.status == exit_status{2, 0});
        CHECK(o.out.empty());
        CHECK_THAT(o.err,
                   Catch::StartsWith("sluice: ") && Catch::Contains(row.what) && Catch::Contains(row.how));
        CHECK(lines(o.err).size() == 1);
    }
    CHECK_THAT(run_command({"run"}).err, Catch::Contains("--root DIR"));
}

TEST_CASE("sluice run: what a variable has wrong is said with its name")
{
    const struct {
        const char *variable, *value, *how;
    } rows[] = {
        {"SLUICE_TIMEOUT", "0", "a time such as"},
        {"SLUICE_IDLE_TIMEOUT", "1h", "a time such as"},
        {"SLUICE_GRACE", "soon", "a time such as"},
        {"SLUICE_MAX_PROCESSES", "0", "from 1 to"},
        {"SLUICE_MAX_QUEUE", "-1", "from 0 to"},
        {"SLUICE_SYMLINKS", "x", "inside, none or follow"},
        {"SLUICE_MOUNT", "cgi", "a path such as"},
        {"SLUICE_RLIMIT", "x=1", "nofile"},
        {"SLUICE_RLIMIT", "nofile=unlimited", "LimitNOFILE="},
        {"SLUICE_ENV", "1=2", "NAME=VALUE"},
        {"SLUICE_ENV", "HTTP_PROXY=x", "give http_proxy"},
        {"SLUICE_DOCUMENT_ROOT", "maybe", "true or false"},
        {"SLUICE_IGNORE_EXIT_STATUS", "maybe", "true or false"},
        {"SLUICE_END_AFTER_OUTPUT", "maybe", "true or false"},
        {"SLUICE_POOL", "x", "a size such as"},
        {"SLUICE_FASTCGI", "tcp:127.0.0.1:-1", "port from 0 to 65535"},
    };
    for (const auto& row : rows) {
        const std::string given = row.variable + std::string("=") + row.value;
        CAPTURE(given);
        const auto o = run_command({"run", "--root", "/"}, "", {{row.variable, row.value}});
        CAPTURE(o.err);
        CHECK(o.status == exit_status{2, 0});
        CHECK_THAT(o.err, Catch::StartsWith("sluice: " + given + ": ") && Catch::Contains(row.how) &&
                              !Catch::Contains("--rlimit") && !Catch::Contains("Could not"));
        CHECK(lines(o.err).size() == 1);
    }
    // A flag counts before its variable, and is what is wrong then.
    CHECK_THAT(run_command({"run", "--root", "/", "--timeout", "0"}, "", {{"SLUICE_TIMEOUT", "5s"}}).err,
               Catch::StartsWith("sluice: --timeout 0: "));
    CHECK_THAT(run_command({"run", "--root", "/"}, "", {{"SLUICE_RLIMIT", "core=0 x=1"}}).err,
               Catch::StartsWith("sluice: SLUICE_RLIMIT=x=1: "));
    // It would count as not given, and any executable file would be a program.
    CHECK_THAT(run_command({"run", "--root", "/"}, "", {{"SLUICE_PATTERN", " "}}).err,
               Catch::StartsWith("sluice: SLUICE_PATTERN: must not be empty"));
    CHECK(run_command({"run", "--help"}, "", {{"SLUICE_DOCUMENT_ROOT", "maybe"}}).status ==
          exit_status{0, 0});
}

TEST_CASE("sluice run: flags that contradict each other, or would do nothing, are refused in one line")
{
    const programs p;
    p.add("a.cgi", "echo a\n");
    const auto script = p.root() + "/a.cgi";
    const struct {
        std::vector<std::string> arguments;
        std::map<std::string, std::string> environment;
        std::string what, how;
    } rows[] = {
        {{"--root", "/", "--document-root"}, {}, "--document-root with --root", "one of them"},
        {{"--document-root"}, {{"SLUICE_ROOT", "/"}}, "--document-root with SLUICE_ROOT", "one of them"},
        {{"--script", script, "--pattern", "*.cgi"}, {}, "--pattern with --script", "one of them"},
        {{"--script", script}, {{"SLUICE_PATTERN", "*.cgi"}}, "SLUICE_PATTERN with --script", "one of them"},
        {{"--root", "/", "--fastcgi", "tcp:127.0.0.1:0", "--socket-mode", "0660"},
         {},
         "--socket-mode 0660",
         "leave it out"},
        {{"--root", "/", "--fastcgi", "tcp:127.0.0.1:0"},
         {{"SLUICE_SOCKET_OWNER", ":0"}},
         "SLUICE_SOCKET_OWNER=:0",
         "leave it out"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        auto command = row.arguments;
        command.insert(command.begin(), "run");
        const auto o = run_command(command, "", row.environment);
        CAPTURE(o.err);
        CHECK(o.status == exit_status{2, 0});
        CHECK_THAT(o.err, Catch::StartsWith("sluice: " + row.what + ": ") && Catch::Contains(row.how));
        CHECK(lines(o.err).size() == 1);
    }
    // PATH_TRANSLATED of the one program lies below the root.
    CHECK_THAT(run_command({"run", "--root", "/", "--script", script}).err,
               Catch::Contains("nothing to serve"));
}

TEST_CASE("sluice run: an inherited socket's file is not ours to give away")
{
    const programs p;
    app_program service(p.command({"--socket-owner", ":0"}));
    CHECK(service.program().wait_for(std::chrono::seconds(10)) == exit_status{2, 0});
    CHECK_THAT(service.log(),
               Catch::StartsWith("sluice: --socket-owner :0: ") && Catch::Contains("leave it out"));
    CHECK(lines(service.log()).size() == 1);
}

TEST_CASE("sluice run: a limit that the kernel would refuse each program is said at the start")
{
    const programs p;
    // A hard limit of the service's own; root may go over it, unless that right is taken away.
    const auto with = [&](const std::string& limit) {
        const temp_dir folder;
        process service(
            {.command = {"/bin/sh", "-c",
                         "ulimit -Hc 8; ulimit -Sc 8; [ \"$(id -u)\" != 0 ] || set -- setpriv "
                         "--bounding-set=-sys_resource --inh-caps=-sys_resource \"$@\"; exec \"$@\"",
                         "sh", SLUICE_COMMAND, "run", "--root", p.root(), "--rlimit", limit},
             .stderr_file = folder / "err"});
        const auto status = service.wait_for(std::chrono::seconds(10));
        CHECK(status == exit_status{2, 0});
        return read_file(folder / "err");
    };
    CHECK_THAT(with("core=1M"),
               Catch::Contains("--rlimit core=1048576:") && Catch::Contains("hard limit is 4096"));
    CHECK_THAT(with("core=unlimited"), Catch::Contains("--rlimit core=unlimited:"));
    CHECK_THAT(with("core=4096"), Catch::Contains("nothing to serve"));
    CHECK_THAT(with("core=0"), Catch::Contains("nothing to serve"));
}

TEST_CASE("sluice as a CGI program does nothing: its arguments may be a client's words")
{
    const programs p;
    p.add("a.cgi", "echo ran >\"$here/ran\"\n");
    const auto secret = p.root() + "/a.cgi";
    app_program service(p.command());
    const std::vector<std::string> rows[] = {
        {"run", "--script", secret},
        {"run", "--script", secret, "--fastcgi", "unix:" + p.at("socket")},
        {"get", "-t", service.address(), "-i", "/a.cgi"},
        {"bench", "-t", service.address(), "/a.cgi"},
        {"config", "nginx"},
        {"run", "--help"},
        {"--version"},
        {},
    };
    for (const auto& arguments : rows) {
        CAPTURE(arguments);
        const auto o = run_command(arguments, "", {{"GATEWAY_INTERFACE", "CGI/1.1"}});
        CHECK(o.status == exit_status{2, 0});
        CHECK(o.out.empty());
        CHECK_THAT(o.err, Catch::Contains("GATEWAY_INTERFACE"));
        CHECK(lines(o.err).size() == 1);
    }
    CHECK_FALSE(std::filesystem::exists(p.at("ran")));
    CHECK_FALSE(std::filesystem::exists(p.at("socket")));
    // A listening socket is no CGI program's standard input: then it is the web server's configuration that speaks.
    app_program spawned(p.command(), {{"GATEWAY_INTERFACE", "CGI/1.1"}});
    CHECK(run_command({"get", "-t", spawned.address(), "/a.cgi"}).status == exit_status{0, 0});
    CHECK(std::filesystem::exists(p.at("ran")));
}
