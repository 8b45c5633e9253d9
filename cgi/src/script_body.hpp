// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

namespace sluice::cgi {

/// How a program ended.
enum class script_exit { success, failure, signal };

/// Of a program's output behind its head: what belongs to the body, and whether that is whole once the program has ended
/// (R44).
///
/// A Content-Length says both: what comes after so many bytes is dropped, and the body is whole when they have come. Without
/// one the program's end is all there is to be known. Fewer bytes than announced are the writer's to find
/// (`writer::finish`).
class script_body {
public:
    explicit script_body(std::optional<std::uint64_t> announced) noexcept : announced_(announced) {}

    /// All that was announced has come.
    bool complete() const noexcept { return announced_ && taken_ == *announced_; }

    /// More came than was announced.
    bool too_long() const noexcept { return too_long_; }

    /// `n` bytes came. Returns how many of them, from the first on, belong to the body.
    std::size_t take(std::size_t n) noexcept
    {
        const auto room = announced_ ? *announced_ - taken_ : std::numeric_limits<std::uint64_t>::max();
        const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(n, room));
        taken_ += used;
        too_long_ = too_long_ || used < n;
        return used;
    }

    /// Whether a program that ended so has failed its response. `status_counts`: an exit status other than 0 is a failure.
    bool failed_by(script_exit how, bool status_counts) const noexcept
    {
        return !complete() && (how == script_exit::signal || (how == script_exit::failure && status_counts));
    }

private:
    std::optional<std::uint64_t> announced_;
    std::uint64_t taken_ = 0;
    bool too_long_ = false;
};

} // namespace sluice::cgi
