// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace bench {

// Counts of nanoseconds in steps of 1/32 of a power of two: a percentile is at most 3 % too high.
class histogram {
public:
    void add(std::uint64_t ns)
    {
        ++counts_[index(ns)];
        ++total_;
    }

    void clear() { *this = {}; }

    [[nodiscard]] std::uint64_t total() const { return total_; }

    // The upper edge of the step in which this share (0 to 1) of all values is reached.
    [[nodiscard]] std::uint64_t percentile(double share) const
    {
        const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < counts_.size(); ++i) {
            seen += counts_[i];
            if (seen > wanted || (seen == total_ && seen != 0))
                return upper_edge(i);
        }
        return 0;
    }

private:
    static constexpr unsigned step_bits = 5;
    static constexpr std::uint64_t steps = 1U << step_bits;

    static std::size_t index(std::uint64_t value)
    {
        if (value < steps)
            return static_cast<std::size_t>(value);
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - 1 - step_bits;
        return static_cast<std::size_t>((shift + 1) * steps + ((value >> shift) - steps));
    }

    static std::uint64_t upper_edge(std::size_t i)
    {
        if (i < steps)
            return i;
        const std::uint64_t shift = i / steps - 1;
        return ((i % steps + steps + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - step_bits + 1) * steps> counts_{};
    std::uint64_t total_ = 0;
};

} // namespace bench
