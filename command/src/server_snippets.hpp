// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::command {

/// What a web server has to know of the `sluice run` behind it.
struct front_needs {
    std::string prefix;           ///< URL path of the programs, with a slash at its end
    std::string path, host, port; ///< where to connect: a unix socket's path, or host and port
    std::string root;             ///< "" where the programs are not simply below a folder
    std::chrono::seconds
        patience{};           ///< the longest silence that `sluice run` puts up with, and a little more
    bool credentials = false; ///< the programs are to get HTTP_AUTHORIZATION
};

/// A piece of that server's configuration. Errors: throws std::invalid_argument for a server there is none for.
/// Precondition: nothing in `n` ends a word or means something else in any of their files.
std::string snippet_for(std::string_view server, const front_needs& n);

} // namespace sluice::command
