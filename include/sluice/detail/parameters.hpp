// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/field_list.hpp>

#include <string_view>

namespace sluice::detail {

/// A header's value with parameters: `multipart/form-data; boundary=x`.
struct value_with_parameters {
    std::string_view value; ///< before the first `;`, without the spaces around it
    field_list parameters{field_case::insensitive};
};

/// Splits it (RFC 9110 section 5.6.6). Of quoted text `\"` and `\\` stand for `"` and `\`; any other backslash for itself, since
/// browsers send those of a name as they are. False when it is no such value, has more than 16 parameters, or a name twice:
/// which of the two counts is not for guessing.
bool parse_parameters(std::string_view text, value_with_parameters& to);

/// Without the spaces and tabs around it.
std::string_view trim_blanks(std::string_view s) noexcept;

} // namespace sluice::detail
