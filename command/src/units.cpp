// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "units.hpp"

#include <fmt/core.h>

#include <charconv>
#include <initializer_list>
#include <limits>
#include <stdexcept>

namespace sluice::command {

namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

// Nothing when it is nothing of the kind, or too large.
std::optional<std::uint64_t> parse(std::string_view text, std::initializer_list<unit> units)
{
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto name = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const unit& u : units)
        if (error == std::errc() && u.name == name &&
            number <= std::numeric_limits<std::uint64_t>::max() / u.factor)
            return number * u.factor;
    return std::nullopt;
}

} // namespace

std::string said(std::string_view name, std::string_view value)
{
    return fmt::format("{}{}{}", name, name.starts_with('-') ? ' ' : '=', value);
}

std::chrono::milliseconds time_named(std::string_view flag, std::string_view text)
{
    constexpr std::uint64_t year = std::uint64_t{365} * 24 * 3'600'000;
    const auto ms = parse(text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}}).value_or(0);
    if (ms == 0 || ms > year)
        throw std::invalid_argument(
            fmt::format("{}: must be a time such as 500ms, 10s or 2m, more than 0", said(flag, text)));
    return std::chrono::milliseconds(ms);
}

std::optional<std::uint64_t> size_in(std::string_view text)
{
    return parse(text, {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}});
}

std::uint64_t size_named(std::string_view flag, std::string_view text)
{
    const auto bytes = size_in(text).value_or(0);
    if (bytes == 0)
        throw std::invalid_argument(
            fmt::format("{}: must be a size such as 500, 64K or 1M, more than 0", said(flag, text)));
    return bytes;
}

std::size_t number_named(std::string_view flag, std::string_view text, std::size_t least, std::size_t most)
{
    const auto n = parse(text, {{"", 1}});
    if (!n || *n < least || *n > most)
        throw std::invalid_argument(
            fmt::format("{}: must be a number from {} to {}", said(flag, text), least, most));
    return *n;
}

} // namespace sluice::command
