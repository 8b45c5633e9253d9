// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/http_range.hpp>
#include <sluice/detail/text.hpp>

#include <algorithm>
#include <limits>
#include <optional>

namespace sluice::detail {

namespace {

constexpr std::uint64_t more_than_any = std::numeric_limits<std::uint64_t>::max();

/// Digits; what is too large for 64 bits is larger than any file.
std::optional<std::uint64_t> position(std::string_view digits) noexcept
{
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), text::is_digit))
        return std::nullopt;
    return text::parse_number(digits).value_or(more_than_any);
}

std::string_view trim(std::string_view s) noexcept
{
    constexpr std::string_view blank = " \t";
    s.remove_prefix(std::min(s.find_first_not_of(blank), s.size()));
    return s.substr(0, s.find_last_not_of(blank) + 1);
}

} // namespace

byte_range parse_range(std::string_view value, std::uint64_t size) noexcept
{
    const byte_range whole;
    byte_range unsatisfiable;
    unsatisfiable.what = byte_range::kind::unsatisfiable;

    value = trim(value);
    const auto equals = value.find('=');
    if (equals == value.npos || !text::equal_nocase(value.substr(0, equals), "bytes"))
        return whole;
    const auto set = trim(value.substr(equals + 1));
    const auto dash = set.find('-');
    if (dash == set.npos)
        return whole;
    const auto last = position(set.substr(dash + 1));

    if (dash == 0) {
        if (!last)
            return whole;
        if (*last == 0)
            return unsatisfiable;
        if (size == 0) // satisfiable, of nothing (RFC 9110 section 14.1.2)
            return whole;
        const auto n = std::min(*last, size);
        return {byte_range::kind::part, size - n, n};
    }
    const auto first = position(set.substr(0, dash));
    const bool to_end = set.size() == dash + 1;
    if (!first || (!last && !to_end) || (last && *last < *first))
        return whole;
    if (*first >= size)
        return unsatisfiable;
    const auto end = to_end || *last >= size ? size : *last + 1;
    return {byte_range::kind::part, *first, end - *first};
}

} // namespace sluice::detail
