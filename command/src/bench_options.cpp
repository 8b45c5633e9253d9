// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "bench.hpp"

#include <CLI/CLI.hpp>

namespace sluice::command {

CLI::App* add_bench(CLI::App& cli, bench_options& o)
{
    auto* const bench = cli.add_subcommand("bench", "Put load on a FastCGI app and say how it bears it");
    bench->get_formatter()->column_width(30);
    bench->add_option("URI", o.uri, "Path and query of the request [/]")->option_text("");
    bench->add_option("-t,--target", o.target, "Where the app listens: unix:/path or tcp:host:port")
        ->required()
        ->option_text("ADDRESS");
    bench->add_option("-c,--connections", o.connections, "Connections at once, 1 to 10000 [1]")
        ->check(CLI::Range(1, 10000))
        ->option_text("N");
    bench->add_option("-m,--multiplex", o.at_once, "Requests at once on each connection, 1 to 1000 [1]")
        ->check(CLI::Range(1, 1000))
        ->option_text("N");
    bench->add_flag("--close", o.close, "A new connection for each request");
    bench->add_option("-d,--duration", o.duration, "How long, such as 500ms, 10s or 2m [10s]")
        ->option_text("TIME");
    bench->add_option("-n,--requests", o.requests, "End after so many requests, if that is sooner")
        ->option_text("N");
    bench->add_option("--rate", o.rate, "Read each answer no faster than so many bytes a second, such as 64K")
        ->option_text("SIZE");
    bench->add_option("-p,--param", o.params, "As for sluice get")
        ->allow_extra_args(false)
        ->option_text("NAME=VALUE");
    bench->add_option("-b,--body", o.body, "As for sluice get; held in memory")->option_text("TEXT");
    bench->add_flag("--json", o.json, "The figures as one JSON object; times in microseconds");
    bench->add_flag("--progress", o.progress, "A line on stderr each second, also when that is no terminal");
    bench->footer(
        "The latency is that of complete answers, from the asking (once connected) to END_REQUEST.\n"
        "Exit status: 0 when there were answers and none failed; 1 otherwise; 2 for wrong use.\n\n"
        "  sluice bench -t unix:/run/app.sock -c 16 /hello\n"
        "  sluice bench -t unix:/run/app.sock -c 100 --rate 16K -d 30s /large\n"
        "  sluice bench -t tcp:127.0.0.1:9000 -m 32 -n 100000 --json /");
    return bench;
}

} // namespace sluice::command
