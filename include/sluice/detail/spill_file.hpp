// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::detail {

/// A queue of bytes in an unlinked temporary file (in TMPDIR, else /tmp), made when first written to.
///
/// Thread safety: none.
class spill_file {
public:
    spill_file() = default;
    ~spill_file() { close(); }
    spill_file(const spill_file&) = delete;
    spill_file& operator=(const spill_file&) = delete;

    /// Bytes written and not read yet.
    std::uint64_t size() const noexcept { return end_ - begin_; }

    /// Appends all of `bytes`. Errors: the system's (disk full, no such directory); what was there before stays.
    error_code write(std::span<const std::byte> bytes) noexcept;

    /// Moves up to `to.size()` bytes out; says how many: fewer than asked for only when there are no more.
    std::size_t read(std::span<std::byte> to, error_code& ec) noexcept;

    /// The same from `position`, counted from what `read` would give next; removes nothing.
    std::size_t read_at(std::uint64_t position, std::span<std::byte> to, error_code& ec) const noexcept;

    /// Leaves room for `n` bytes that `write_before` may put before all others. Precondition: nothing is in it.
    void leave_room(std::uint64_t n) noexcept { begin_ = end_ = punched_ = n; }

    /// Puts all of `bytes` before what is there. Precondition: `leave_room` left room for them, and nothing was read.
    error_code write_before(std::span<const std::byte> bytes) noexcept;

    /// Drops the content and the file.
    void close() noexcept;

private:
    error_code write_at(std::uint64_t at, std::span<const std::byte> bytes) noexcept;

    int fd_ = -1;
    std::uint64_t begin_ = 0, end_ = 0;
    std::uint64_t punched_ = 0; ///< before it the file has no blocks
};

} // namespace sluice::detail
