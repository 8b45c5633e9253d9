// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/counter.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice {

/// A fixed set of equal blocks, mapped once and committed when first used: all the memory that bodies may
/// take, however many requests there are.
///
/// Nobody takes blocks from the pool itself but from an `account` that holds a reserve. A reserved block is
/// always to be had; beyond its reserve an account is lent blocks while there are some that nobody has
/// reserved. So each exchange that was admitted can always move one block further, and no two can wait for
/// each other.
///
/// Thread safety: none, but that `stats` may be called from any thread. Each loop has a pool of its own.
class buffer_pool {
public:
    /// Room before and after a block's content, for a record's header and padding, so that framing copies nothing.
    static constexpr std::size_t headroom = 8;
    static constexpr std::size_t tailroom = 8;

    struct statistics {
        std::size_t total = 0;   ///< blocks there are
        std::size_t in_use = 0;  ///< blocks held now
        std::size_t peak = 0;    ///< most blocks ever held at once
        std::uint64_t waits = 0; ///< times an account asked for more than could be lent
    };

    class account;
    class block;

    /// Maps `bytes / block_size` blocks, at least one.
    /// Preconditions: block_size is a power of two of at least 4096.
    /// Errors: throws std::bad_alloc when the mapping is refused, std::invalid_argument for a wrong block size.
    buffer_pool(std::size_t bytes, std::size_t block_size);
    ~buffer_pool();
    buffer_pool(const buffer_pool&) = delete;
    buffer_pool& operator=(const buffer_pool&) = delete;

    std::size_t block_size() const noexcept { return block_size_; }

    /// Content bytes a block can hold.
    std::size_t capacity() const noexcept { return block_size_ - headroom - tailroom; }

    statistics stats() const noexcept { return {total_, in_use_.value(), peak_.value(), waits_.value()}; }

    /// True when `n` more blocks can be promised to a new account.
    bool can_reserve(std::size_t n) const noexcept { return free_.size() - promised_ >= n; }

    /// Gives the pages of blocks that stayed idle since the last call back to the kernel. To be called every
    /// few seconds.
    void trim() noexcept;

private:
    std::byte* take() noexcept
    {
        const auto index = free_.back();
        free_.pop_back();
        committed_[index] = true;
        idle_ = std::min(idle_, free_.size());
        in_use_.add(1);
        peak_.raise_to(in_use_.value());
        return memory_ + std::size_t{index} * block_size_;
    }
    void give_back(std::byte* base) noexcept
    {
        free_.push_back(static_cast<std::uint32_t>(static_cast<std::size_t>(base - memory_) >> block_shift_));
        in_use_.subtract(1);
    }

    std::byte* memory_ = nullptr;
    std::size_t block_size_;
    int block_shift_; ///< its binary logarithm
    std::size_t total_;
    detail::counter in_use_;
    std::size_t promised_ = 0; ///< reserved by accounts but not taken yet
    detail::counter peak_;
    std::size_t idle_ = 0; ///< the least number of free blocks since the last trim
    detail::counter waits_;
    std::vector<std::uint32_t> free_; ///< a stack: the block used last is the next to be used, it is warm
    std::vector<bool> committed_;
};

/// One block on loan; goes back to its pool when destroyed.
/// Object lifetimes: not longer than its account.
class buffer_pool::block {
public:
    block() = default;
    block(block&& other) noexcept : base_(std::exchange(other.base_, nullptr)), account_(other.account_) {}
    block& operator=(block&& other) noexcept
    {
        if (this != &other) {
            reset();
            base_ = std::exchange(other.base_, nullptr);
            account_ = other.account_;
        }
        return *this;
    }
    ~block() { reset(); }

    explicit operator bool() const noexcept { return base_ != nullptr; }

    /// The content; `headroom` bytes before and `tailroom` bytes after its `capacity()` may be written too.
    std::byte* data() const noexcept { return base_ + headroom; }

    void reset() noexcept;

private:
    friend account;
    block(std::byte* base, account* a) noexcept : base_(base), account_(a) {}

    std::byte* base_ = nullptr;
    account* account_ = nullptr;
};

/// What one user of the pool holds, and what it has been promised.
class buffer_pool::account {
public:
    explicit account(buffer_pool& pool) noexcept : pool_(pool) {}
    ~account() { reserve(0); }
    account(const account&) = delete;
    account& operator=(const account&) = delete;

    buffer_pool& pool() const noexcept { return pool_; }
    std::size_t held() const noexcept { return held_; }

    /// Changes the reserve to `n` blocks; says whether it could be had. Making it smaller always can.
    bool reserve(std::size_t n) noexcept;

    /// True when `acquire` would succeed.
    bool can_acquire() const noexcept { return held_ < reserved_ || pool_.can_reserve(1); }

    /// A block, or an empty one when the reserve is used up and none can be lent.
    block acquire() noexcept
    {
        if (held_ < reserved_) {
            --pool_.promised_;
        } else if (!pool_.can_reserve(1)) {
            pool_.waits_.add(1);
            return {};
        }
        ++held_;
        return {pool_.take(), this};
    }

private:
    friend block;
    void release(std::byte* base) noexcept
    {
        pool_.give_back(base);
        if (--held_ < reserved_)
            ++pool_.promised_;
    }

    buffer_pool& pool_;
    std::size_t held_ = 0;
    std::size_t reserved_ = 0;
};

inline void buffer_pool::block::reset() noexcept
{
    if (base_)
        account_->release(std::exchange(base_, nullptr));
}

} // namespace sluice
