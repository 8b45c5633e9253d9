// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::cgi {

/// What to start, and with what.
struct program_start {
    const std::string& filename;               ///< absolute
    const std::string& directory;              ///< where it starts
    const std::vector<std::string>& arguments; ///< argv, with its first
    const std::vector<std::string>& variables; ///< "NAME=value"
    const std::vector<std::pair<int, rlimit>>& limits;
    int in = -1; ///< -1: /dev/null
    int out = -1, err = -1;
};

struct started_program {
    pid_t pid;
    int pidfd; ///< the caller's, close-on-exec
};

/// posix_spawn(3) with what it cannot do: resource limits that hold from the program's first instruction on, and a pidfd that
/// nobody else can have waited for.
///
/// The program leads a process group of its own, has descriptors 0, 1 and 2 and no others, the signals' defaults and none
/// blocked.
/// Preconditions: `in`, `out` and `err` are above 2.
/// Errors: throws `system_error` that names the file, and what it could not be given; then there is no process.
/// Thread safety: any thread; it alone stands still until the program has been loaded.
started_program start_program(const program_start& what);

} // namespace sluice::cgi
