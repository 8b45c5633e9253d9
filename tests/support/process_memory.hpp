// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace sluice::test {

/// Resident anonymous memory of a process in bytes (RssAnon of /proc/PID/status: heap, stacks and
/// private maps, without the program's own pages); nothing when the process has gone.
std::optional<std::size_t> resident_anonymous_bytes(pid_t pid);

/// The processes below `ancestor` whose command name (at most 15 characters) is `name`.
std::vector<pid_t> processes_below(pid_t ancestor, std::string_view name);

} // namespace sluice::test
