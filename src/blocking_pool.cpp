// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/blocking_pool.hpp>

#include <sluice/log.hpp>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::detail {

struct blocking_pool::shared {
    std::size_t most_threads, most_queued;

    std::mutex mutex;
    std::condition_variable wanted; ///< there is a job, or the end
    std::condition_variable left;   ///< a thread is at its end
    std::deque<std::shared_ptr<blocking_job>> queue;
    std::vector<std::thread> threads;
    std::size_t working = 0; ///< threads that run a job
    bool stopping = false;
};

blocking_pool::blocking_pool(std::size_t threads, std::size_t queue, std::chrono::milliseconds grace)
    : grace_(grace), shared_(std::make_shared<shared>())
{
    shared_->most_threads = std::max<std::size_t>(threads, 1);
    shared_->most_queued = queue;
}

blocking_pool::~blocking_pool()
{
    std::deque<std::shared_ptr<blocking_job>> dropped; // outside of the lock: jobs are the app's
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    dropped.swap(shared_->queue);
    shared_->wanted.notify_all();
    const bool all = shared_->left.wait_for(lock, grace_, [this] { return shared_->working == 0; });
    if (!all)
        log::error(
            "{} blocking apps have not returned within {} ms (blocking_options::grace): their threads are "
            "left behind",
            shared_->working, grace_.count());
    auto threads = std::move(shared_->threads);
    lock.unlock();
    for (auto& t : threads) {
        if (all)
            t.join();
        else
            t.detach();
    }
}

bool blocking_pool::submit(std::shared_ptr<blocking_job> job)
{
    std::vector<std::shared_ptr<blocking_job>> dropped; // as above
    const std::lock_guard lock(shared_->mutex);
    auto& queue = shared_->queue;
    auto& threads = shared_->threads;
    // Threads without a job: they wait, or are on their way to the queue.
    const auto free = [&] { return threads.size() - shared_->working; };
    if (queue.size() >= free() && threads.size() < shared_->most_threads)
        start_thread();
    if (queue.size() >= free() + shared_->most_queued) {
        // Clients that have left need no place in it.
        const auto rest =
            std::stable_partition(queue.begin(), queue.end(), [](const auto& j) { return !j->obsolete(); });
        dropped.assign(std::move_iterator(rest), std::move_iterator(queue.end()));
        queue.erase(rest, queue.end());
    }
    if (threads.empty() || queue.size() >= free() + shared_->most_queued)
        return false;
    queue.push_back(std::move(job));
    shared_->wanted.notify_one();
    return true;
}

void blocking_pool::start_thread()
{
    try {
        shared_->threads.emplace_back([s = shared_] { work(*s); });
    } catch (const std::system_error& e) {
        log::error("no thread for a blocking app, which has {} of at most {}: {}", shared_->threads.size(),
                   shared_->most_threads, e.what());
    }
}

void blocking_pool::work(shared& s)
{
    std::unique_lock lock(s.mutex);
    for (;;) {
        s.wanted.wait(lock, [&s] { return s.stopping || !s.queue.empty(); });
        if (s.stopping)
            return;
        auto job = std::move(s.queue.front());
        s.queue.pop_front();
        ++s.working;
        lock.unlock();
        if (!job->obsolete())
            job->run();
        job.reset();
        lock.lock();
        --s.working;
        if (s.stopping)
            s.left.notify_all();
    }
}

} // namespace sluice::detail
