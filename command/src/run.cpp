// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "run.hpp"

#include "units.hpp"

#include <sluice/cgi/script_runner.hpp>
#include <sluice/run.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sluice::command {

namespace {

constexpr const char* what_it_is = "Run CGI programs behind a web server that speaks FastCGI";
constexpr const char* group = "Flags, variables that say the same, and defaults in [ ]";

// What is given, as text: checked when all is known.
struct run_texts {
    std::string root, script, mount, symlinks, timeout, idle_timeout, grace, path;
    std::vector<std::string> patterns, variables, resources;
    std::size_t processes = 0, queue = 0;
    bool document_root = false, ignore_exit_status = false, end_after_output = false;
};

void add_options(CLI::App& cli, run_texts& t)
{
    const cgi::runner_options defaults;
    const auto add = [&](const char* flag, auto& target, const char* variable, const char* value,
                         const std::string& text) {
        return cli.add_option(flag, target, text)
            ->group(group)
            ->envname(variable)
            ->option_text(fmt::format("{:<{}}{}", value, 22 - std::string_view(flag).size(), variable));
    };
    const auto seconds = [](std::chrono::milliseconds m) { return m.count() / 1000; };
    add("--root", t.root, "SLUICE_ROOT", "DIR", "Only what lies below it is run");
    add("--script", t.script, "SLUICE_SCRIPT", "FILE", "This program alone, whatever is asked for");
    cli.add_flag("--document-root", t.document_root,
                 "Take the root from the web server's DOCUMENT_ROOT: whoever can connect can choose it")
        ->group(group)
        ->envname("SLUICE_DOCUMENT_ROOT");
    add("--mount", t.mount, "SLUICE_MOUNT", "PATH",
        "URL path that the root stands for, such as /cgi-bin [/]");
    add("--pattern", t.patterns, "SLUICE_PATTERN", "GLOB",
        "Names of programs, such as '*.cgi'; may be given again [any executable file]")
        ->allow_extra_args(false);
    add("--symlinks", t.symlinks, "SLUICE_SYMLINKS", "HOW", "inside (of the root), none, or follow [inside]");
    add("--max-processes", t.processes, "SLUICE_MAX_PROCESSES", "N",
        fmt::format("Programs at once; others wait [{}]", defaults.processes));
    add("--max-queue", t.queue, "SLUICE_MAX_QUEUE", "N",
        fmt::format("Requests that wait; over it they get 503 [{}]", defaults.queue));
    add("--timeout", t.timeout, "SLUICE_TIMEOUT", "TIME",
        fmt::format("Until a program begins to answer; then 504 [{}s]", seconds(defaults.timeout)));
    add("--idle-timeout", t.idle_timeout, "SLUICE_IDLE_TIMEOUT", "TIME",
        "Of silence in mid-answer; then it is given up [none]");
    add("--grace", t.grace, "SLUICE_GRACE", "TIME",
        fmt::format("Between SIGTERM and SIGKILL once the client has left [{}s]", seconds(defaults.grace)));
    add("--env", t.variables, "SLUICE_ENV", "NAME[=VALUE]",
        "A variable for the programs, ours or as given; may be given again")
        ->allow_extra_args(false);
    add("--path", t.path, "SLUICE_PATH", "PATH", "Their PATH [" + defaults.environment.path + "]");
    add("--rlimit", t.resources, "SLUICE_RLIMIT", "NAME=N",
        "as, core, cpu, data, fsize, nofile, nproc or stack; may be given again")
        ->allow_extra_args(false);
    cli.add_flag("--ignore-exit-status", t.ignore_exit_status,
                 "A status other than 0 in mid-answer is no failure")
        ->group(group)
        ->envname("SLUICE_IGNORE_EXIT_STATUS");
    cli.add_flag("--end-after-output", t.end_after_output, "End a program that closes its output and goes on")
        ->group(group)
        ->envname("SLUICE_END_AFTER_OUTPUT");
}

std::pair<int, rlimit> resource_named(const std::string& text)
{
    constexpr std::pair<std::string_view, int> names[] = {
        {"as", RLIMIT_AS},       {"core", RLIMIT_CORE},     {"cpu", RLIMIT_CPU},     {"data", RLIMIT_DATA},
        {"fsize", RLIMIT_FSIZE}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK},
    };
    const auto equals = text.find('=');
    const auto name = std::find_if(std::begin(names), std::end(names), [&](const auto& n) {
        return n.first == std::string_view(text).substr(0, equals);
    });
    if (equals == text.npos || name == std::end(names))
        throw std::invalid_argument(fmt::format(
            "--rlimit {}: must be NAME=N, with as, core, cpu, data, fsize, nofile, nproc or stack for a NAME",
            text));
    const auto value = text.substr(equals + 1);
    const rlim_t n = value == "0" ? 0 : size_named("--rlimit " + text, value);
    return {name->second, {n, n}};
}

cgi::runner_options options_of(const run_texts& t)
{
    cgi::runner_options o;
    if (t.root.empty() && t.script.empty() && !t.document_root)
        throw std::invalid_argument("sluice run: what is to be run? Give --root DIR, or --script FILE");
    if (!t.mount.empty() && t.mount.front() != '/')
        throw std::invalid_argument(fmt::format("--mount {}: must be a path such as /cgi-bin", t.mount));
    o.scripts.root = t.root;
    o.scripts.script = t.script;
    o.scripts.mount = t.mount;
    o.scripts.patterns = t.patterns;
    using links = cgi::script_options::links;
    if (t.symlinks == "none")
        o.scripts.symlinks = links::none;
    else if (t.symlinks == "follow")
        o.scripts.symlinks = links::follow;
    else if (!t.symlinks.empty() && t.symlinks != "inside")
        throw std::invalid_argument(fmt::format("--symlinks {}: must be inside, none or follow", t.symlinks));
    o.environment.pass = t.variables;
    if (!t.path.empty())
        o.environment.path = t.path;
    if (t.processes > 0)
        o.processes = t.processes;
    if (t.queue > 0)
        o.queue = t.queue;
    if (!t.timeout.empty())
        o.timeout = time_named("--timeout", t.timeout);
    if (!t.idle_timeout.empty())
        o.idle_timeout = time_named("--idle-timeout", t.idle_timeout);
    if (!t.grace.empty())
        o.grace = time_named("--grace", t.grace);
    for (const auto& r : t.resources)
        o.resources.push_back(resource_named(r));
    o.status_counts = !t.ignore_exit_status;
    o.end_after_output = t.end_after_output;
    return o;
}

} // namespace

void add_run(CLI::App& cli)
{
    cli.add_subcommand("run", what_it_is);
}

int run_programs(int argc, char** arguments)
{
    run_texts texts;
    CLI::App cli(std::string(what_it_is) + ": unmodified, each response streamed and bounded.", "sluice run");
    cli.get_formatter()->column_width(46);
    cli.allow_extras();
    cli.set_help_flag("-h,--help", "Print this text and exit")->group(group);
    add_options(cli, texts);
    cli.footer("  sluice run --root /usr/lib/cgi-bin --mount /cgi-bin --fastcgi unix:/run/sluice/cgi.sock\n"
               "  sluice run --script /usr/lib/git-core/git-http-backend --env GIT_PROJECT_ROOT=/srv/git "
               "--env GIT_HTTP_EXPORT_ALL=\n"
               "sluice config prints what the web server in front of it needs. It is a service "
               "with these flags, too:\n");
    // What is not ours is the service's.
    std::vector<std::string> rest;
    try {
        std::vector<std::string> mine(arguments, arguments + argc);
        std::reverse(mine.begin(), mine.end()); // as CLI11 wants it
        cli.parse(std::move(mine));
        rest = cli.remaining();
    } catch (const CLI::CallForHelp&) {
        fmt::print("{}", cli.help());
        rest = {"--help"};
    }
    std::string name = "sluice run";
    if (!texts.mount.empty())
        rest.insert(rest.end(), {"--mount", texts.mount});
    std::vector<char*> to_service{name.data()};
    for (auto& r : rest)
        to_service.push_back(r.data());
    const bool helps = rest.size() == 1 && rest.front() == "--help";
    const auto nothing = [](request&, responder) -> task<void> { co_return; };
    return run(static_cast<int>(to_service.size()), to_service.data(),
               helps ? application(nothing) : cgi::script_runner(options_of(texts)));
}

} // namespace sluice::command
