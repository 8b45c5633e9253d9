// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// `sluice` used wrongly: one line that says what is wrong, and status 2.
#include "command/apps.hpp"
#include "support/catch.hpp"

#include <algorithm>

using namespace sluice::test;

TEST_CASE("sluice: help and version")
{
    auto o = run_command({"--help"});
    CHECK(o.status == exit_status{0, 0});
    CHECK_THAT(o.out, Catch::Contains("get"));
    o = run_command({"get", "--help"});
    CHECK(o.status == exit_status{0, 0});
    for (const auto* word : {"--target", "--param", "--body", "--role", "--include", "--trace", "--timeout",
                             "--close", "--data", "unix:/path"})
        CHECK_THAT(o.out, Catch::Contains(word));
    CHECK(run_command({"--version"}).out == "sluice " SLUICE_VERSION "\n");
}

TEST_CASE("sluice: wrong use is one line that says what and how")
{
    const struct {
        std::vector<std::string> arguments;
        const char* says;
    } cases[] = {
        {{}, "subcommand is required"},
        {{"fetch"}, "fetch"},
        {{"get"}, "--target"},
        {{"get", "/hello"}, "--target"},
        {{"get", "-t", "/run/app.sock"}, "use unix:/path/to/socket or tcp:host:port"},
        {{"get", "-t", "tcp:127.0.0.1:65536"}, "from 0 to 65535"},
        {{"get", "-t", "unix:/absent", "--param", "NAME"}, "must be NAME=VALUE"},
        {{"get", "-t", "unix:/absent", "--param", "=x"}, "must be NAME=VALUE"},
        {{"get", "-t", "unix:/absent", "--role", "king"}, "king"},
        {{"get", "-t", "unix:/absent", "--timeout", "soon"}, "must be a time"},
        {{"get", "-t", "unix:/absent", "--timeout", "0s"}, "must be a time"},
        {{"get", "-t", "unix:/absent", "--turbo"}, "--turbo"},
        {{"get", "-t", "unix:/absent", "/", "/more"}, "/more"},
    };
    for (const auto& one : cases) {
        INFO(one.says);
        const auto o = run_command(one.arguments);
        CHECK(o.status == exit_status{2, 0});
        CHECK(o.out.empty());
        CHECK_THAT(o.err, Catch::StartsWith("sluice: ") && Catch::Contains(one.says));
        CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
    }
}

TEST_CASE("sluice: what cannot be reached or read is said in one line, with status 1")
{
    const struct {
        std::vector<std::string> arguments;
        const char* says;
    } cases[] = {
        {{"get", "-t", "unix:/absent/socket"}, "unix:/absent/socket: No such file"},
        {{"get", "-t", "tcp:127.0.0.1:1"}, "tcp:127.0.0.1:1: Connection refused"},
        {{"get", "-t", "unix:/absent/socket", "--body", "@/absent/file"}, "cannot read /absent/file"},
    };
    for (const auto& one : cases) {
        const auto o = run_command(one.arguments);
        CHECK(o.status == exit_status{1, 0});
        CHECK_THAT(o.err, Catch::StartsWith("sluice: ") && Catch::Contains(one.says));
        CHECK(std::count(o.err.begin(), o.err.end(), '\n') == 1);
    }
}
