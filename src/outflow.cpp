// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/outflow.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace sluice {

outflow::outflow(buffer_pool& pool, const limits& l)
    : pool_(pool), account_(pool), // a window larger than the pool is one as large
      max_blocks_(std::clamp<std::size_t>(l.window / pool.block_size(), 1,
                                          std::max<std::size_t>(1, pool.stats().total))),
      growth_(l.window_growth)
{
    blocks_.set_capacity(max_blocks_);
}

void outflow::reset() noexcept
{
    blocks_.clear();
    account_.reserve(0);
    pulled_ = size_ = drained_ = peak_held_ = 0;
    window_blocks_ = 1;
}

std::size_t outflow::credit() const noexcept
{
    std::size_t room = room_in_block().size();
    if (may_open())
        room += pool_.capacity();
    return room;
}

bool outflow::open() noexcept
{
    if (blocks_.size() >= window_blocks_)
        return false;
    auto block = account_.acquire();
    if (!block)
        return false;
    blocks_.push_back({std::move(block), 0});
    peak_held_ = std::max(peak_held_, held());
    return true;
}

std::size_t outflow::append(std::span<const std::byte> bytes) noexcept
{
    std::size_t taken = 0;
    while (taken < bytes.size()) {
        if (room_in_block().empty() && !open())
            break;
        const auto room = room_in_block();
        const auto n = std::min(bytes.size() - taken, room.size());
        std::memcpy(room.data(), bytes.data() + taken, n);
        commit(n);
        taken += n;
    }
    return taken;
}

std::optional<outflow::segment> outflow::pull() noexcept
{
    if (!can_pull())
        return std::nullopt;
    entry& e = blocks_[pulled_++];
    return segment{e.block.data(), e.size};
}

std::size_t outflow::room_behind(const segment& s) const noexcept
{
    return pool_.capacity() - s.size;
}

void outflow::release() noexcept
{
    assert(pulled_ > 0);
    size_ -= blocks_.front().size;
    blocks_.pop_front();
    --pulled_;
}

std::optional<outflow::segment> outflow::adopt(std::span<const std::byte> bytes) noexcept
{
    assert(empty() && bytes.size() <= pool_.capacity());
    if (append(bytes) != bytes.size())
        return std::nullopt;
    return pull();
}

void outflow::drained(std::size_t n) noexcept
{
    if (window_blocks_ == max_blocks_)
        return;
    drained_ += n;
    if (drained_ >= growth_) {
        drained_ = 0;
        window_blocks_ = std::min(max_blocks_, window_blocks_ * 2);
    }
}

void outflow::stalled() noexcept
{
    drained_ = 0;
    window_blocks_ = 1;
}

} // namespace sluice
