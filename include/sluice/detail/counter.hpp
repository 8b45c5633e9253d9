// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::detail {

/// A figure that one thread changes and any thread reads. Costs its owner what a plain integer costs.
class counter {
public:
    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }
    void set(std::uint64_t v) noexcept { value_.store(v, std::memory_order_relaxed); }
    void add(std::uint64_t n) noexcept { set(value() + n); }
    void subtract(std::uint64_t n) noexcept { set(value() - n); }
    void raise_to(std::uint64_t v) noexcept
    {
        if (v > value())
            set(v);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

} // namespace sluice::detail
