// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/manual_clock.hpp>

#include <boost/asio/execution/context.hpp>
#include <boost/asio/query.hpp>

#include <algorithm>

namespace sluice::detail {

boost::asio::execution_context::id manual_clock::id;

manual_clock::manual_clock(boost::asio::execution_context& context)
    : boost::asio::execution_context::service(context)
{}

manual_clock* manual_clock::of(const executor& ex)
{
    boost::asio::execution_context& context = boost::asio::query(ex, boost::asio::execution::context);
    return boost::asio::has_service<manual_clock>(context) ? &boost::asio::use_service<manual_clock>(context)
                                                           : nullptr;
}

void manual_clock::set(alarm& a, time_point when)
{
    a.when_ = when;
    const auto behind =
        std::find_if(alarms_.begin(), alarms_.end(), [&](const alarm& b) { return b.when_ > a.when_; });
    alarms_.insert(behind, a);
}

std::optional<manual_clock::time_point> manual_clock::next() const
{
    return alarms_.empty() ? std::nullopt : std::optional(alarms_.front().when_);
}

void manual_clock::move_to(time_point when)
{
    while (!alarms_.empty() && alarms_.front().when_ <= when) {
        alarm& first = alarms_.front();
        now_ = first.when_;
        alarms_.pop_front();
        first.ring();
    }
    now_ = when;
}

} // namespace sluice::detail
