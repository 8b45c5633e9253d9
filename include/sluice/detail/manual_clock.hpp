// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/task.hpp>

#include <boost/asio/execution_context.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>
#include <optional>

namespace sluice::detail {

/// The time of an execution context that a test moves by hand: it stands still until then, and `sleep_for`,
/// `sleep_until` and `detail::timer` follow it. A context without this service has steady_clock's.
///
/// Thread safety: none, but that `of` may be called from any thread.
class manual_clock final : public boost::asio::execution_context::service {
public:
    using key_type = manual_clock;
    using time_point = std::chrono::steady_clock::time_point;
    using hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

    /// What is to happen at a point in time. Destroyed or unlinked before it, it does not happen.
    class alarm : public hook {
    public:
        virtual void ring() = 0;

    protected:
        ~alarm() = default;

    private:
        friend manual_clock;
        time_point when_;
    };

    static boost::asio::execution_context::id id;

    explicit manual_clock(boost::asio::execution_context& context);

    /// The clock of the context that `ex` belongs to; null where time goes by itself.
    static manual_clock* of(const executor& ex);

    time_point now() const noexcept { return now_; }

    /// Makes `a` ring once at that time, from `move_to`. Preconditions: it is later than now(); `a` is not linked.
    void set(alarm& a, time_point when);

    /// When the first alarm is due.
    std::optional<time_point> next() const;

    /// Rings what is due until then, in the order of time. Precondition: not earlier than now().
    void move_to(time_point when);

private:
    void shutdown() override { alarms_.clear(); }

    using list = boost::intrusive::list<alarm, boost::intrusive::base_hook<hook>,
                                        boost::intrusive::constant_time_size<false>>;

    time_point now_ = std::chrono::steady_clock::now();
    list alarms_; ///< the first one due in front
};

} // namespace sluice::detail
