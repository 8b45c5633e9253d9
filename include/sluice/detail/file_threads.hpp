// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/unique_function.hpp>
#include <sluice/task.hpp>

#include <boost/asio/execution_context.hpp>

#include <cstddef>
#include <memory>

namespace sluice::detail {

/// The threads in which one loop reads files that are not in the page cache. None is started before the first such read.
///
/// A service of the loop's context, as Asio's resolver is: when the context goes, the threads are joined first, and nobody
/// is told into a context that is not there any more.
///
/// Thread safety: none; for the loop.
class file_threads final : public boost::asio::execution_context::service {
public:
    static boost::asio::execution_context::id id;

    explicit file_threads(boost::asio::execution_context& context);
    ~file_threads() override;

    /// Those of the context that `ex` runs in.
    static file_threads& of(const executor& ex);

    /// How many there may be, before the first is needed; `limits::file_threads`.
    void limit(std::size_t most) noexcept { most_ = most > 0 ? most : 1; }

    /// Calls `read` in one of the threads, and resumes on the loop. What has begun is not cancelled: what `read` uses is in use
    /// until it ends.
    task<void> run(unique_function<void()> read);

    bool started() const noexcept { return threads_ != nullptr; }

private:
    struct pool;

    void shutdown() noexcept override;

    std::size_t most_ = 4;
    std::unique_ptr<pool> threads_;
};

} // namespace sluice::detail
