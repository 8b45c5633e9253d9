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
    std::string document_root_given, ignore_exit_status_given, end_after_output_given; ///< "" for not at all
};

/// Declares them. `f` has to live as long as `cli`.
void add_program_flags(CLI::App& cli, program_flags& f);

/// Those with neither value nor number of their own: fills the three `bool`. Refuses a flag with an empty value, which would
/// count as not given: `--root "$FOLDER"` without a FOLDER, say.
/// Precondition: `cli` is parsed. Errors: throws std::invalid_argument.
void read_program_flags(const CLI::App& cli, program_flags& f);

/// The flag, or its variable where that is what was given.
std::string name_as_given(const CLI::App& cli, const std::string& flag);

/// The values of a flag that may be given again. Those of SLUICE_PATTERN and SLUICE_RLIMIT stand between spaces.
std::vector<std::string> values_of(const CLI::App& cli, const std::string& flag);

/// Nothing of this machine is looked at. Precondition: `f` was declared for `cli`, and read. Errors: throws
/// std::invalid_argument that says which is wrong, and how.
cgi::runner_options runner_options_of(const CLI::App& cli, const program_flags& f);

} // namespace sluice::command
