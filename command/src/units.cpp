// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "units.hpp"

#include <fmt/core.h>

#include <charconv>
#include <initializer_list>
#include <stdexcept>

namespace sluice::command {

namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

// 0 when it is nothing of the kind.
std::uint64_t parse(std::string_view text, std::initializer_list<unit> units)
{
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto name = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const unit& u : units)
        if (error == std::errc() && u.name == name)
            return number * u.factor;
    return 0;
}

} // namespace

std::chrono::milliseconds time_named(std::string_view flag, std::string_view text)
{
    constexpr std::uint64_t year = std::uint64_t{365} * 24 * 3'600'000;
    const auto ms = parse(text, {{"ms", 1}, {"s", 1000}, {"m", 60'000}});
    if (ms == 0 || ms > year)
        throw std::invalid_argument(
            fmt::format("{} {}: must be a time such as 500ms, 10s or 2m, more than 0", flag, text));
    return std::chrono::milliseconds(ms);
}

std::uint64_t size_named(std::string_view flag, std::string_view text)
{
    const auto bytes = parse(text, {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}});
    if (bytes == 0)
        throw std::invalid_argument(
            fmt::format("{} {}: must be a size such as 500, 64K or 1M, more than 0", flag, text));
    return bytes;
}

} // namespace sluice::command
