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
///
/// One that nobody reads (of HEAD, 204, 304, or behind a local redirect) is thrown away, and is complete when so much has
/// come that its writer is to be told.
class script_body {
public:
    /// As much as most documents have: programs that write one although it is not read come to their end.
    static constexpr std::uint64_t most_unread = 1024 * 1024;

    explicit script_body(std::optional<std::uint64_t> announced) noexcept : announced_(announced) {}
    static script_body unread() noexcept
    {
        script_body body(most_unread);
        body.is_read_ = false;
        return body;
    }

    bool is_read() const noexcept { return is_read_; }

    /// Bytes that have come, without excess.
    std::uint64_t taken() const noexcept { return taken_; }

    /// All that was announced has come, or all that is taken of what nobody reads.
    bool complete() const noexcept { return announced_ && taken_ == *announced_; }

    /// More came than that.
    bool too_long() const noexcept { return too_long_; }

    /// `n` bytes came. Returns how many of them, from the first on, belong to the body.
    std::size_t take(std::size_t n) noexcept
    {
        const auto room = announced_ ? *announced_ - taken_ : std::numeric_limits<std::uint64_t>::max();
        const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(n, room));
        taken_ += used;
        too_long_ = too_long_ || used < n;
        return is_read_ ? used : 0;
    }

    /// Whether a program that ended so has failed its response. `status_counts`: an exit status other than 0 is a failure.
    bool failed_by(script_exit how, bool status_counts) const noexcept
    {
        return !complete() && (how == script_exit::signal || (how == script_exit::failure && status_counts));
    }

private:
    std::optional<std::uint64_t> announced_;
    std::uint64_t taken_ = 0;
    bool too_long_ = false, is_read_ = true;
};

} // namespace sluice::cgi
