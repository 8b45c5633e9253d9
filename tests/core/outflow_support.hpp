// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/outflow.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::test::outflow_support {

inline constexpr std::size_t block = 16 * 1024;
inline constexpr std::size_t window = 64 * 1024;

inline limits make_limits(std::size_t w = window, std::size_t growth = 512 * 1024)
{
    limits l;
    l.window = w;
    l.window_growth = growth;
    return l;
}

// Byte i of the stream; 251 is prime, so that a lost, doubled or swapped block shows.
inline std::byte pattern_at(std::uint64_t i)
{
    return static_cast<std::byte>(i % 251);
}

inline std::vector<std::byte> pattern(std::size_t n)
{
    std::vector<std::byte> bytes(n);
    for (std::size_t i = 0; i < n; ++i)
        bytes[i] = pattern_at(i);
    return bytes;
}

inline std::span<const std::byte> bytes_of(std::string_view s)
{
    return std::as_bytes(std::span(s.data(), s.size()));
}

inline std::string_view text_of(const outflow::segment& s)
{
    return {reinterpret_cast<const char*>(s.data), s.size};
}

// The client takes one block; says how many bytes that was.
inline std::size_t take_block(outflow& out)
{
    const auto s = out.pull();
    if (!s)
        return 0;
    out.release();
    out.drained(s->size);
    return s->size;
}

// Brings the window to its largest.
inline void open_wide(outflow& out)
{
    for (std::size_t before = 0; out.window() < window && out.window() != before;) {
        before = out.window(); // a small pool is the end of it
        out.drained(512 * 1024);
    }
}

} // namespace sluice::test::outflow_support
