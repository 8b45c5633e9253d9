// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::command {

struct bench_options {
    std::string target;
    std::string uri = "/";
    std::optional<std::string> body; ///< as `body_source` takes it
    std::vector<std::string> params;
    unsigned connections = 1;
    unsigned at_once = 1;       ///< requests on each connection
    std::uint64_t requests = 0; ///< 0: as many as the time allows
    std::string duration = "10s";
    std::string rate; ///< "": as fast as it comes
    bool close = false;
    bool json = false;
    bool progress = false;
};

/// `sluice bench` and its flags.
CLI::App* add_bench(CLI::App& cli, bench_options& o);

/// Puts load on an app, the figures on stdout; the exit status: 0 when there were answers and none failed. Errors: as `get`.
int bench(const bench_options& o);

} // namespace sluice::command
