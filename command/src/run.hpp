// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <CLI/CLI.hpp>

namespace sluice::command {

/// `sluice run`, for the list of subcommands; what follows it is read by `run_programs`.
void add_run(CLI::App& cli);

/// Runs CGI programs as a FastCGI service; `arguments` are those behind `run`. The exit status.
/// Errors: throws std::invalid_argument that says what is wrong.
int run_programs(int argc, char** arguments);

} // namespace sluice::command
