// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/task.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace sluice::cgi {

/// How many programs run at once, and who waits for a turn.
///
/// Thread safety: all calls, from any thread.
class script_slots {
public:
    /// Somebody who wants to run a program.
    struct ticket {
        executor ex;
        std::function<void()>
            go; ///< called on `ex`, never from inside a call of the slots; owns a slot from then on
    };
    using ticket_ptr = std::shared_ptr<ticket>;

    script_slots(std::size_t most, std::size_t queue) : free_(most), queue_limit_(queue) {}

    enum class turn { now, later, never };

    /// `now`: the caller has a slot, and `go` is not called. `later`: `go` will be. `never`: too many wait already.
    turn ask(const ticket_ptr& t);

    /// Gives up waiting. False when `go` is on its way already.
    bool leave(const ticket_ptr& t);

    /// Gives a slot back: to the one who has waited longest.
    void release();

private:
    std::mutex mutex_;
    std::size_t free_;
    std::size_t queue_limit_;
    std::deque<ticket_ptr> queue_;
};

} // namespace sluice::cgi
