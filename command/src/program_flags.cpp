// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "program_flags.hpp"

#include "resources.hpp"
#include "units.hpp"

#include <sluice/cgi/script_environment.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace sluice::command {

namespace {

constexpr const char* group = "Programs: flags, variables that say the same, and defaults in [ ]";

// More than a machine has of either; a slip of the keyboard is over it.
constexpr std::size_t most = 1'000'000;

// As CLI11 reads what a flag is set to, and a variable.
bool is_on(const CLI::App& cli, const std::string& flag, const std::string& given)
{
    try {
        return !given.empty() && CLI::detail::to_flag_value(given) > 0;
    } catch (const std::logic_error&) {
        throw std::invalid_argument(
            fmt::format("{}={}: must be true or false", name_as_given(cli, flag), given));
    }
}

// Two that contradict each other, or one that would do nothing beside the other.
void check_together(const CLI::App& cli, const program_flags& f)
{
    const auto both = [&](const char* one, const char* other) {
        return fmt::format("{} with {}", name_as_given(cli, one), name_as_given(cli, other));
    };
    if (f.document_root && !f.root.empty())
        throw std::invalid_argument(both("--document-root", "--root") +
                                    ": the root is either the web server's word or yours; give one of them");
    if (!f.patterns.empty() && !f.script.empty())
        throw std::invalid_argument(both("--pattern", "--script") +
                                    ": one program is run whatever it is called; give one of them");
}

} // namespace

void add_program_flags(CLI::App& cli, program_flags& f)
{
    const cgi::runner_options defaults;
    const auto add = [&](const char* flag, auto& target, const char* variable, const char* value,
                         const std::string& text) {
        return cli.add_option(flag, target, text)
            ->group(group)
            ->envname(variable)
            ->type_name(value)
            ->option_text(fmt::format("{:<{}}{}", value, 22 - std::string_view(flag).size(), variable));
    };
    const auto seconds = [](std::chrono::milliseconds m) { return m.count() / 1000; };
    add("--root", f.root, "SLUICE_ROOT", "DIR", "Only what lies below it is run");
    add("--script", f.script, "SLUICE_SCRIPT", "FILE", "This program alone, whatever is asked for");
    cli.add_flag("--document-root", f.document_root_given,
                 "Take the root from the web server: whoever connects can choose it")
        ->group(group)
        ->envname("SLUICE_DOCUMENT_ROOT");
    add("--mount", f.mount, "SLUICE_MOUNT", "PATH",
        "URL path that the root, or the script, stands for, such as /cgi-bin [/]");
    add("--pattern", f.patterns, "SLUICE_PATTERN", "GLOB",
        "Names of programs, such as '*.cgi'; again for more [any executable]")
        ->allow_extra_args(false);
    add("--symlinks", f.symlinks, "SLUICE_SYMLINKS", "HOW", "inside (of the root), none, or follow [inside]");
    add("--max-processes", f.processes, "SLUICE_MAX_PROCESSES", "N",
        fmt::format("Programs at once, of each worker; others wait [{}]", defaults.processes));
    add("--max-queue", f.queue, "SLUICE_MAX_QUEUE", "N",
        fmt::format("Requests that wait, of each worker; over it 503, with 0 at once [{}]", defaults.queue));
    add("--timeout", f.timeout, "SLUICE_TIMEOUT", "TIME",
        fmt::format("Until a program answers, or since its body last moved; then 504 [{}s]",
                    seconds(defaults.timeout)));
    add("--idle-timeout", f.idle_timeout, "SLUICE_IDLE_TIMEOUT", "TIME",
        "Of silence in mid-answer, likewise; then it is given up [none]");
    add("--grace", f.grace, "SLUICE_GRACE", "TIME",
        fmt::format("Between SIGTERM and SIGKILL once the client has left [{}s]", seconds(defaults.grace)));
    add("--env", f.variables, "SLUICE_ENV", "NAME[=VALUE]",
        "A variable for the programs, ours or as given; again for more")
        ->allow_extra_args(false);
    add("--path", f.path, "SLUICE_PATH", "PATH", "Their PATH [" + defaults.environment.path + "]");
    add("--rlimit", f.resources, "SLUICE_RLIMIT", "NAME=N",
        "as core cpu data fsize nofile nproc or stack; N or unlimited; may repeat")
        ->allow_extra_args(false);
    cli.add_flag("--ignore-exit-status", f.ignore_exit_status_given,
                 "A status other than 0 in mid-answer is no failure")
        ->group(group)
        ->envname("SLUICE_IGNORE_EXIT_STATUS");
    cli.add_flag("--end-after-output", f.end_after_output_given,
                 "End a program that closes its output and goes on")
        ->group(group)
        ->envname("SLUICE_END_AFTER_OUTPUT");
}

std::string name_as_given(const CLI::App& cli, const std::string& flag)
{
    const auto* const option = cli.get_option(flag);
    const auto& flags = cli.parse_order();
    const bool by_variable =
        option->count() > 0 && std::find(flags.begin(), flags.end(), option) == flags.end();
    return by_variable ? option->get_envname() : flag;
}

std::vector<std::string> values_of(const CLI::App& cli, const std::string& flag)
{
    const auto& given = cli.get_option(flag)->results();
    const auto name = name_as_given(cli, flag);
    // A variable's value may have spaces of its own. A limit has none, and a glob's can be written as "?".
    if (name == flag || flag == "--env")
        return given;
    std::vector<std::string> all;
    for (const auto& list : given) {
        std::istringstream words(list);
        for (std::string word; words >> word;)
            all.push_back(word);
    }
    if (all.empty() && !given.empty())
        throw std::invalid_argument(name + ": must not be empty");
    return all;
}

void read_program_flags(const CLI::App& cli, program_flags& f)
{
    for (const auto* const option : cli.get_options()) {
        const auto& given = option->results();
        if (option->get_items_expected_max() > 0 && std::find(given.begin(), given.end(), "") != given.end())
            throw std::invalid_argument(fmt::format("{}: must not be empty", option->get_name()));
    }
    f.document_root = is_on(cli, "--document-root", f.document_root_given);
    f.ignore_exit_status = is_on(cli, "--ignore-exit-status", f.ignore_exit_status_given);
    f.end_after_output = is_on(cli, "--end-after-output", f.end_after_output_given);
}

cgi::runner_options runner_options_of(const CLI::App& cli, const program_flags& f)
{
    cgi::runner_options o;
    const auto named = [&](const char* flag) { return name_as_given(cli, flag); };
    if (f.root.empty() && f.script.empty() && !f.document_root)
        throw std::invalid_argument("what is to be run? Give --root DIR, or --script FILE");
    check_together(cli, f);
    if (!f.mount.empty() && f.mount.front() != '/')
        throw std::invalid_argument(said(named("--mount"), f.mount) + ": must be a path such as /cgi-bin");
    o.scripts.root = f.root;
    o.scripts.script = f.script;
    o.scripts.mount = f.mount;
    o.scripts.patterns = values_of(cli, "--pattern");
    using links = cgi::script_options::links;
    if (f.symlinks == "none")
        o.scripts.symlinks = links::none;
    else if (f.symlinks == "follow")
        o.scripts.symlinks = links::follow;
    else if (!f.symlinks.empty() && f.symlinks != "inside")
        throw std::invalid_argument(said(named("--symlinks"), f.symlinks) +
                                    ": must be inside, none or follow");
    for (const std::string_view v : f.variables) {
        const auto name = v.substr(0, v.find('='));
        if (name == "HTTP_PROXY")
            throw std::invalid_argument(said(named("--env"), v) +
                                        ": no program gets HTTP_PROXY, which is a client's Proxy header to "
                                        "some; give http_proxy");
        if (!cgi::is_variable_name(name))
            throw std::invalid_argument(said(named("--env"), v) +
                                        ": must be NAME or NAME=VALUE, with a NAME of letters, digits and _ "
                                        "that begins with no digit");
    }
    o.environment.pass = f.variables;
    if (!f.path.empty())
        o.environment.path = f.path;
    if (!f.processes.empty())
        o.processes = number_named(named("--max-processes"), f.processes, 1, most);
    if (!f.queue.empty())
        o.queue = number_named(named("--max-queue"), f.queue, 0, most);
    if (!f.timeout.empty())
        o.timeout = time_named(named("--timeout"), f.timeout);
    if (!f.idle_timeout.empty())
        o.idle_timeout = time_named(named("--idle-timeout"), f.idle_timeout);
    if (!f.grace.empty())
        o.grace = time_named(named("--grace"), f.grace);
    for (const auto& r : values_of(cli, "--rlimit"))
        o.resources.push_back(resource_named(named("--rlimit"), r));
    o.status_counts = !f.ignore_exit_status;
    o.end_after_output = f.end_after_output;
    return o;
}

} // namespace sluice::command
