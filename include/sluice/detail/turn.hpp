// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/unique_function.hpp>

#include <boost/intrusive/list.hpp>

#include <utility>

namespace sluice::detail {

/// What is still to be done before a loop goes back to sleep: connections to pump, waiting apps to resume.
///
/// A driver's handler makes one `turn::scope`; what is put off meanwhile runs when the scope ends. Put off
/// outside of any scope (an app that was resumed by its own timer writes), it runs in a scope of its own
/// that `schedule` brings about. Work put off by work that runs now waits for the next round, so that the loop can
/// look at its sockets in between: an app that always has more to write cannot keep the others out (F29).
///
/// Turns may be joined: where several handlers are ready at once, all run before the answers leave together. A peer that
/// sleeps on another core is then woken once, not once an answer, and waking it is most of what sending a small answer
/// costs. Where handlers come one at a time, each has its turn at once.
///
/// Thread safety: none.
class turn {
public:
    using hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

    class task : public hook {
    public:
        virtual void run() = 0;

    protected:
        ~task() = default;
    };

    class scope {
    public:
        explicit scope(turn& t) noexcept : turn_(t) { ++turn_.depth_; }
        ~scope() { turn_.leave(); }
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;

    private:
        turn& turn_;
    };

    /// `schedule` has to make `run()` be called soon, from the loop; it is called once until then.
    explicit turn(unique_function<void()> schedule) : schedule_(std::move(schedule)) {}

    /// Runs `t` in this turn or, when there is none, in one of its own. Nothing when `t` is put off already.
    void put_off(task& t)
    {
        if (t.is_linked())
            return;
        tasks_.push_back(t);
        if (depth_ == 0)
            request();
    }

    /// Runs `t` in the next turn: after the loop has looked at its sockets.
    void put_off_to_next(task& t)
    {
        if (!t.is_linked())
            next_.push_back(t);
        request();
    }

    /// What `schedule` promised to call.
    void run()
    {
        requested_ = false;
        crowded_ = std::exchange(waited_, 0) > 1;
        tasks_.splice(tasks_.end(), next_);
        work();
    }

    /// Joins turns from now on. `schedule` has to let the handlers that are ready go first.
    void join_when_crowded() noexcept { joins_ = true; }

    /// True while a scope is open.
    bool active() const noexcept { return depth_ != 0; }

private:
    using list = boost::intrusive::list<task, boost::intrusive::base_hook<hook>,
                                        boost::intrusive::constant_time_size<false>>;

    void request()
    {
        if (!requested_) {
            requested_ = true;
            schedule_();
        }
    }

    void leave()
    {
        if (depth_ == 1 && !tasks_.empty() && !wait_for_others())
            work();
        --depth_;
    }

    // True when this turn is to be joined with those of handlers that may be ready too.
    bool wait_for_others()
    {
        if (!joins_ || (!crowded_ && waited_ == 0 && ++alone_ % looks_when_alone != 0))
            return false;
        request();
        ++waited_;
        return ++joined_ < most_joined;
    }

    void work()
    {
        joined_ = 0;
        ++depth_;
        // Two rounds: resuming an app makes output, and that is pumped in the same turn.
        for (int round = 0; round < 2 && !tasks_.empty(); ++round) {
            list now;
            now.swap(tasks_);
            while (!now.empty()) {
                task& t = now.front();
                now.pop_front();
                t.run();
            }
        }
        if (!tasks_.empty())
            request();
        --depth_;
    }

    // Looking for other handlers costs a system call: only now and then where none was found the last time.
    static constexpr unsigned looks_when_alone = 16;
    static constexpr unsigned most_joined = 32;

    list tasks_;
    list next_;
    unique_function<void()> schedule_;
    int depth_ = 0;
    bool requested_ = false;
    bool joins_ = false;
    bool crowded_ = false; ///< the last turn that waited for others found some
    unsigned waited_ = 0;  ///< turns that waited for others since the last request
    unsigned joined_ = 0, alone_ = 0;
};

} // namespace sluice::detail
