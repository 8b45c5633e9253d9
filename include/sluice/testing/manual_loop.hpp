// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/task.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>

namespace sluice::testing {

/// An `io_context` that does nothing until a test says so, and whose clock a test may stop and move.
///
/// Thread safety: none; other threads may post to `context()`.
class manual_loop {
public:
    using duration = std::chrono::steady_clock::duration;

    /// What one call runs at most, so that an app which never comes to rest ends its test, not only the test's time.
    static constexpr std::size_t most_handlers = 10'000'000;

    boost::asio::io_context& context() noexcept { return context_; }
    executor get_executor() { return context_.get_executor(); }

    /// From now on `sleep_for` and `sleep_until` follow the clock of this loop, which stands still but for `advance`. Asio's
    /// own timers have real time, as before. To be called before anything sleeps.
    void stop_clock();

    /// The time as those that sleep see it.
    std::chrono::steady_clock::time_point now();

    /// Runs what is ready, `most` handlers at most; says how many that were. Exceptions of handlers come out of it.
    std::size_t poll(std::size_t most = most_handlers);

    /// Moves the clock on, and runs what becomes ready on the way, in its order. Precondition: `stop_clock` was called.
    /// Returns the handlers run, `most_handlers` at most: with that many it gave up.
    std::size_t advance(duration by);

    /// For what other threads and Asio's own timers do: runs what becomes ready until `done()`, or until `most` is over. Says
    /// which.
    bool poll_until(const std::function<bool()>& done, duration most = std::chrono::seconds(10));

private:
    boost::asio::io_context context_{1};
};

} // namespace sluice::testing
