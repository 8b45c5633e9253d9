// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// What the lines of a program's head are made of. Not installed.

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace sluice::cgi::text {

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

constexpr bool is_control(char c) noexcept
{
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// Equal but for the case of ASCII letters.
constexpr bool equal_nocase(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

constexpr bool starts_nocase(std::string_view s, std::string_view start) noexcept
{
    return equal_nocase(s.substr(0, start.size()), start);
}

/// A token of RFC 9110 section 5.6.2, as header names are.
constexpr bool is_token(std::string_view s) noexcept
{
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !s.empty() && std::all_of(s.begin(), s.end(), [&](char c) {
        return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || others.find(c) != others.npos;
    });
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

/// Digits only, and small enough for 64 bits.
inline std::optional<std::uint64_t> parse_number(std::string_view s) noexcept
{
    std::uint64_t n = 0;
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
    if (error != std::errc() || end != s.data() + s.size())
        return std::nullopt;
    return n;
}

/// Appends `s` as core does for a log line: in double quotes, control characters as \xNN, cut after 64 bytes.
inline void append_quoted(std::string_view s, std::string& out)
{
    constexpr std::size_t most = 64;
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (const char c : s.substr(0, most)) {
        if (is_control(c)) {
            const auto u = static_cast<unsigned char>(c);
            out += "\\x";
            out += digits[u >> 4];
            out += digits[u & 15];
        } else {
            if (c == '"' || c == '\\')
                out += '\\';
            out += c;
        }
    }
    out += s.size() > most ? "\"…" : "\"";
}

} // namespace sluice::cgi::text
