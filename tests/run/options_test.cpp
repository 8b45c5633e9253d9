// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "options.hpp"

#include "service.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdlib>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

struct one {
    const char* flag;
    const char* variable;
    const char* value;
    bool (*took)(const run_options&);
};

const one all[] = {
    {"--fastcgi", "SLUICE_FASTCGI", "unix:/a b",
     [](const run_options& o) { return o.fastcgi == "unix:/a b"; }},
    {"--threads", "SLUICE_THREADS", "256", [](const run_options& o) { return o.threads == 256; }},
    {"--workers", "SLUICE_WORKERS", "8", [](const run_options& o) { return o.workers == 8; }},
    {"--socket-mode", "SLUICE_SOCKET_MODE", "0660",
     [](const run_options& o) { return o.socket.mode == 0660; }},
    {"--socket-owner", "SLUICE_SOCKET_OWNER", ":www-data",
     [](const run_options& o) { return o.socket.owner == ":www-data"; }},
    {"--pool", "SLUICE_POOL", "1M", [](const run_options& o) { return o.limits.pool_bytes == 1024 * 1024; }},
    {"--window", "SLUICE_WINDOW", "128K", [](const run_options& o) { return o.limits.window == 128 * 1024; }},
    {"--block", "SLUICE_BLOCK", "32768", [](const run_options& o) { return o.limits.block_size == 32768; }},
    {"--write-stall", "SLUICE_WRITE_STALL", "2m",
     [](const run_options& o) { return o.limits.write_stall == 2min; }},
    {"--request-idle", "SLUICE_REQUEST_IDLE", "5s",
     [](const run_options& o) { return o.limits.request_idle == 5s; }},
    {"--drain", "SLUICE_DRAIN", "250ms",
     [](const run_options& o) { return o.limits.drain == 250ms && o.drain_given; }},
    {"--mount", "SLUICE_MOUNT", "/app",
     [](const run_options& o) { return o.normalize.mount_point == "/app"; }},
    {"--log-level", "SLUICE_LOG_LEVEL", "trace", [](const run_options& o) { return o.log_level == "trace"; }},
};

parsed_options parse(std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "/usr/lib/app");
    std::vector<char*> pointers;
    for (auto& a : arguments)
        pointers.push_back(a.data());
    return parse_options(static_cast<int>(pointers.size()), pointers.data());
}

// Sets a variable of this process while it lives.
class variable {
public:
    variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    ~variable() { ::unsetenv(name_); }
    variable(const variable&) = delete;
    variable& operator=(const variable&) = delete;

private:
    const char* name_;
};

} // namespace

TEST_CASE("each flag and each variable is taken")
{
    for (const one& o : all) {
        CAPTURE(o.flag);
        CHECK_FALSE(o.took(parse({}).options));

        const auto by_flag = parse({o.flag, o.value});
        CHECK_FALSE(by_flag.exit_status);
        CHECK(o.took(by_flag.options));
        CHECK(o.took(parse({std::string(o.flag) + "=" + o.value}).options));

        const variable set(o.variable, o.value);
        const auto by_variable = parse({});
        CHECK_FALSE(by_variable.exit_status);
        CHECK(o.took(by_variable.options));
    }
}

TEST_CASE("a flag counts before its variable, whatever that says - the last one counts")
{
    for (const one& o : all) {
        CAPTURE(o.flag);
        for (const char* other : {"", "nonsense"}) {
            const variable set(o.variable, other);
            const auto parsed = parse({o.flag, o.value});
            CHECK_FALSE(parsed.exit_status);
            CHECK(o.took(parsed.options));
        }
        const auto twice = parse({o.flag, "nonsense", o.flag, o.value});
        CHECK_FALSE(twice.exit_status);
        CHECK(o.took(twice.options));
    }
}

TEST_CASE("without flags the limits are the documented ones")
{
    const auto o = parse({}).options;
    CHECK(o.fastcgi.empty());
    CHECK(o.log_level.empty());
    CHECK(o.threads == 1);
    CHECK_FALSE(o.drain_given);
    CHECK(o.limits.pool_bytes == limits().pool_bytes);
    CHECK(o.limits.window == limits().window);
    CHECK(o.limits.drain == limits().drain);
    const variable set("SLUICE_POOL", ""); // as good as none
    CHECK(parse({}).options.limits.pool_bytes == limits().pool_bytes);
}

TEST_CASE("units of sizes and times")
{
    const auto pool = [](const char* value) { return parse({"--pool", value}).options.limits.pool_bytes; };
    CHECK(pool("65536") == 65536);
    CHECK(pool("64K") == 65536);
    CHECK(pool("64k") == 65536);
    CHECK(pool("3M") == 3 << 20);
    CHECK(pool("3m") == 3 << 20);
    CHECK(pool("2G") == std::size_t(2) << 30);
    CHECK(pool("64G") == std::size_t(64) << 30);
    const auto drain = [](const char* value) { return parse({"--drain", value}).options.limits.drain; };
    CHECK(drain("0s") == 0ms);
    CHECK(drain("1500ms") == 1500ms);
    CHECK(drain("90s") == 90s);
    CHECK(drain("10m") == 10min);
}

TEST_CASE("wrong use: one line on stderr that says what and how, exit status 2")
{
    struct example {
        std::vector<std::string> arguments;
        variables_map environment;
        const char* what; ///< the culprit as the user wrote it
        const char* how;
    };
    const auto e = GENERATE(values<example>({
        {{"--pool", "x"}, {}, "--pool x", "a size such as"},
        {{"--pool", "10Q"}, {}, "--pool 10Q", "a size such as"},
        {{"--pool", "-1"}, {}, "--pool -1", "a size such as"},
        {{"--pool", "0"}, {}, "--pool 0", "a size such as"},
        {{"--pool", "65G"}, {}, "--pool 65G", "at most 64G"},
        {{"--pool", "18446744073709551616"}, {}, "--pool 18446744073709551616", "at most 64G"},
        {{"--pool", "18014398509481984K"}, {}, "--pool 18014398509481984K", "at most 64G"},
        {{"--pool", "1.5M"}, {}, "--pool 1.5M", "a size such as"},
        {{"--pool", "1"}, {}, "--pool 1", "two blocks for each thread, 32K"},
        {{"--pool", "64K", "--threads", "4"}, {}, "--pool 64K", "two blocks for each thread, 128K"},
        {{"--pool"}, {}, "--pool", "SIZE"},
        {{"--window", "1K"}, {}, "--window 1K", "at least one block, 16K"},
        {{"--block", "5K"}, {}, "--block 5K", "4K, 8K, 16K, 32K or 64K"},
        {{"--block", "2K"}, {}, "--block 2K", "4K, 8K, 16K, 32K or 64K"},
        {{"--threads", "0"}, {}, "--threads 0", "1 to 256"},
        {{"--threads", "257"}, {}, "--threads 257", "1 to 256"},
        {{"--threads", "two"}, {}, "--threads two", "1 to 256"},
        {{"--drain", "5"}, {}, "--drain 5", "500ms, 30s or 2m"},
        {{"--drain", "-1s"}, {}, "--drain -1s", "500ms, 30s or 2m"},
        {{"--drain", "1h"}, {}, "--drain 1h", "500ms, 30s or 2m"},
        {{"--drain", "9999999999999999m"}, {}, "--drain 9999999999999999m", "a time such as"},
        {{"--write-stall", "0s"}, {}, "--write-stall 0s", "more than 0"},
        {{"--request-idle", "0ms"}, {}, "--request-idle 0ms", "more than 0"},
        {{"--mount", "app"}, {}, "--mount app", "a path such as /app"},
        {{"--log-level", "loud"}, {}, "--log-level loud", "trace, debug, info"},
        {{"--fastcgi", "foo"}, {}, "foo", "unix:/path"},
        {{"--fastcgi", "tcp:9000"}, {}, "tcp:9000", "tcp:127.0.0.1:9000"},
        {{"--fastcgi", "unix:"}, {}, "unix:", "characters"},
        {{"--fastcgi", "tcp:127.0.0.1:-1"}, {}, "--fastcgi tcp:127.0.0.1:-1", "port from 0 to 65535"},
        {{"--fastcgi", "tcp::0", "--socket-mode", "0660"}, {}, "--socket-mode 0660", "tcp::0 has none"},
        {{"--fastcgi", "tcp::0"},
         {{"SLUICE_SOCKET_OWNER", ":0"}},
         "SLUICE_SOCKET_OWNER=:0",
         "tcp::0 has none"},
        {{"--nope"}, {}, "--nope", "--help"},
        {{"stray"}, {}, "stray", "--help"},
        {{}, {{"SLUICE_POOL", "x"}}, "SLUICE_POOL=x", "a size such as"},
        {{}, {{"SLUICE_THREADS", "0"}}, "SLUICE_THREADS=0", "1 to 256"},
        {{}, {{"SLUICE_BLOCK", "5K"}}, "SLUICE_BLOCK=5K", "4K, 8K, 16K, 32K or 64K"},
        {{}, {{"SLUICE_DRAIN", "5"}}, "SLUICE_DRAIN=5", "500ms, 30s or 2m"},
        {{}, {{"SLUICE_LOG_LEVEL", "loud"}}, "SLUICE_LOG_LEVEL=loud", "trace, debug, info"},
        {{}, {{"SLUICE_FASTCGI", "foo"}}, "foo", "unix:/path"},
        {{}, {}, "nothing to serve", "--fastcgi unix:/path"},
    }));
    const auto o = run_program(SLUICE_PROBE, e.arguments, e.environment);
    CAPTURE(o.err);
    CHECK(o.status == exit_status{2, 0});
    CHECK(o.out.empty());
    CHECK(lines(o.err).size() == 1);
    CHECK_THAT(o.err, Catch::StartsWith("probe: ") && Catch::EndsWith("\n"));
    CHECK_THAT(o.err, Catch::Contains(e.what) && Catch::Contains(e.how));
}

TEST_CASE("an address that cannot be listened on: one line on stderr, exit status 1")
{
    const auto o = run_program(SLUICE_PROBE, {"--fastcgi", "unix:/nowhere/at/all"});
    CHECK(o.status == exit_status{1, 0});
    CHECK(o.err == "probe: cannot listen on unix:/nowhere/at/all: No such file or directory\n");
}

TEST_CASE("flags: --help lists every flag and variable on lines that fit")
{
    const auto o = run_program(SLUICE_PROBE, {GENERATE("--help", "-h")});
    CHECK(o.status == exit_status{0, 0});
    CHECK(o.err.empty());
    for (const one& each : all) {
        const auto all_lines = lines(o.out);
        CHECK(std::count_if(all_lines.begin(), all_lines.end(), [&](const std::string& line) {
                  return line.starts_with(std::string("  ") + each.flag + " ") &&
                         line.find(std::string(" ") + each.variable + " ") != line.npos;
              }) == 1);
    }
    CHECK_THAT(o.out, Catch::Contains("--version") && Catch::Contains("[64M]") && Catch::Contains("[300s]"));
    for (const auto& line : lines(o.out))
        CHECK(line.size() <= 115);
}

TEST_CASE("flags: --help and --version do not mind what else is wrong in the environment")
{
    CHECK(run_program(SLUICE_PROBE, {"--help"}, {{"SLUICE_POOL", "x"}}).status == exit_status{0, 0});
    const auto o = run_program(SLUICE_PROBE, {"--version"}, {{"SLUICE_POOL", "x"}});
    CHECK(o.status == exit_status{0, 0});
    CHECK_THAT(o.out, Catch::Matches("sluice [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    CHECK(o.err.empty());
}

TEST_CASE("the options reach the server: pool and block as /stats tells them")
{
    const auto o =
        run_program(SLUICE_PROBE, {}, cgi_request("/stats", {{"SLUICE_POOL", "1M"}, {"SLUICE_BLOCK", "8K"}}));
    CHECK(o.status == exit_status{0, 0});
    CHECK_THAT(o.out, Catch::Contains("\"total\":128,") && Catch::Contains("\"block_size\":8192"));

    service probe({"--pool", "2M", "--threads", "2"});
    CHECK_THAT(fastcgi_client(probe.address()).get("/stats").body, Catch::Contains("\"total\":128,"));
}

} // namespace sluice::test
