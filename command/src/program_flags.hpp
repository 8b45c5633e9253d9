// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/cgi/script_runner.hpp>

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace sluice::command {

/// The flags of `sluice run` that are about CGI programs, as given: checked when all is known.
struct program_flags {
    std::string root, script, mount, symlinks, processes, queue, timeout, idle_timeout, grace, path;
    std::vector<std::string> patterns, variables, resources;
    bool document_root = false, ignore_exit_status = false, end_after_output = false;
};

/// Declares them. `f` has to live as long as `cli`.
void add_program_flags(CLI::App& cli, program_flags& f);

/// Refuses a flag with an empty value, which would count as not given: `--root "$FOLDER"` without a FOLDER, say.
/// Precondition: `cli` is parsed. Errors: throws std::invalid_argument.
void check_not_empty(const CLI::App& cli);

/// Nothing of this machine is looked at. Errors: throws std::invalid_argument that says which is wrong, and how.
cgi::runner_options runner_options_of(const program_flags& f);

} // namespace sluice::command
