// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/unique_function.hpp>
#include <sluice/task.hpp>

#include <atomic>
#include <memory>
#include <mutex>

namespace sluice {

class exchange;
class request;

namespace detail {

/// The way from other threads to a request on its loop. Once the request has ended it leads nowhere: so a thread may keep
/// it as long as it likes, also when the loop has gone.
///
/// Thread safety: `post` and `ended` may be called from any thread; the rest from the request's executor.
class request_link : public std::enable_shared_from_this<request_link> {
public:
    /// `on_ended` is called on the loop when the request ends: from inside this call when it has ended already.
    static std::shared_ptr<request_link> make(request& r, unique_function<void()> on_ended);

    /// Calls `f` on the loop, unless the request ends before; an exception from it fails the request, as one from any
    /// handler of the app. False, and `f` is dropped, when it has ended.
    bool post(unique_function<void()> f);

    bool ended() const noexcept { return ended_.load(std::memory_order_acquire); }

    /// As `request::aborted`; true when the request has ended.
    bool aborted() const noexcept;

private:
    void run(unique_function<void()> f);
    void end();

    // Held while posting: the request cannot end meanwhile, and the executor's context not go.
    std::mutex mutex_;
    std::atomic<bool> ended_{false};
    executor executor_;

    // The loop's.
    exchange* exchange_ = nullptr; ///< until the request ends
    unique_function<void()> on_ended_;
};

} // namespace detail
} // namespace sluice
