// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "options.hpp"
#include "program_flags.hpp"

#include <CLI/CLI.hpp>

#include <functional>

namespace sluice::command {

/// `sluice run`, for the list of subcommands; what follows it is read by `run_programs`.
void add_run(CLI::App& cli);

/// All flags of `sluice run`, for those who print them, too. What it returns is to be called once `cli` is parsed; it
/// checks the service's and fills `o`, and reads `f`. Errors: that throws CLI::ValidationError or std::invalid_argument.
std::function<void()> add_run_flags(CLI::App& cli, program_flags& f, run_options& o);

/// Runs CGI programs as a FastCGI service; `arguments` are those behind `run`. The exit status.
/// Errors: throws std::invalid_argument that says what is wrong.
int run_programs(int argc, char** arguments);

} // namespace sluice::command
