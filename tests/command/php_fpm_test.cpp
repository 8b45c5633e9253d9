// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The command and php-fpm, where it is installed: somebody else's server, whose processes serve one connection each.
#include "command/apps.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"

#include <fmt/core.h>

#include <chrono>

#include <unistd.h>

using namespace sluice::test;

namespace {

constexpr exit_status well{0, 0};
constexpr exit_status badly{1, 0};

/// php-fpm with four workers, and a folder of scripts.
class php_fpm {
public:
    php_fpm()
    {
        const auto as_root = ::geteuid() == 0;
        const auto config = folder_.write(
            "fpm.conf",
            fmt::format("[global]\nerror_log = {0}/log\ndaemonize = no\n[www]\nlisten = {0}/socket\n"
                        "pm = static\npm.max_children = 4\n{1}",
                        folder_.path().string(), as_root ? "user = root\ngroup = root\n" : ""));
        process_options options;
        options.command = {SLUICE_PHP_FPM, "-n", "-F", "-y", config.string()};
        if (as_root)
            options.command.emplace_back("-R");
        options.stderr_file = folder_ / "stderr";
        program_.emplace(options);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
        while (run_command({"get", "-t", address(), "/"}).err.find("socket: ") != std::string::npos)
            if (std::chrono::steady_clock::now() > deadline)
                throw std::runtime_error("php-fpm does not listen: " + log());
    }

    std::string address() const { return "unix:" + (folder_ / "socket").string(); }
    std::string log() const { return read_file(folder_ / "log") + read_file(folder_ / "stderr"); }

    /// Asks a script of that text; `more` are arguments of `sluice get`.
    command_outcome get(std::string_view text, std::vector<std::string> more = {},
                        const std::string& input = {})
    {
        return run("get", text, std::move(more), input);
    }
    command_outcome bench(std::string_view text, std::vector<std::string> more)
    {
        return run("bench", text, std::move(more), {});
    }

private:
    command_outcome run(const std::string& command, std::string_view text, std::vector<std::string> more,
                        const std::string& input)
    {
        const auto file =
            folder_.write(fmt::format("script{}.php", ++scripts_), fmt::format("<?php {}", text));
        std::vector<std::string> arguments{command, "-t", address(), "-p",
                                           "SCRIPT_FILENAME=" + file.string()};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return run_command(arguments, input);
    }

    temp_dir folder_;
    std::optional<process> program_;
    int scripts_ = 0;
};

} // namespace

TEST_CASE("php-fpm: a page, with its status and headers")
{
    php_fpm fpm;
    const auto o = fpm.get("http_response_code(202); header('Content-Type: text/x-test');"
                           "header('Set-Cookie: a=1', false); header('Set-Cookie: b=2', false);"
                           "echo $_SERVER['REQUEST_METHOD'], ' ', $_GET['a'], ' ', $_SERVER['HTTP_X_ONE'];",
                           {"-i", "-p", "HTTP_X_ONE=one", "/page?a=b"});
    INFO(fpm.log());
    CHECK(o.status == well);
    CHECK(o.err.empty());
    CHECK_THAT(o.out, Catch::Contains("Status: 202") && Catch::EndsWith("\r\n\r\nGET b one"));
    CHECK_THAT(o.out, Catch::Contains("Set-Cookie: a=1\r\n") && Catch::Contains("Set-Cookie: b=2\r\n"));
    CHECK_THAT(o.out, Catch::Contains("Content-type: text/x-test", Catch::CaseSensitive::No));
}

TEST_CASE("php-fpm: a script that does not exist is a 404")
{
    php_fpm fpm;
    const auto o =
        run_command({"get", "-t", fpm.address(), "-i", "-p", "SCRIPT_FILENAME=/absent.php", "/absent.php"});
    CHECK(o.status == well);
    CHECK_THAT(o.out, Catch::Contains("Status: 404") && Catch::EndsWith("File not found.\n"));
    CHECK_THAT(o.err, Catch::Contains("Primary script unknown"));
}

TEST_CASE("php-fpm: a body goes out whole, and comes back")
{
    php_fpm fpm;
    const auto body = pattern(2'000'000);
    for (const bool close : {false, true}) {
        std::vector<std::string> arguments{"--body", "@-", "/echo"};
        if (close)
            arguments.emplace_back("--close");
        const auto o = fpm.get("echo $_SERVER['CONTENT_LENGTH'], \"\\n\", file_get_contents('php://input');",
                               arguments, body);
        INFO(fpm.log());
        CHECK(o.status == well);
        CHECK(difference(o.out, "2000000\n" + body) == "");
    }
}

TEST_CASE("php-fpm: a large answer that is made bit by bit")
{
    php_fpm fpm;
    const auto o = fpm.get(
        "for ($i = 0; $i < 2000; ++$i) { echo str_repeat(chr(65 + $i % 26), 10000); flush(); }", {"/stream"});
    std::string expected;
    for (int i = 0; i < 2000; ++i)
        expected.append(10'000, static_cast<char>('A' + i % 26));
    INFO(fpm.log());
    CHECK(o.status == well);
    CHECK(difference(o.out, expected) == "");
}

TEST_CASE("php-fpm: what it says on its error stream, and when it fails")
{
    php_fpm fpm;
    auto o = fpm.get("error_log('said by php'); echo 'well';", {"/"});
    CHECK(o.status == well);
    CHECK(o.out == "well");
    CHECK_THAT(o.err, Catch::Contains("said by php"));

    o = fpm.get(
        "ini_set('display_errors', '0'); ini_set('log_errors', '1'); throw new Exception('on purpose');",
        {"-i", "/"});
    CHECK(o.status == well); // a complete answer, if a sad one
    CHECK_THAT(o.out, Catch::Contains("Status: 500"));
    CHECK_THAT(o.err, Catch::Contains("on purpose"));

    // A worker that dies in mid-answer: what has come is none.
    o = fpm.get("echo 'begun'; flush(); shell_exec('kill -9 ' . getmypid()); sleep(20);", {"/"});
    INFO(o.err << fpm.log());
    CHECK(o.status == badly);
    CHECK(o.out == "begun");
    CHECK_THAT(o.err, Catch::Contains("sluice: "));
}

TEST_CASE("php-fpm: the records of an answer")
{
    php_fpm fpm;
    const auto o = fpm.get("echo 'well';", {"--trace", "/"});
    CHECK_THAT(o.err, Catch::StartsWith("> BEGIN_REQUEST id 1 8 bytes\n> PARAMS id 1 "));
    CHECK_THAT(o.err, Catch::EndsWith("< END_REQUEST id 1 8 bytes\n"));
}

TEST_CASE("php-fpm: bench, on connections that are kept and on new ones")
{
    php_fpm fpm;
    // No more connections than workers: one that is kept has a worker to itself.
    for (const std::string how : {"", "--close"}) {
        std::vector<std::string> arguments{"-n", "300", "-c", "4", "--json", "/"};
        if (!how.empty())
            arguments.push_back(how);
        const auto o = fpm.bench("echo 'well';", arguments);
        INFO(o.out << o.err << fpm.log());
        CHECK(o.status == well);
        for (const auto* part : {"\"answers\":300,", "\"failed\":0,", "\"not_2xx\":0,"})
            CHECK_THAT(o.out, Catch::Contains(part));
    }
}
