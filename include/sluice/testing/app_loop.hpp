// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/limits.hpp>
#include <sluice/loop_resources.hpp>
#include <sluice/statistics.hpp>
#include <sluice/testing/manual_loop.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

namespace sluice::testing {

/// A `manual_loop` with all that an app needs to be served on it, for any number of `client`s. Tests of an app have
/// `testing::exchange`, which holds one of each.
///
/// Object lifetimes: outlives its clients.
/// Thread safety: none.
class app_loop {
public:
    explicit app_loop(application app, const sluice::limits& l = {});
    ~app_loop();
    app_loop(const app_loop&) = delete;
    app_loop& operator=(const app_loop&) = delete;

    /// As those of `manual_loop`.
    std::size_t poll(std::size_t most = manual_loop::most_handlers)
    {
        return stopped_ ? 0 : loop_.poll(most);
    }
    std::size_t advance(manual_loop::duration by) { return loop_.advance(by); }
    bool poll_until(const std::function<bool()>& done, manual_loop::duration most = std::chrono::seconds(10))
    {
        return loop_.poll_until(done, most);
    }
    void stop_clock() { loop_.stop_clock(); }
    std::chrono::steady_clock::time_point now() { return loop_.now(); }
    boost::asio::io_context& context() noexcept { return loop_.context(); }

    /// `poll` runs nothing from now on, and the destructor neither: as a loop that is stopped leaves behind what is ready.
    void stop() noexcept { stopped_ = true; }

    loop_resources& resources() noexcept { return *resources_; }
    sluice::statistics statistics() const;

private:
    bool stopped_ = false;
    // Before the loop, whose handlers may hold exchanges to give back.
    std::optional<loop_resources> resources_;
    manual_loop loop_;
};

} // namespace sluice::testing
