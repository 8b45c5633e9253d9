// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/buffer_pool.hpp>
#include <sluice/limits.hpp>

#include <boost/circular_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace sluice {

/// A bounded stream of bytes out: filled by the app, emptied by whichever transport owns the socket.
///
/// Bytes lie in blocks of the pool, at most `window` at a time. A block goes through three states:
///
///     open   ──pull()──▶  pulled  ──release()──▶  back in the pool
///     (the app appends)   (frozen: the transport has framed it)
///
/// Credit is what `append` would take now. Only `release` gives credit back, and a transport calls it only
/// for what the kernel has taken: so the client's reading, and nothing else, lets the app go on.
///
/// The window starts at one block. It doubles after each `limits::window_growth` bytes drained without a
/// stall, up to `limits::window`, and falls back to one block when the client stalls: a thousand slow
/// clients cost a thousand small windows.
///
/// Sans-I/O. Thread safety: none.
class outflow {
public:
    /// A block's content on its way out; `buffer_pool::headroom` bytes before and `tailroom` after it may be written.
    struct segment {
        std::byte* data;
        std::size_t size;
    };

    /// Postcondition: one block of the pool is reserved when `reserve()` says so; nothing is taken yet.
    outflow(buffer_pool& pool, const limits& l);

    /// Asks for the reserve without which a response must not begin. May fail when the pool is promised away.
    bool reserve() noexcept { return account_.reserve(1); }

    /// Drops all content and the reserve; back to the first window. The memory of the queue is kept.
    void reset() noexcept;

    // The app's side.

    /// Bytes `append` takes now.
    std::size_t credit() const noexcept;

    /// Copies as many bytes as there is credit for; says how many.
    std::size_t append(std::span<const std::byte> bytes) noexcept;

    /// The rest of the block begun before, if there is one: what is written there and then committed is appended.
    /// Valid until the next call of a function that is not const.
    std::span<std::byte> room_in_block() const noexcept
    {
        if (pulled_ == blocks_.size())
            return {};
        const entry& e = blocks_.back();
        return {e.block.data() + e.size, pool_.capacity() - e.size};
    }

    /// The same, of a new block where that one is full or none is begun; empty when the window or the pool allows none.
    std::span<std::byte> room() noexcept
    {
        if (room_in_block().empty())
            static_cast<void>(open());
        return room_in_block();
    }

    /// Precondition: 0 < n <= room_in_block().size().
    void commit(std::size_t n) noexcept
    {
        blocks_.back().size += n;
        size_ += n;
    }

    /// Bytes not yet handed to the kernel.
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    /// Bytes of pool memory held, in whole blocks, now and at most so far.
    std::size_t held() const noexcept { return account_.held() * pool_.block_size(); }
    std::size_t peak_held() const noexcept { return peak_held_; }

    std::size_t window() const noexcept { return window_blocks_ * pool_.block_size(); }

    // The transport's side.

    bool can_pull() const noexcept { return pulled_ < blocks_.size() && blocks_[pulled_].size > 0; }

    /// Freezes the next block and hands it out; nothing when there is none. The segment stays valid until
    /// `release` or `reset`.
    std::optional<segment> pull() noexcept;

    /// For a transport that hands over what a flush asks for, all at once: the open block when it is all there is, without
    /// freezing it. Valid until the next call of a function that is not const.
    std::optional<segment> only_block() const noexcept
    {
        if (blocks_.size() != 1 || !can_pull())
            return std::nullopt;
        return segment{blocks_.front().block.data(), blocks_.front().size};
    }

    /// The kernel has what `only_block` gave. The block is empty then, and stays for the next `append` until `trim`.
    void rewind() noexcept { size_ = blocks_.front().size = 0; }

    /// Gives an empty block back. To be called when a turn ends: an app that waits holds nothing.
    void trim() noexcept
    {
        if (blocks_.size() > pulled_ && blocks_.back().size == 0)
            blocks_.pop_back();
    }

    /// Content capacity left behind the last pulled segment `s`, for a transport that appends its own bytes.
    std::size_t room_behind(const segment& s) const noexcept;

    /// Gives the oldest pulled block back: the kernel has all of it.
    void release() noexcept;

    /// Takes over bytes that were being sent straight from the app's buffer when the kernel took no more:
    /// they are copied into a pulled block. Preconditions: empty(), 0 < bytes.size() <= capacity of a block.
    /// Nothing when the pool refuses; with a reserve it never does.
    std::optional<segment> adopt(std::span<const std::byte> bytes) noexcept;

    /// The kernel took `n` bytes: a sign of a client that reads.
    void drained(std::size_t n) noexcept;

    /// The client took nothing for a while.
    void stalled() noexcept;

private:
    struct entry {
        buffer_pool::block block;
        std::size_t size = 0;
    };

    bool may_open() const noexcept { return blocks_.size() < window_blocks_ && account_.can_acquire(); }
    bool open() noexcept;

    buffer_pool& pool_;
    buffer_pool::account account_;
    boost::circular_buffer<entry> blocks_;
    std::size_t pulled_ = 0; ///< how many of `blocks_`, from the front, are frozen
    std::size_t size_ = 0;
    std::size_t max_blocks_;
    std::size_t window_blocks_ = 1;
    std::size_t growth_;
    std::size_t drained_ = 0;
    std::size_t peak_held_ = 0;
};

} // namespace sluice
