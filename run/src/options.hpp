// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/environment.hpp>
#include <sluice/fcgi/listener.hpp>
#include <sluice/limits.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace sluice {

struct run_options {
    std::string fastcgi; ///< "" looks at fd 0
    fcgi::listener_options socket;
    std::string socket_said; ///< what of that was given, and how; "" for nothing
    std::string log_level;   ///< "" depends on how the program was started
    unsigned threads = 1;
    unsigned workers = 0; ///< processes under a supervisor; 0: none, this process serves
    bool drain_given = false;
    sluice::limits limits;
    normalize_options normalize;
};

/// What the command line made of the program: either options, or an exit status with everything said.
struct parsed_options {
    std::optional<int> exit_status;
    run_options options;
};

/// Flags, then SLUICE_* variables, then defaults.
parsed_options parse_options(int argc, char** argv);

/// Declares the same flags on the command line of a program that has others beside them. `own` is one of them that it
/// declares itself. To be called once the line is parsed: what it returns checks the values and fills `o`; it throws
/// CLI::ValidationError.
/// Object lifetimes: `cli` and `o` have to outlive what it returns.
std::function<void()> add_service_flags(CLI::App& cli, run_options& o, const std::string& group,
                                        std::string_view own = {});

/// The name under which the program was started, without its folder: what its messages begin with.
std::string program_name(int argc, char** argv);

} // namespace sluice
