// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/unique_function.hpp>
#include <sluice/responder.hpp>
#include <sluice/task.hpp>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace sluice {

class exchange;

namespace detail {

/// The coroutine in which one app after the other runs: starting one with `co_spawn` costs as much as all else of a small
/// request together.
class app_runner : public std::enable_shared_from_this<app_runner> {
public:
    explicit app_runner(executor ex);
    ~app_runner();

    /// Cancels what the app waits for. The runner is not used again.
    void cancel();

private:
    friend class app_runners;

    executor executor_;
    boost::asio::cancellation_signal signal_;
    unique_function<void()> resume_; ///< while it is idle
    boost::intrusive_ptr<exchange> next_;
    std::optional<responder> respond_;
    bool cancelled_ = false;
};

/// The runners of one loop.
///
/// Object lifetimes: a runner that is kept holds work of the executor's context. `keep(0)` before the context goes, and
/// where the context's `run` is to return by itself.
/// Thread safety: none.
class app_runners {
public:
    explicit app_runners(executor ex) : executor_(std::move(ex)) {}
    ~app_runners() { keep(0); }
    app_runners(const app_runners&) = delete;
    app_runners& operator=(const app_runners&) = delete;

    /// Keeps up to `most` idle runners, none unless told.
    void keep(std::size_t most);

    /// Runs the app of `x`; returns when the app waits for something, or has returned.
    void run(boost::intrusive_ptr<exchange> x, responder respond);

    std::size_t idle() const noexcept { return idle_.size(); }
    std::uint64_t made() const noexcept { return made_; }

private:
    static task<void> serve(app_runners& all, app_runner& me);
    static task<void> wait_for_next(app_runners& all, app_runner& me);

    executor executor_;
    std::vector<app_runner*> idle_; ///< each owned by its coroutine, which lives in its `resume_`
    std::size_t most_ = 0;
    std::uint64_t made_ = 0;
};

} // namespace detail
} // namespace sluice
