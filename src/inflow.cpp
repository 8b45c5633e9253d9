// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/inflow.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace sluice {

inflow::inflow(buffer_pool& pool, const limits& l) : pool_(pool), account_(pool)
{
    const auto most = std::max<std::size_t>(1, pool.stats().total);
    blocks_.set_capacity(std::clamp<std::size_t>(l.input_window / pool.block_size(), 1, most));
}

void inflow::reset() noexcept
{
    blocks_.clear();
    file_.close();
    account_.reserve(0);
    size_ = lent_ = 0;
    loan_ = {};
}

std::size_t inflow::credit() const noexcept
{
    if (file_.size() > 0)
        return 0; // what comes now must be read after it
    std::size_t room = loan_.size() - lent_;
    if (!blocks_.empty())
        room += pool_.capacity() - blocks_.back().end;
    if (!blocks_.full() && account_.can_acquire())
        room += pool_.capacity();
    return room;
}

void inflow::push(std::span<const std::byte> bytes) noexcept
{
    assert(bytes.size() <= credit());
    if (size_ == 0 && lent_ < loan_.size()) {
        const auto n = std::min(bytes.size(), loan_.size() - lent_);
        std::memcpy(loan_.data() + lent_, bytes.data(), n);
        lent_ += n;
        bytes = bytes.subspan(n);
    }
    while (!bytes.empty()) {
        if (blocks_.empty() || blocks_.back().end == pool_.capacity()) {
            auto block = account_.acquire();
            if (!block || blocks_.full())
                return; // excluded by the precondition
            blocks_.push_back({std::move(block), 0, 0});
        }
        entry& e = blocks_.back();
        const auto n = std::min(bytes.size(), pool_.capacity() - e.end);
        std::memcpy(e.block.data() + e.end, bytes.data(), n);
        e.end += n;
        size_ += n;
        bytes = bytes.subspan(n);
    }
}

error_code inflow::spill(std::span<const std::byte> bytes) noexcept
{
    const auto fits = std::min(bytes.size(), credit());
    push(bytes.first(fits));
    return fits < bytes.size() ? file_.write(bytes.subspan(fits)) : error_code();
}

std::size_t inflow::read(std::span<std::byte> to, error_code& ec) noexcept
{
    std::size_t done = 0;
    while (done < to.size() && !blocks_.empty()) {
        entry& e = blocks_.front();
        const auto n = std::min(to.size() - done, e.end - e.begin);
        std::memcpy(to.data() + done, e.block.data() + e.begin, n);
        e.begin += n;
        done += n;
        if (e.begin == e.end)
            blocks_.pop_front();
    }
    size_ -= done;
    if (done < to.size() && file_.size() > 0)
        done += file_.read(to.subspan(done), ec);
    return done;
}

std::size_t inflow::end_loan() noexcept
{
    loan_ = {};
    return std::exchange(lent_, 0);
}

} // namespace sluice
