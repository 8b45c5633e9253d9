// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/buffer_pool.hpp>
#include <sluice/detail/spill_file.hpp>
#include <sluice/limits.hpp>

#include <boost/circular_buffer.hpp>

#include <cstddef>
#include <span>

namespace sluice {

/// A bounded stream of bytes in: filled by the transport, emptied by the app.
///
/// The transport reads from its socket no more than `credit()` says, so everything it has read can be kept.
/// Only the app's reading gives credit back.
///
/// A reader that waits lends its own buffer (`lend`): what comes goes straight there.
///
/// When nothing is read because the response is stuck, and the web server reads no response before it has sent the
/// whole request, both would wait for ever; and on a connection shared with other requests what comes for those would be
/// hidden. Then the transport reads on, and what is over the credit goes to an unlinked file (`spill`).
///
/// A stream that is kept (`keep`) is read from any place, any number of times: it is in blocks as long as those of the
/// window do, else all of it in the file.
///
/// Sans-I/O. Thread safety: none.
class inflow {
public:
    inflow(buffer_pool& pool, const limits& l);

    /// Asks for the reserve without which a body must not begin. May fail when the pool is promised away.
    bool reserve() noexcept { return account_.reserve(1); }

    /// Drops all content, the loan and the reserve. The memory of the queue is kept. What `front` gave stays valid.
    void drop() noexcept;

    /// As new: `drop`, and what `front` gave is no longer valid.
    void reset() noexcept;

    // The transport's side.

    /// Bytes `push` takes now. At least one block's worth while nothing is held.
    std::size_t credit() const noexcept;

    /// Takes all of `bytes`. Precondition: bytes.size() <= credit().
    void push(std::span<const std::byte> bytes) noexcept;

    /// Takes all of `bytes`, whatever the credit: what does not fit goes to a file. Errors: the file's; the bytes are lost.
    error_code spill(std::span<const std::byte> bytes) noexcept;

    /// Bytes in the file.
    std::uint64_t spilled() const noexcept { return file_.size(); }

    // The app's side.

    /// Bytes there are to read.
    std::uint64_t size() const noexcept { return size_ + file_.size() - position_; }

    /// Moves up to `to.size()` bytes out; says how many. Errors: the file's.
    std::size_t read(std::span<std::byte> to, error_code& ec) noexcept;

    /// The next bytes, where they lie: all that lie side by side, empty when there are none. They stay, and count as held,
    /// until `consume`. Valid until the next call of a function of the app's side. Errors: the file's.
    std::span<const std::byte> front(error_code& ec) noexcept;

    /// Removes the first `n` bytes of what `front` gave. Precondition: n is at most its size.
    void consume(std::size_t n) noexcept;

    /// From now on reading removes nothing. Errors: the file's; the content is lost then.
    /// Precondition: nothing was read, and nothing is on loan.
    error_code keep() noexcept;
    bool kept() const noexcept { return kept_; }

    /// The next byte to read, counted from the first; 0 where nothing is kept.
    std::uint64_t position() const noexcept { return position_; }

    /// Reading goes on at `position`, or at the end when it is behind that. Precondition: kept().
    void seek(std::uint64_t position) noexcept;

    /// Lends the buffer of a waiting reader. Preconditions: size() == 0; not kept().
    void lend(std::span<std::byte> to) noexcept { loan_ = to, lent_ = 0; }

    /// Ends the loan; says how many bytes went into the buffer.
    std::size_t end_loan() noexcept;

    /// Bytes in the buffer on loan.
    std::size_t lent() const noexcept { return lent_; }

private:
    struct entry {
        buffer_pool::block block;
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    std::size_t read_kept(std::span<std::byte> to, error_code& ec) noexcept;
    std::span<const std::byte> front_kept(error_code& ec) noexcept;
    void pin_view() noexcept;
    error_code move_to_file() noexcept;
    std::size_t front_index() const noexcept;

    buffer_pool& pool_;
    buffer_pool::account account_;
    boost::circular_buffer<entry> blocks_;
    std::size_t size_ = 0;    ///< in blocks
    detail::spill_file file_; ///< holds what came after the blocks
    std::span<std::byte> loan_;
    std::size_t lent_ = 0;
    bool kept_ = false;
    std::uint64_t position_ = 0; ///< of what is kept
    std::size_t viewed_ = 0;     ///< what `front` gave last
    /// A block that `front` gave and that is none of the queue's: of a file that is kept, or dropped since.
    buffer_pool::block view_;
    std::uint64_t view_at_ = 0; ///< in the file; meaningful while `in_view_` is not 0
    std::size_t in_view_ = 0;
};

} // namespace sluice
