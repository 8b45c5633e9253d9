// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_slots_driver.hpp"

#include <boost/asio/post.hpp>

namespace sluice::cgi {

script_slots::turn script_slots::ask(const ticket_ptr& t)
{
    const std::lock_guard lock(mutex_);
    if (free_ > 0) {
        --free_;
        return turn::now;
    }
    if (queue_.size() >= queue_limit_)
        return turn::never;
    queue_.push_back(t);
    return turn::later;
}

bool script_slots::leave(const ticket_ptr& t)
{
    const std::lock_guard lock(mutex_);
    return std::erase(queue_, t) > 0;
}

void script_slots::release()
{
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) {
        ++free_;
        return;
    }
    auto next = std::move(queue_.front());
    queue_.pop_front();
    const auto ex = next->ex;
    boost::asio::post(ex, [next = std::move(next)] {
        next->go();
    }); // none is left here: who waits belongs to its own thread
}

} // namespace sluice::cgi
