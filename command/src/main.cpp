// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The `sluice` command: a web server's side of FastCGI, by hand; and CGI programs behind one.
#include "bench.hpp"
#include "config.hpp"
#include "get.hpp"
#include "run.hpp"

#include <sluice/cgi/program.hpp>

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>

int main(int argc, char** argv)
{
    using namespace sluice::command;

    // A web server may make a CGI program's arguments out of a query without "=" (RFC 3875 section 4.4): a client's
    // words would run programs here, and read files. No answer on stdout: the client gets the server's own 500, and a
    // script that uses us has nothing of ours in its output.
    if (sluice::cgi::program::is_cgi()) {
        fmt::print(
            stderr,
            "sluice: this is no CGI program, and with GATEWAY_INTERFACE set its arguments may be a client's "
            "words: nothing done (in a CGI script: env -u GATEWAY_INTERFACE sluice ...)\n");
        return 2;
    }

    CLI::App cli("Runs CGI programs over FastCGI; talks to FastCGI apps as a web server does.", "sluice");
    cli.set_version_flag("--version", std::string("sluice " SLUICE_VERSION), "Print the version and exit");
    cli.require_subcommand(1);
    cli.footer("sluice get --help says more of it, and so on.");
    get_options for_get;
    bench_options for_bench;
    add_run(cli);
    add_config(cli);
    add_get(cli, for_get);
    const auto* const bench_used = add_bench(cli, for_bench);

    std::signal(SIGPIPE, SIG_IGN); // writing says it
    const auto named = [&](const CLI::App* each) { return each->get_name() == argv[1]; };
    if (argc > 1 && argv[1][0] != '-' && cli.get_subcommands(named).empty()) {
        fmt::print(stderr, "sluice: '{}' is no subcommand; sluice --help lists them\n", argv[1]);
        return 2;
    }
    try {
        if (argc > 1 && argv[1] == std::string_view("run"))
            return run_programs(argc - 2, argv + 2);
        if (argc > 1 && argv[1] == std::string_view("config"))
            return print_config(argc - 2, argv + 2);
        cli.parse(argc, argv);
        return bench_used->parsed() ? bench(for_bench) : get(for_get);
    } catch (const CLI::Success& e) {
        return cli.exit(e); // --help, --version
    } catch (const CLI::Error& e) {
        fmt::print(stderr, "sluice: {} ({} --help lists all flags)\n", e.what(),
                   argc > 1 && argv[1][0] != '-' ? fmt::format("sluice {}", argv[1]) : "sluice");
        return 2;
    } catch (const std::invalid_argument& e) {
        fmt::print(stderr, "sluice: {}\n", e.what());
        return 2;
    } catch (const std::exception& e) {
        fmt::print(stderr, "sluice: {}\n", e.what());
        return 1;
    }
}
