// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::command {

/// As the user has it: "--timeout 0", "SLUICE_TIMEOUT=0". A name without a "-" before it is a variable's.
std::string said(std::string_view name, std::string_view value);

/// "500ms", "10s", "2m". Errors, as of all of these: throws std::invalid_argument that names `flag`, which may be a variable,
/// when it is no such time, is 0 or more than a year.
std::chrono::milliseconds time_named(std::string_view flag, std::string_view text);

/// "100", "64K", "1M", "1G", in bytes. Errors: throws std::invalid_argument that names `flag` when it is no such size or 0.
std::uint64_t size_named(std::string_view flag, std::string_view text);

/// The same, 0 too; nothing when it is no such size.
std::optional<std::uint64_t> size_in(std::string_view text);

/// A number without a unit. Errors: throws std::invalid_argument that names `flag` when it is none, or not from `least`
/// to `most`.
std::size_t number_named(std::string_view flag, std::string_view text, std::size_t least, std::size_t most);

} // namespace sluice::command
