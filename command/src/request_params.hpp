// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/field_list.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::command {

/// What a request is made of, as far as its variables say it.
struct request_target {
    std::string method;
    std::string uri = "/"; ///< path and query
    std::optional<std::uint64_t> content_length;
};

/// The variables nginx sends with its fastcgi_params as Debian has them, and HTTP_HOST; then `given` in their place or
/// added, each "NAME=VALUE".
/// Errors: throws std::invalid_argument when one of `given` has no name or no "=".
field_list request_params(const request_target& target, const std::vector<std::string>& given);

} // namespace sluice::command
