// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/record.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::command {

struct get_options {
    std::string target;
    std::string uri = "/";
    std::optional<std::string> body, data; ///< as `body_source` takes them
    std::vector<std::string> params;
    std::string role = "responder";
    std::string timeout;
    bool include_head = false;
    bool trace = false;
    bool close = false;
};

/// `sluice get` and its flags.
CLI::App* add_get(CLI::App& cli, get_options& o);

/// One request, its answer on stdout; the exit status. Errors: throws std::invalid_argument for wrong use,
/// others for what failed.
int get(const get_options& o);

} // namespace sluice::command
