// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <thread>

namespace sluice::test {

/// True when `piece` is what /bytes, /stream and /tiny send at `offset` of their body: 61 letters
/// and digits, again and again, so that a lost or swapped block of any usual size shows.
bool is_probe_content(std::string_view piece, std::uint64_t offset = 0);

/// `size` bytes of that.
std::string probe_content(std::size_t size);

/// The answer of /env: its `NAME=value` lines. Fails the test when the request does.
std::map<std::string, std::string> parse_environment(const std::string& body);

/// The answer of /stats.
struct probe_stats {
    std::uint64_t blocks_total = 0;
    std::uint64_t blocks_in_use = 0;
    std::uint64_t blocks_peak = 0;
    std::uint64_t block_size = 0;  ///< bytes
    std::uint64_t peak_held = 0;   ///< bytes, for any one response
    std::uint64_t requests = 0;    ///< served, of all sorts
    std::uint64_t active = 0;      ///< in service now, /stats itself among them
    std::uint64_t client_gone = 0; ///< responses whose app was told that the client had gone
    pid_t pid = 0;
};

probe_stats fetch_stats(const site& site);

/// Asks again and again until the answer is true; false after `patience`.
template <class Condition>
bool becomes_true(Condition&& condition, std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20)); // the pause between two looks
    }
    return true;
}

/// The least of what `measure` says, which is asked again when the first two are not below `bound`: what else the
/// machine does takes its time now and then, a fault of ours each time.
template <class Measure>
std::chrono::milliseconds least_of_three(Measure&& measure, std::chrono::milliseconds bound)
{
    std::chrono::milliseconds least = measure();
    for (int again = 0; again < 2 && least >= bound; ++again)
        least = std::min(least, std::chrono::milliseconds(measure()));
    return least;
}

} // namespace sluice::test
