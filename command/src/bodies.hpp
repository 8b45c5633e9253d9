// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::command {

/// A body as the command line names it: text, "@FILE", or "@-" for standard input.
///
/// Files are read as they are sent, so their size costs no memory.
class body_source {
public:
    /// Errors: throws std::system_error when the file cannot be opened.
    explicit body_source(std::string_view named);
    ~body_source();
    body_source(const body_source&) = delete;
    body_source& operator=(const body_source&) = delete;

    /// Bytes, when it is known how many: not of a pipe.
    std::optional<std::uint64_t> size() const noexcept { return size_; }

    /// When the file was changed last, in seconds since 1970; 0 for what is none.
    std::int64_t changed() const noexcept { return changed_; }

    /// Reads some; 0 at the end. Blocks. Errors: throws std::system_error.
    std::size_t read(std::span<char> to);

private:
    int fd_ = -1;
    std::string text_;
    std::size_t at_ = 0;
    std::optional<std::uint64_t> size_;
    std::int64_t changed_ = 0;
};

/// Writes all of it to a descriptor, blocking; false when that fails, as when nobody reads any more.
bool write_all(int fd, std::string_view bytes) noexcept;

} // namespace sluice::command
