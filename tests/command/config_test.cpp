// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What `sluice config` prints. That it works is shown behind each server (tests/interop/config_test.cpp).
#include "command/programs.hpp"
#include "support/catch.hpp"

using namespace sluice::test;

namespace {

std::string config(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "config");
    const auto o = run_command(arguments);
    CAPTURE(arguments, o.err);
    CHECK(o.status == exit_status{0, 0});
    CHECK(o.err.empty());
    return o.out;
}

} // namespace

TEST_CASE("sluice config prints what docs/porting.md has, word for word")
{
    const auto service = code_blocks("The service").front();
    std::vector<std::string> flags;
    for (std::size_t at = 0, end; (end = service.find_first_of(" \n", at)) != service.npos; at = end + 1)
        flags.push_back(service.substr(at, end - at));
    REQUIRE(flags.size() > 2);
    flags.erase(flags.begin(), flags.begin() + 2); // sluice run
    const struct {
        const char *server, *heading;
    } rows[] = {{"apache", "Apache, mod_proxy_fcgi"},
                {"haproxy", "HAProxy"},
                {"lighttpd", "lighttpd"},
                {"nginx", "nginx"}};
    for (const auto& row : rows) {
        auto arguments = flags;
        arguments.insert(arguments.begin(), row.server);
        CHECK(config(arguments) == "# It goes with:\n#   " + service + code_blocks(row.heading).front());
    }
}

TEST_CASE("sluice config takes every flag of sluice run, and prints them for a shell to read back")
{
    const std::vector<std::string> flags = {"--root",
                                            "/srv/a",
                                            "--mount",
                                            "/x",
                                            "--pattern",
                                            "*.cgi",
                                            "--pattern",
                                            "*.pl",
                                            "--symlinks",
                                            "none",
                                            "--max-processes",
                                            "3",
                                            "--max-queue",
                                            "0",
                                            "--timeout",
                                            "2m",
                                            "--idle-timeout",
                                            "90s",
                                            "--grace",
                                            "1s",
                                            "--env",
                                            "A=it's $1",
                                            "--env",
                                            "LANG",
                                            "--path",
                                            "/bin",
                                            "--rlimit",
                                            "nofile=unlimited",
                                            "--ignore-exit-status",
                                            "--end-after-output",
                                            "--fastcgi",
                                            "unix:/run/a.sock",
                                            "--threads",
                                            "2",
                                            "--workers",
                                            "2",
                                            "--socket-mode",
                                            "0660",
                                            "--socket-owner",
                                            "www-data",
                                            "--pool",
                                            "32M",
                                            "--window",
                                            "128K",
                                            "--block",
                                            "8K",
                                            "--write-stall",
                                            "1m",
                                            "--request-idle",
                                            "10s",
                                            "--drain",
                                            "5s",
                                            "--log-level",
                                            "debug"};
    for (const std::string server : {"apache", "haproxy", "lighttpd", "nginx"}) {
        auto arguments = flags;
        arguments.push_back(server);
        const auto printed = config(arguments);
        // The second line, without its "#   sluice run": a shell has to make the same words of it.
        const auto begin = printed.find("#   sluice run ") + 15;
        const auto line = printed.substr(begin, printed.find('\n', begin) - begin);
        const temp_dir folder;
        process shell(
            {.command = {"/bin/sh", "-c", "printf '%s\\n' " + line}, .stdout_file = folder / "out"});
        REQUIRE(shell.wait_for(std::chrono::seconds(10)) == exit_status{0, 0});
        std::string expected;
        for (const auto& word : flags)
            expected += word + "\n";
        CHECK(read_file(folder / "out") == expected);
    }
}

TEST_CASE("sluice config: a variable counts as a flag does, and is printed as one")
{
    const auto o =
        run_command({"config", "nginx"}, "",
                    {{"SLUICE_MOUNT", "/m"}, {"SLUICE_DRAIN", "9s"}, {"SLUICE_END_AFTER_OUTPUT", "1"}});
    CHECK_THAT(o.out, Catch::Contains("--mount /m --end-after-output") && Catch::Contains("--drain 9s\n"));
    CHECK_THAT(o.out, Catch::Contains("location /m/ {"));
    CHECK_THAT(run_command({"config", "nginx"}, "", {{"SLUICE_DOCUMENT_ROOT", "true"}}).out,
               Catch::Contains("sluice run --document-root --mount"));
    CHECK_THAT(run_command({"config", "nginx"}, "",
                           {{"SLUICE_PATTERN", "*.cgi *.pl"}, {"SLUICE_RLIMIT", "core=0  cpu=9"}})
                   .out,
               Catch::Contains("--pattern '*.cgi' --pattern '*.pl' --rlimit core=0 --rlimit cpu=9"));
}

TEST_CASE("sluice config: a web server waits longer than sluice run does")
{
    const struct {
        std::vector<std::string> flags;
        const char* seconds;
    } rows[] = {
        {{}, "3600"},
        {{"--timeout", "90m"}, "5405"},
        {{"--idle-timeout", "30s"}, "65"}, // the timeout is 60 s
        {{"--idle-timeout", "2m"}, "125"},
        {{"--idle-timeout", "500ms", "--timeout", "1500ms"}, "7"},
    };
    for (const auto& row : rows) {
        const std::string seconds = row.seconds;
        const auto with = [&](const char* server) {
            auto arguments = row.flags;
            arguments.insert(arguments.begin(), server);
            return config(arguments);
        };
        CHECK_THAT(with("nginx"), Catch::Contains("fastcgi_read_timeout " + seconds + "s;"));
        CHECK_THAT(with("apache"), Catch::Contains(" timeout=" + seconds + "\n"));
        CHECK_THAT(with("haproxy"), Catch::Contains("timeout server " + seconds + "s "));
    }
}

TEST_CASE("sluice config: credentials, one program, a TCP port, and who may use the socket")
{
    CHECK_THAT(config({"apache", "--env", "HTTP_AUTHORIZATION"}), Catch::Contains("CGIPassAuth on"));
    CHECK_THAT(config({"apache", "--env", "HTTP_AUTHORIZATION=x"}), !Catch::Contains("CGIPassAuth"));
    CHECK_THAT(config({"haproxy", "--env", "HTTP_AUTHORIZATION"}),
               Catch::Contains("pass-header authorization"));
    CHECK_THAT(config({"apache", "--script", "/bin/a", "--mount", "/a"}),
               Catch::Contains("|fcgi://localhost/a/\""));
    CHECK_THAT(config({"apache", "--root", "/srv/a"}), Catch::Contains("|fcgi://localhost/srv/a/\""));
    CHECK_THAT(config({"lighttpd", "--fastcgi", "tcp:127.0.0.1:9000"}),
               Catch::Contains("\"host\" => \"127.0.0.1\", \"port\" => 9000"));
    for (const std::string all : {"tcp::9000", "tcp:0.0.0.0:9000"})
        CHECK_THAT(config({"nginx", "--fastcgi", all}), Catch::Contains("fastcgi_pass 127.0.0.1:9000;"));
    CHECK_THAT(config({"nginx", "--fastcgi", "tcp:[::]:9000"}), Catch::Contains("fastcgi_pass [::1]:9000;"));
    CHECK_THAT(config({"lighttpd", "--fastcgi", "tcp:[::1]:9000"}), Catch::Contains("\"host\" => \"::1\""));
    for (const std::string wrong : {"tcp:localhost:99999", "tcp:localhost:0", "tcp:*:9000"})
        CHECK_THAT(run_command({"config", "nginx", "--fastcgi", wrong}).err,
                   Catch::Contains("--fastcgi " + wrong));
    const auto says = Catch::Contains("--socket-mode 0660 --socket-owner :www-data");
    CHECK_THAT(config({"nginx"}), says);
    CHECK_THAT(config({"nginx", "--socket-mode", "0600"}), !says);
    CHECK_THAT(config({"nginx", "--fastcgi", "tcp:127.0.0.1:9000"}), !says);
}
