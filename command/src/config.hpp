// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace sluice::command {

/// What `sluice config` is given.
struct config_options {
    std::string server;
    std::string root = "/usr/lib/cgi-bin";
    std::string mount = "/cgi-bin";
    std::string fastcgi = "unix:/run/sluice/cgi.sock";
};

/// Declares the subcommand. `o` has to live as long as `cli`.
CLI::App* add_config(CLI::App& cli, config_options& o);

/// What the web server needs in front of `sluice run` with those flags.
/// Errors: throws std::invalid_argument that says what is wrong.
std::string config_for(const config_options& o);

} // namespace sluice::command
