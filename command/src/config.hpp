// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <CLI/CLI.hpp>

namespace sluice::command {

/// `sluice config`, for the list of subcommands; what follows it is read by `print_config`.
void add_config(CLI::App& cli);

/// Prints what a web server needs in front of `sluice run` with these flags, any of that command's. `arguments` are
/// those behind `config`. The exit status.
/// Errors: throws std::invalid_argument or CLI::Error that says what is wrong.
int print_config(int argc, char** arguments);

} // namespace sluice::command
