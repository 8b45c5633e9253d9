// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/buffer_pool.hpp>
#include <sluice/detail/app_runners.hpp>
#include <sluice/detail/counter.hpp>
#include <sluice/detail/turn.hpp>
#include <sluice/environment.hpp>
#include <sluice/limits.hpp>
#include <sluice/statistics.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace sluice {

class exchange;
using exchange_ptr = boost::intrusive_ptr<exchange>;

/// What all exchanges of one loop share: the app, the pool, the limits, the turn, the figures; and the exchanges
/// themselves, which are used again.
///
/// Object lifetimes: outlives every exchange it has given out.
/// Thread safety: none, but that `add_to` may be called from any thread.
class loop_resources {
public:
    /// `schedule` as for `detail::turn`.
    loop_resources(executor ex, application app, const sluice::limits& l, const normalize_options& normalize,
                   const service_facts& facts, detail::unique_function<void()> schedule);
    ~loop_resources();
    loop_resources(const loop_resources&) = delete;
    loop_resources& operator=(const loop_resources&) = delete;

    /// A fresh exchange. Its memory comes from one that has ended, when there is one.
    exchange_ptr new_exchange();

    /// Adds this loop's figures to `s`.
    void add_to(statistics& s) const noexcept;

    executor get_executor() const { return executor_; }
    const application& app() const noexcept { return app_; }
    const sluice::limits& limits() const noexcept { return limits_; }
    const normalize_options& normalize() const noexcept { return normalize_; }
    const service_facts& facts() const noexcept { return facts_; }
    buffer_pool& pool() noexcept { return pool_; }
    detail::turn& turn() noexcept { return turn_; }
    detail::app_runners& runners() noexcept { return runners_; }

    /// Where `request::statistics()` asks; by default this loop alone.
    std::function<statistics()> all_statistics;

    struct counters {
        detail::counter peak_held, produced, requests, active, half_sent, client_gone, spilled;
    };
    counters& figures() noexcept { return counters_; }

    /// A string to build heads in, empty at each call.
    std::string& scratch() noexcept
    {
        scratch_.clear();
        return scratch_;
    }

private:
    friend exchange;
    void recycle(exchange* x) noexcept;

    executor executor_;
    sluice::limits limits_;
    normalize_options normalize_;
    service_facts facts_;
    buffer_pool pool_;
    detail::turn turn_;
    counters counters_;
    std::string scratch_;
    std::vector<std::unique_ptr<exchange>> idle_;
    detail::app_runners runners_{executor_};
    application app_; ///< the first to go: responders that it kept give their exchanges back here
};

} // namespace sluice
