// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "options.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>

namespace sluice {

namespace {

std::string program_name(int argc, char** argv)
{
    const std::string path = argc > 0 ? argv[0] : "sluice";
    return path.substr(path.rfind('/') + 1);
}

// Milliseconds from "500ms", "30s", "2m" or plain seconds.
const CLI::AsNumberWithUnit duration(std::map<std::string, std::int64_t>{{"ms", 1}, {"s", 1000}, {"m", 60000}},
                                     CLI::AsNumberWithUnit::UNIT_REQUIRED, "TIME");

std::string check(const run_options& o)
{
    const auto& l = o.limits;
    if (l.block_size < 4096 || (l.block_size & (l.block_size - 1)) != 0 || l.block_size > 65536)
        return fmt::format("--block {}: must be 4K, 8K, 16K, 32K or 64K", l.block_size);
    if (l.window < l.block_size)
        return fmt::format("--window {}: must be at least one block ({})", l.window, l.block_size);
    if (l.pool_bytes / o.threads < 2 * l.block_size)
        return fmt::format("--pool {}: must be at least two blocks ({}) for each of {} threads", l.pool_bytes,
                           2 * l.block_size, o.threads);
    return {};
}

} // namespace

parsed_options parse_options(int argc, char** argv)
{
    parsed_options result;
    run_options& o = result.options;
    auto& l = o.limits;
    std::int64_t drain = l.drain.count(), stall = l.write_stall.count(), idle = l.request_idle.count();

    CLI::App cli("Serves its pages as a FastCGI or CGI program behind a web server.", program_name(argc, argv));
    cli.set_version_flag("--version", std::string("sluice " SLUICE_VERSION));
    cli.get_formatter()->column_width(34);
    cli.footer("Started by a web server with a listening socket as standard input, it needs no flags.\n"
               "As a service of its own:  --fastcgi unix:/run/app.sock   or   --fastcgi tcp:127.0.0.1:9000\n"
               "Sizes take K and M, times take ms, s and m. A flag counts before its variable.");
    cli.add_option("--fastcgi", o.fastcgi, "Serve FastCGI on unix:/path or tcp:host:port")
        ->envname("SLUICE_FASTCGI")->type_name("ADDRESS");
    cli.add_option("--threads", o.threads, "Event loops, each in a thread of its own")
        ->envname("SLUICE_THREADS")->check(CLI::Range(1u, 256u))->type_name("N")->capture_default_str();
    const auto size = [&](const char* flag, auto& target, const char* env, const char* text) {
        cli.add_option(flag, target, text)->envname(env)->transform(CLI::AsSizeValue(false))->type_name("SIZE")
            ->default_str(fmt::format("{}K", target / 1024));
    };
    size("--pool", l.pool_bytes, "SLUICE_POOL", "Memory for all bodies together");
    size("--window", l.window, "SLUICE_WINDOW", "Most memory one response may hold");
    size("--block", l.block_size, "SLUICE_BLOCK", "Unit of that memory, and of records");
    const auto time = [&](const char* flag, std::int64_t& target, const char* env, const char* text) {
        cli.add_option(flag, target, text)->envname(env)->transform(duration)->type_name("TIME")
            ->default_str(fmt::format("{}s", target / 1000));
    };
    time("--write-stall", stall, "SLUICE_WRITE_STALL", "Give up a client that takes nothing for so long");
    time("--request-idle", idle, "SLUICE_REQUEST_IDLE", "Give up a request of which nothing comes for so long");
    time("--drain", drain, "SLUICE_DRAIN", "Time for running responses after SIGTERM (2s when spawned)");
    cli.add_option("--mount", o.normalize.mount_point, "Where the app is mounted, if the web server says it wrong")
        ->envname("SLUICE_MOUNT")->type_name("PATH");
    cli.add_option("--log-level", o.log_level, "trace, debug, info, warning, error or off (default: info on a "
                                               "socket of its own, warning when spawned)")
        ->envname("SLUICE_LOG_LEVEL")->type_name("LEVEL")
        ->check(CLI::IsMember({"trace", "debug", "info", "warning", "warn", "error", "off"}));

    try {
        cli.parse(argc, argv);
        l.drain = std::chrono::milliseconds(drain);
        l.write_stall = std::chrono::milliseconds(stall);
        l.request_idle = std::chrono::milliseconds(idle);
        o.drain_given = cli.count("--drain") > 0;
        if (const auto wrong = check(o); !wrong.empty())
            throw CLI::ValidationError(wrong);
    } catch (const CLI::Success& e) {
        result.exit_status = cli.exit(e); // --help, --version
    } catch (const CLI::Error& e) {
        fmt::print(stderr, "{}: {} (--help lists all flags)\n", cli.get_name(), e.what());
        result.exit_status = 2;
    }
    return result;
}

} // namespace sluice
