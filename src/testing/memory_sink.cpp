// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/memory_sink.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace sluice::testing {

boost::intrusive_ptr<memory_sink> memory_sink::make(executor ex, std::size_t window)
{
    return new memory_sink(std::move(ex), window);
}

std::size_t memory_sink::drain(std::size_t most)
{
    const auto left = leave_at_ - std::min<std::uint64_t>(leave_at_, received_.size());
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>({most, held_.size(), left}));
    if (n > 0) {
        received_.append(held_, 0, n);
        held_.erase(0, n);
        pieces_.push_back(n);
    }
    if (received_.size() >= leave_at_)
        leave();
    check_waiter();
    return n;
}

void memory_sink::read_all_at_once(bool on)
{
    at_once_ = on;
    if (on)
        drain();
}

void memory_sink::leave(error_code reason)
{
    if (!error_)
        error_ = reason;
    held_.clear();
    check_waiter();
}

error_code memory_sink::fault() const
{
    if (error_)
        return error_;
    if (finished_)
        return errc::already_finished;
    if (waiter_)
        return errc::operation_pending;
    return {};
}

std::size_t memory_sink::try_write(std::span<const std::byte> bytes, error_code& ec)
{
    if ((ec = fault()))
        return 0;
    std::size_t taken = 0;
    for (;;) {
        const auto n = std::min(bytes.size() - taken, window_ - held_.size());
        held_.append(reinterpret_cast<const char*>(bytes.data()) + taken, n);
        taken += n;
        accepted_ += n;
        peak_ = std::max(peak_, held_.size());
        if (!at_once_ || held_.empty())
            return taken;
        drain();
        if (taken == bytes.size() || error_)
            return taken;
    }
}

std::span<std::byte> memory_sink::prepare(error_code& ec)
{
    if ((ec = fault()))
        return {};
    lent_.resize(std::min<std::size_t>(window_ - held_.size(), 16 * 1024));
    return lent_;
}

void memory_sink::commit(std::size_t n)
{
    error_code ignored; // there was room, and what fails later says so later
    try_write(std::span(lent_).first(n), ignored);
}

bool memory_sink::try_flush(error_code& ec)
{
    ec = fault();
    return !ec && held_.empty();
}

bool memory_sink::satisfied() const
{
    if (error_)
        return true;
    switch (waiting_for_) {
    case wait_for::flushed: return held_.empty();
    case wait_for::finished: return finished_ && held_.empty();
    case wait_for::writable: break;
    }
    return finished_ || held_.size() < window_;
}

bool memory_sink::wait(wait_for what, waiter w)
{
    if (waiter_) {
        boost::asio::post(executor_, [w = std::move(w)]() mutable { w(errc::operation_pending); });
        return false;
    }
    waiting_for_ = what;
    waiter_ = std::move(w);
    check_waiter();
    return true;
}

void memory_sink::check_waiter()
{
    if (!waiter_ || !satisfied())
        return;
    const bool misuse = waiting_for_ == wait_for::writable && finished_;
    resume(error_ ? error_ : misuse ? error_code(errc::already_finished) : error_code());
}

void memory_sink::resume(error_code ec)
{
    boost::asio::post(executor_, [w = std::exchange(waiter_, {}), ec]() mutable { w(ec); });
}

void memory_sink::cancel_wait()
{
    if (waiter_)
        resume(boost::asio::error::operation_aborted);
}

void memory_sink::finish(error_code& ec)
{
    if (finished_)
        return;
    if ((ec = fault()))
        return;
    finished_ = true;
    if (at_once_)
        drain();
}

void memory_sink::abort(error_code reason)
{
    if (finished_ || error_)
        return;
    aborted_ = true;
    error_ = reason;
    check_waiter();
}

} // namespace sluice::testing
