// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/environment.hpp>
#include <sluice/fcgi/listener.hpp>
#include <sluice/limits.hpp>

#include <optional>
#include <string>

namespace sluice {

struct run_options {
    std::string fastcgi; ///< "" looks at fd 0
    fcgi::listener_options socket;
    std::string log_level; ///< "" depends on how the program was started
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

/// The name under which the program was started, without its folder: what its messages begin with.
std::string program_name(int argc, char** argv);

} // namespace sluice
