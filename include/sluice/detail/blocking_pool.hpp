// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

namespace sluice::detail {

/// Work that may take its time.
class blocking_job {
public:
    virtual ~blocking_job() = default;

    /// Called on a thread of the pool.
    virtual void run() noexcept = 0;

    /// True when nobody waits for it any more. Called from any thread.
    virtual bool obsolete() const noexcept = 0;
};

/// Threads that are started as they are needed, up to a bound, with a bounded queue before them.
///
/// Thread safety: `submit` may be called from any thread.
class blocking_pool {
public:
    /// `grace`: as `blocking_options::grace`.
    blocking_pool(std::size_t threads, std::size_t queue, std::chrono::milliseconds grace);

    /// Jobs that have not begun are dropped. Waits for those that run, no longer than the grace: a thread that does not come
    /// back is left behind, with a line in the log.
    ~blocking_pool();
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// False when the queue is full.
    bool submit(std::shared_ptr<blocking_job> job);

private:
    struct shared;
    void start_thread();
    static void work(shared& s);

    std::chrono::milliseconds grace_;
    std::shared_ptr<shared> shared_; ///< also of threads that are left behind
};

} // namespace sluice::detail
