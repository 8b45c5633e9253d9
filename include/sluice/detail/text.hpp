// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// Small questions about ASCII text that several parts ask.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::text {

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

constexpr char upper(char c) noexcept
{
    return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
}

constexpr bool is_alnum(char c) noexcept
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

/// Value of a hexadecimal digit, -1 for anything else.
constexpr int hex_value(char c) noexcept
{
    if (is_digit(c))
        return c - '0';
    const char l = lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// Equal but for the case of ASCII letters.
constexpr bool equal_nocase(std::string_view a, std::string_view b) noexcept
{
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (lower(a[i]) != lower(b[i]))
            return false;
    }
    return true;
}

/// A token of RFC 9110 section 5.6.2: methods and header names.
bool is_token(std::string_view s) noexcept;

/// Bytes 0–31 and 127. Bytes above are somebody's letters and pass.
bool has_control(std::string_view s) noexcept;

/// Digits only, and small enough for 64 bits.
std::optional<std::uint64_t> parse_number(std::string_view s) noexcept;

/// Appends `s` for a log line: in double quotes, with control characters as \xNN, cut after 64 bytes.
void append_quoted(std::string_view s, std::string& out);

} // namespace sluice::text
