// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/resource.h>

namespace sluice::command {

/// "nofile=64" or "core=unlimited": a limit of setrlimit(2), soft and hard. Errors: throws std::invalid_argument that names
/// `flag`, or variable.
std::pair<int, rlimit> resource_named(std::string_view flag, const std::string& text);

/// What a program of ours would be refused by the kernel is said now, not request by request in nobody's hearing.
/// Errors: throws std::invalid_argument that names `flag`, or variable.
void check_resources(std::string_view flag, const std::vector<std::pair<int, rlimit>>& all);

} // namespace sluice::command
