// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/timer.hpp>

namespace sluice::detail {

void timer::follow(time_point when)
{
    unlink();
    rang_ = std::make_shared<bool>(false);
    timer_.expires_at(time_point::max());
    if (when > manual_->now())
        manual_->set(*this, when);
    else
        ring();
}

void timer::ring()
{
    *rang_ = true;
    timer_.expires_at(time_point()); // ends what waits; what waits later is over at once
}

} // namespace sluice::detail
