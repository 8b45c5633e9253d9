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

void inflow::drop() noexcept
{
    pin_view();
    blocks_.clear();
    file_.close();
    account_.reserve(0);
    size_ = lent_ = viewed_ = 0;
    position_ = 0;
    loan_ = {};
}

void inflow::reset() noexcept
{
    drop();
    view_.reset();
    kept_ = false;
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
    do {
        const auto fits = std::min(bytes.size(), credit()); // a block at a time
        push(bytes.first(fits));
        bytes = bytes.subspan(fits);
    } while (!bytes.empty() && credit() > 0);
    if (bytes.empty())
        return {};
    if (kept_) {
        if (const auto ec = move_to_file())
            return ec;
    } else if (file_.size() == 0) {
        file_.leave_room(size_); // see move_to_file
    }
    return file_.write(bytes);
}

std::size_t inflow::read(std::span<std::byte> to, error_code& ec) noexcept
{
    viewed_ = 0;
    if (kept_)
        return read_kept(to, ec);
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

std::span<const std::byte> inflow::front(error_code& ec) noexcept
{
    viewed_ = 0;
    if (kept_)
        return front_kept(ec);
    view_.reset();
    if (blocks_.empty() && file_.size() > 0) {
        auto block = account_.acquire(); // the reserve, since nothing else is held
        if (!block) {
            ec = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
            return {};
        }
        const auto n = file_.read({block.data(), pool_.capacity()}, ec);
        if (ec)
            return {};
        blocks_.push_back({std::move(block), 0, n});
        size_ += n;
    }
    if (blocks_.empty())
        return {};
    const entry& e = blocks_.front();
    viewed_ = e.end - e.begin;
    return {e.block.data() + e.begin, viewed_};
}

void inflow::consume(std::size_t n) noexcept
{
    n = std::min(n, std::exchange(viewed_, 0)); // nothing of what was dropped meanwhile
    if (kept_) {
        position_ += n;
        return;
    }
    view_.reset();
    if (n == 0)
        return;
    entry& e = blocks_.front();
    e.begin += n;
    size_ -= n;
    if (e.begin == e.end)
        blocks_.pop_front();
}

std::size_t inflow::end_loan() noexcept
{
    loan_ = {};
    return std::exchange(lent_, 0);
}

// What is kept

error_code inflow::keep() noexcept
{
    assert(loan_.empty());
    kept_ = true;
    return file_.size() > 0 ? move_to_file() : error_code();
}

// The block that the app looks at outlives the queue.
void inflow::pin_view() noexcept
{
    if (viewed_ > 0 && !view_)
        view_ = std::move(blocks_[front_index()].block);
    in_view_ = 0;
}

// Before what is in the file already: room was left for it there.
error_code inflow::move_to_file() noexcept
{
    if (file_.size() == 0)
        file_.leave_room(size_);
    for (auto e = blocks_.rbegin(); e != blocks_.rend(); ++e) {
        if (const auto ec = file_.write_before({e->block.data(), e->end}))
            return ec;
    }
    pin_view();
    blocks_.clear();
    size_ = 0;
    return {};
}

void inflow::seek(std::uint64_t position) noexcept
{
    assert(kept_);
    viewed_ = 0;
    position_ = std::min(position, size_ + file_.size());
}

std::size_t inflow::front_index() const noexcept
{
    return static_cast<std::size_t>(position_ / pool_.capacity());
}

std::size_t inflow::read_kept(std::span<std::byte> to, error_code& ec) noexcept
{
    std::size_t done = 0;
    if (file_.size() > 0) {
        done = file_.read_at(position_, to, ec);
        position_ += done;
        return done;
    }
    while (done < to.size() && position_ < size_) {
        const entry& e = blocks_[front_index()]; // all but the last are full
        const auto at = static_cast<std::size_t>(position_ % pool_.capacity());
        const auto n = std::min(to.size() - done, e.end - at);
        std::memcpy(to.data() + done, e.block.data() + at, n);
        position_ += n;
        done += n;
    }
    return done;
}

std::span<const std::byte> inflow::front_kept(error_code& ec) noexcept
{
    if (size() == 0)
        return {};
    if (file_.size() == 0) {
        const entry& e = blocks_[front_index()];
        const auto at = static_cast<std::size_t>(position_ % pool_.capacity());
        viewed_ = e.end - at;
        return {e.block.data() + at, viewed_};
    }
    if (position_ < view_at_ || position_ >= view_at_ + in_view_) {
        if (!view_)
            view_ = account_.acquire(); // the reserve: all else is in the file
        if (!view_) {
            ec = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
            return {};
        }
        in_view_ = file_.read_at(position_, {view_.data(), pool_.capacity()}, ec);
        view_at_ = position_;
        if (ec) {
            in_view_ = 0;
            return {};
        }
    }
    const auto at = static_cast<std::size_t>(position_ - view_at_);
    viewed_ = in_view_ - at;
    return {view_.data() + at, viewed_};
}

} // namespace sluice
