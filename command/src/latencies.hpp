// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::command {

/// Times counted in steps of 1/32 of a power of two of nanoseconds: any number of them in constant memory, each percentile at
/// most 3 % too high.
class latencies {
public:
    void add(std::chrono::nanoseconds t) noexcept
    {
        const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(t.count(), 0));
        ++counts_[index(ns)];
        ++total_;
        most_ = std::max(most_, ns);
    }

    std::uint64_t count() const noexcept { return total_; }

    /// The time that this share of all did not exceed. Precondition: 0 < share <= 1. 0 when there are none.
    std::chrono::nanoseconds percentile(double share) const noexcept
    {
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > 0 && static_cast<double>(seen) >= share * static_cast<double>(total_))
                return std::chrono::nanoseconds(std::min(upper_edge(i), most_));
        }
        return {};
    }

    std::chrono::nanoseconds most() const noexcept { return std::chrono::nanoseconds(most_); }

private:
    static constexpr unsigned bits = 5;
    static constexpr std::uint64_t steps = 1u << bits;

    static std::size_t index(std::uint64_t ns) noexcept
    {
        if (ns < steps)
            return static_cast<std::size_t>(ns);
        const auto shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - bits;
        return static_cast<std::size_t>((shift + 1) * steps + ((ns >> shift) - steps));
    }

    static std::uint64_t upper_edge(std::size_t i) noexcept
    {
        if (i < steps)
            return i;
        const std::uint64_t shift = i / steps - 1;
        return ((i % steps + steps + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - bits + 1) * steps> counts_{};
    std::uint64_t total_ = 0, most_ = 0;
};

} // namespace sluice::command
