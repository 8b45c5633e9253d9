// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/curl.hpp"
#include "support/sanitized.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <sys/types.h>

namespace sluice::test {

inline constexpr std::uint64_t kibibyte = 1024;
inline constexpr std::uint64_t mebibyte = 1024 * kibibyte;
inline constexpr std::uint64_t gibibyte = 1024 * mebibyte;

inline constexpr std::uint64_t window = 64 * kibibyte; ///< limits::window
inline constexpr std::uint64_t block = 16 * kibibyte;  ///< limits::block_size

/// Not where a sanitizer puts its own around every piece of memory, and keeps what was freed.
inline constexpr bool memory_counts = !sanitized;

/// The lowest and highest resident memory of a process that was seen.
class memory_watch {
public:
    explicit memory_watch(pid_t pid) : pid_(pid) {}

    /// To be called all the time; looks now and then.
    void look();

    std::size_t lowest() const noexcept { return lowest_; }
    std::size_t highest() const noexcept { return highest_; }
    std::size_t growth() const noexcept { return highest_ - lowest_; }
    int samples() const noexcept { return samples_; }

private:
    pid_t pid_;
    std::chrono::steady_clock::time_point next_;
    std::size_t lowest_ = SIZE_MAX;
    std::size_t highest_ = 0;
    int samples_ = 0;
};

/// A body of the probe's text, read for three seconds at 8 MiB/s, then to the end as fast as it goes.
class slow_then_fast {
public:
    /// `gateway` says whose memory is to be watched, when the first bytes are here. At the end of the slow part
    /// `slow_over` is called with what has been read by then.
    slow_then_fast(curl_stream& client, const std::function<pid_t()>& gateway,
                   const std::function<void(std::uint64_t)>& slow_over = {});

    /// Checks that all of it came and that memory stayed flat.
    void check(std::uint64_t size) const;

    /// One line, without its end.
    void print(std::string_view name) const;

private:
    bool read(std::size_t most);

    curl_stream& client_;
    memory_watch memory_{-1};
    std::uint64_t bytes_ = 0;
    std::uint64_t slow_bytes_ = 0;
    std::chrono::duration<double> fast_{};
    bool content_good_ = true;
};

} // namespace sluice::test
