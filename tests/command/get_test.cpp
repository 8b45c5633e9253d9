// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// `sluice get` and the probe.
#include "command/apps.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"

using namespace sluice::test;

namespace {

constexpr exit_status well{0, 0};
constexpr exit_status badly{1, 0};

} // namespace

TEST_CASE("get: the body goes to stdout, with -i the head in front of it")
{
    app_program probe({SLUICE_PROBE});
    auto o = run_command({"get", "--target", probe.address(), "/hello"});
    CHECK(o.status == well);
    CHECK(o.out == "Hello, world!");
    CHECK(o.err.empty());

    o = run_command({"get", "-t", probe.address(), "-i", "/hello"});
    CHECK(o.status == well);
    CHECK_THAT(o.out, Catch::StartsWith("Status: 200 OK\r\nContent-Type: text/plain\r\n"));
    CHECK_THAT(o.out, Catch::EndsWith("\r\n\r\nHello, world!"));
}

TEST_CASE("get: any Status is a complete answer")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"get", "-t", probe.address(), "-i", "/status?code=404"});
    CHECK(o.status == well);
    CHECK_THAT(o.out, Catch::StartsWith("Status: 404"));
    CHECK_THAT(o.out, Catch::EndsWith("status 404\n"));
}

TEST_CASE("get: a large answer arrives whole")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"get", "-t", probe.address(), "/stream?bytes=20000000"});
    CHECK(o.status == well);
    CHECK(o.out.size() == 20'000'000);
}

TEST_CASE("get: a body from the command line, a file or standard input")
{
    app_program probe({SLUICE_PROBE});
    CHECK(run_command({"get", "-t", probe.address(), "--body", "a text", "/echo"}).out == "a text");
    CHECK(run_command({"get", "-t", probe.address(), "--body", "", "-p", "X=y", "/env"})
              .out.find("REQUEST_METHOD=POST\n") != std::string::npos);
    const temp_dir folder;
    const auto large = pattern(5'000'000);
    const auto file = folder.write("body", large);
    for (const auto& [name, input] : {std::pair<std::string, std::string>{file.string(), ""}, {"-", large}}) {
        const auto o = run_command({"get", "-t", probe.address(), "--body", "@" + name, "/echo"}, input);
        CHECK(o.status == well);
        CHECK(difference(o.out, large) == "");
    }
}

TEST_CASE("get: variables are nginx's, and --param changes them")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"get", "-t", probe.address(), "--param", "REMOTE_ADDR=192.0.2.7", "-p",
                                "MINE=a=b", "/env/more?x=1"});
    CHECK(o.status == well);
    for (const auto* line :
         {"REMOTE_ADDR=192.0.2.7\n", "MINE=a=b\n", "QUERY_STRING=x=1\n", "REQUEST_METHOD=GET\n",
          "SERVER_PROTOCOL=HTTP/1.1\n", "GATEWAY_INTERFACE=CGI/1.1\n"})
    {
        INFO(line);
        CHECK(o.out.find(line) != std::string::npos);
    }
}

TEST_CASE("get: a trace names each record both ways")
{
    app_program probe({SLUICE_PROBE});
    for (const bool close : {false, true}) {
        std::vector<std::string> arguments{"get", "-t", probe.address(), "--trace", "/hello"};
        if (close)
            arguments.emplace_back("--close");
        const auto o = run_command(arguments);
        CHECK(o.status == well);
        CHECK(o.out == "Hello, world!");
        CHECK_THAT(o.err, Catch::StartsWith("> BEGIN_REQUEST id 1 8 bytes\n> PARAMS id 1 "));
        CHECK_THAT(o.err, Catch::Contains("> PARAMS id 1 0 bytes\n> STDIN id 1 0 bytes\n< STDOUT id 1 "));
        CHECK_THAT(o.err, Catch::EndsWith("< STDOUT id 1 0 bytes\n< END_REQUEST id 1 8 bytes\n"));
    }
}

TEST_CASE("get: an answer cut short is none")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"get", "-t", probe.address(), "/throw?when=middle"});
    CHECK(o.status == badly);
    CHECK(o.out.size() == 100'000);
    CHECK_THAT(o.err, Catch::Contains("sluice: "));
}

TEST_CASE("get: a role the app does not serve")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"get", "-t", probe.address(), "--role", "authorizer", "/hello"});
    CHECK(o.status == badly);
    CHECK(o.out.empty());
    CHECK_THAT(o.err, Catch::Contains("UNKNOWN_ROLE"));
}

TEST_CASE("get: an app that does not answer in time is given up")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"get", "-t", probe.address(), "--timeout", "300ms", "/idle"});
    CHECK(o.status == badly);
    CHECK_THAT(o.err, Catch::Contains("no complete answer") && Catch::Contains("within 300ms"));
    CHECK(o.out == "waiting for you to go\n");
}

TEST_CASE("get: a filter on sluice gets body and file, both larger than what is held of them")
{
    app_program app({SLUICE_FILTER_APP});
    const auto body = pattern(3'000'000);
    const std::string file(5'000'000, 'x');
    const temp_dir folder;
    const auto place = "@" + folder.write("file", file).string();
    auto o = run_command(
        {"get", "-t", app.address(), "-i", "--role", "filter", "--body", "@-", "--data", place}, body);
    CHECK(o.status == well);
    CHECK_THAT(o.out.substr(0, 200),
               Catch::Contains("\r\nX-Changed: 1") || Catch::Contains("\r\nX-Changed: 2"));
    const auto content = o.out.substr(o.out.find("\r\n\r\n") + 4);
    CHECK(difference(content, body + "\n" + std::string(file.size(), 'X')) == "");

    o = run_command({"get", "-t", app.address(), "/"});
    CHECK(o.status == badly);
    CHECK_THAT(o.err, Catch::Contains("UNKNOWN_ROLE"));
}
