// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// What the lines of a program's head are made of. Not installed.

#include <sluice/detail/text.hpp>

#include <algorithm>
#include <string_view>

namespace sluice::cgi::text {

using namespace sluice::text;

constexpr bool is_control(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

constexpr bool starts_nocase(std::string_view s, std::string_view start) noexcept
{
    return equal_nocase(s.substr(0, start.size()), start);
}

/// Without spaces and tabs at both ends.
constexpr std::string_view trimmed(std::string_view s) noexcept
{
    const auto first = s.find_first_not_of(" \t");
    if (first == s.npos)
        return {};
    return s.substr(first, s.find_last_not_of(" \t") + 1 - first);
}

/// A control character other than a tab, which is white space in a header (RFC 9110 section 5.5).
constexpr bool has_bad_control(std::string_view s) noexcept
{
    return std::any_of(s.begin(), s.end(), [](char c) { return is_control(c) && c != '\t'; });
}

} // namespace sluice::cgi::text
