// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// `sluice bench`: that it counts right, not how fast anything is.
#include "bench_report.hpp"
#include "units.hpp"

#include "command/apps.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <stdexcept>

using namespace sluice::command;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

constexpr exit_status well{0, 0};
constexpr exit_status badly{1, 0};

/// A number of the JSON report; -1 when it is not there.
double figure(const std::string& json, const std::string& name)
{
    const auto at = json.find('"' + name + "\":");
    double value = -1;
    if (at != json.npos) {
        const char* const begin = json.data() + at + name.size() + 3;
        std::from_chars(begin, json.data() + json.size(), value);
    }
    return value;
}

} // namespace

TEST_CASE("bench: percentiles are at most 3 % too high, and never above the most")
{
    latencies l;
    CHECK(l.percentile(.5) == 0ns);
    for (int i = 1; i <= 100'000; ++i)
        l.add(std::chrono::nanoseconds(i * 1000));
    for (const auto& [share, exact] : {std::pair{.5, 50'000'000.}, {.9, 90'000'000.}, {.99, 99'000'000.}}) {
        CHECK(static_cast<double>(l.percentile(share).count()) >= exact);
        CHECK(static_cast<double>(l.percentile(share).count()) <= exact * 1.035);
    }
    CHECK(l.percentile(1) == 100ms);
    CHECK(l.most() == 100ms);
    CHECK(l.count() == 100'000);
}

TEST_CASE("bench: the Status of an answer")
{
    CHECK(status_of("Status: 404 Not Found\r\n\r\n") == 404);
    CHECK(status_of("Content-Type: a/b\r\nsTaTuS:503\r\n\r\n") == 503);
    CHECK(status_of("Content-Type: a/b\n\nStatus: 404\n") == 200);
    CHECK(status_of("Status: none\r\n\r\n") == 200);
    CHECK(status_of("Status:") == 200);
    CHECK(status_of("") == 200);
}

TEST_CASE("bench: times and sizes by name")
{
    CHECK(time_named("-d", "500ms") == 500ms);
    CHECK(time_named("-d", "10s") == 10s);
    CHECK(time_named("-d", "2m") == 2min);
    CHECK(size_named("-r", "100") == 100);
    CHECK(size_named("-r", "64K") == 65536);
    CHECK(size_named("-r", "3G") == std::uint64_t{3} << 30);
    CHECK(size_named("-r", "4294967296") == std::uint64_t{1} << 32);
    for (const auto* wrong : {"", "10", "0s", "s", "-1s", "1h", "1 s", "4294967296s", "4000000000m"})
        CHECK_THROWS_AS(time_named("-d", wrong), std::invalid_argument);
    for (const auto* wrong : {"", "0", "K", "-1", "1T", "64KB", "18446744073709551616", "18014398509481984K"})
        CHECK_THROWS_AS(size_named("-r", wrong), std::invalid_argument);
}

TEST_CASE("bench: as many requests as were asked for, in each way")
{
    app_program probe({SLUICE_PROBE});
    const struct {
        std::vector<std::string> flags;
        double bytes; ///< of all answers' bodies, at the least
    } cases[] = {
        {{"/hello"}, 500 * 13},
        {{"-c", "7", "/hello"}, 500 * 13},
        {{"-c", "3", "-m", "5", "/hello"}, 500 * 13},
        {{"-c", "3", "--close", "/hello"}, 500 * 13},
        {{"-m", "4", "--body", std::string(5000, 'x'), "/echo"}, 500 * 5000},
    };
    for (const auto& one : cases) {
        std::vector<std::string> arguments{"bench", "-t", probe.address(), "-n", "500", "--json"};
        arguments.insert(arguments.end(), one.flags.begin(), one.flags.end());
        const auto o = run_command(arguments);
        INFO(o.out << o.err);
        CHECK(o.status == well);
        CHECK(figure(o.out, "answers") == 500);
        CHECK(figure(o.out, "failed") == 0);
        CHECK(figure(o.out, "unfinished") == 0);
        CHECK(figure(o.out, "not_2xx") == 0);
        CHECK(figure(o.out, "bytes") > one.bytes);
        CHECK(figure(o.out, "p50") > 0);
        CHECK(figure(o.out, "max") >= figure(o.out, "p99_9"));
    }
}

TEST_CASE("bench: it ends in time, and what is under way then is no failure")
{
    app_program probe({SLUICE_PROBE});
    auto o =
        run_command({"bench", "-t", probe.address(), "-d", "300ms", "-c", "2", "-m", "3", "--json", "/idle"});
    CHECK(o.status == badly); // no answer at all
    CHECK(figure(o.out, "answers") == 0);
    CHECK(figure(o.out, "failed") == 0);
    CHECK(figure(o.out, "unfinished") == 6);
    CHECK(figure(o.out, "seconds") >= .3);

    o = run_command({"bench", "-t", probe.address(), "-d", "300ms", "/hello"});
    CHECK(o.status == well);
    CHECK_THAT(o.out, Catch::StartsWith(probe.address() + " /hello\n") && Catch::Contains(" a second, ") &&
                          Catch::Contains("latency in ms: 50 % "));
}

TEST_CASE("bench: a reader with a rate takes its time")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"bench", "-t", probe.address(), "-n", "2", "-c", "2", "--rate", "100K",
                                "--json", "/stream?bytes=51200"});
    CHECK(o.status == well);
    CHECK(figure(o.out, "answers") == 2);
    CHECK(figure(o.out, "p50") >= 400'000); // 50 KiB at 100 KiB a second, in microseconds
}

TEST_CASE("bench: what is not well is counted, and the first said")
{
    app_program probe({SLUICE_PROBE});
    auto o = run_command({"bench", "-t", probe.address(), "-n", "20", "--json", "/status?code=503"});
    CHECK(o.status == well);
    CHECK(figure(o.out, "not_2xx") == 20);

    o = run_command({"bench", "-t", probe.address(), "-n", "5", "--json", "/throw?when=middle"});
    CHECK(o.status == badly);
    CHECK(figure(o.out, "failed") == 5);
    CHECK(figure(o.out, "answers") == 0);
    CHECK_THAT(o.out, !Catch::Contains(R"("first_failure":"")"));

    o = run_command({"bench", "-t", "unix:/absent/socket", "-n", "3", "--json"});
    CHECK(o.status == badly);
    CHECK(figure(o.out, "failed") == 3);
    CHECK_THAT(o.out, Catch::Contains("No such file"));
}

TEST_CASE("bench: a line of progress each second")
{
    app_program probe({SLUICE_PROBE});
    const auto o = run_command({"bench", "-t", probe.address(), "-d", "1500ms", "--progress", "/hello"});
    CHECK(o.status == well);
    CHECK_THAT(o.err,
               Catch::StartsWith("1 s: ") && Catch::Contains(" answers, ") && Catch::EndsWith(" 0 failed\n"));
}

TEST_CASE("bench: an app on libfcgi, kept and closed")
{
    app_program app({SLUICE_LIBFCGI_APP});
    for (const bool close : {false, true}) {
        std::vector<std::string> arguments{"bench", "-t", app.address(), "-n", "100", "--json", "/"};
        if (close)
            arguments.emplace_back("--close");
        const auto o = run_command(arguments);
        INFO(o.out << o.err);
        CHECK(o.status == well);
        CHECK(figure(o.out, "answers") == 100);
    }
}

TEST_CASE("bench: wrong use is one line that says what and how")
{
    const struct {
        std::vector<std::string> arguments;
        const char* says;
    } cases[] = {
        {{"bench"}, "--target"},
        {{"bench", "-t", "nowhere"}, "use unix:/path/to/socket or tcp:host:port"},
        {{"bench", "-t", "unix:/absent", "-c", "0"}, "connections"},
        {{"bench", "-t", "unix:/absent", "-m", "2", "--close"}, "--close with --multiplex"},
        {{"bench", "-t", "unix:/absent", "-d", "long"}, "must be a time"},
        {{"bench", "-t", "unix:/absent", "--rate", "slow"}, "must be a size"},
        {{"bench", "-t", "unix:/absent", "--rate", "9"}, "at least 10"},
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
