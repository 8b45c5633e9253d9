// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/file_threads.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace sluice::detail {

namespace asio = boost::asio;

asio::execution_context::id file_threads::id;

struct file_threads::pool {
    explicit pool(std::size_t n) : threads(n) {}
    asio::thread_pool threads;
};

file_threads::file_threads(asio::execution_context& context) : service(context) {}
file_threads::~file_threads() = default;

file_threads& file_threads::of(const executor& ex)
{
    return asio::use_service<file_threads>(asio::query(ex, asio::execution::context));
}

void file_threads::shutdown() noexcept
{
    threads_.reset(); // waits for reads that have begun, drops the others
}

task<void> file_threads::run(unique_function<void()> read)
{
    if (!threads_)
        threads_ = std::make_unique<pool>(most_);
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
        [&](auto handler) {
            // The loop has work until it is told.
            auto loop = asio::prefer(asio::get_associated_executor(handler),
                                     asio::execution::outstanding_work.tracked);
            asio::post(threads_->threads,
                       [&read, loop = std::move(loop), handler = std::move(handler)]() mutable {
                           read();
                           asio::post(loop, std::move(handler));
                       });
        },
        asio::use_awaitable);
}

} // namespace sluice::detail
