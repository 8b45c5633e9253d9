// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// `sluice get` and php-fpm, where it is installed.
#include "command/apps.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"

#include <fmt/core.h>

#include <chrono>

#include <unistd.h>

using namespace sluice::test;

namespace {

/// php-fpm with one worker, and a folder of scripts.
class php_fpm {
public:
    php_fpm()
    {
        const auto as_root = ::geteuid() == 0;
        const auto config = folder_.write(
            "fpm.conf",
            fmt::format("[global]\nerror_log = {0}/log\ndaemonize = no\n[www]\nlisten = {0}/socket\n"
                        "pm = static\npm.max_children = 1\n{1}",
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
    std::string script(std::string_view name, std::string_view text) const
    {
        return "SCRIPT_FILENAME=" + folder_.write(name, text).string();
    }

private:
    temp_dir folder_;
    std::optional<process> program_;
};

} // namespace

TEST_CASE("get: php-fpm")
{
    php_fpm fpm;
    const auto script =
        fpm.script("echo.php", "<?php http_response_code(202); header('Content-Type: text/plain');"
                               "echo $_SERVER['REQUEST_METHOD'], ' ', $_GET['a'] ?? '', \"\\n\";"
                               "echo file_get_contents('php://input'); error_log('said by php');");
    auto o = run_command({"get", "-t", fpm.address(), "-i", "-p", script, "/echo.php?a=b"});
    INFO(fpm.log());
    CHECK(o.status == exit_status{0, 0});
    CHECK_THAT(o.out, Catch::Contains("Status: 202") && Catch::EndsWith("\r\n\r\nGET b\n"));
    CHECK_THAT(o.err, Catch::Contains("said by php"));

    const auto body = pattern(2'000'000);
    for (const bool close : {false, true}) {
        std::vector<std::string> arguments{"get",  "-t",     fpm.address(), "-p",
                                           script, "--body", "@-",          "/echo.php"};
        if (close)
            arguments.emplace_back("--close");
        o = run_command(arguments, body);
        CHECK(o.status == exit_status{0, 0});
        CHECK(difference(o.out, "POST \n" + body) == "");
    }

    o = run_command({"get", "-t", fpm.address(), "-i", "-p", "SCRIPT_FILENAME=/absent.php", "/absent.php"});
    CHECK(o.status == exit_status{0, 0});
    CHECK_THAT(o.out, Catch::Contains("Status: 404") && Catch::EndsWith("File not found.\n"));

    o = run_command({"get", "-t", fpm.address(), "--trace", "-p", script, "/"});
    CHECK_THAT(o.err, Catch::Contains("< END_REQUEST id 1 8 bytes\n"));
}
