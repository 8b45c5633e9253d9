// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/task.hpp>

#include <sluice/detail/timer.hpp>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sluice {

task<void> sleep_until(std::chrono::steady_clock::time_point when)
{
    detail::timer timer(co_await boost::asio::this_coro::executor);
    timer.expires_at(when);
    co_await timer.async_wait(boost::asio::use_awaitable);
}

task<void> sleep_for(std::chrono::steady_clock::duration time)
{
    detail::timer timer(co_await boost::asio::this_coro::executor);
    timer.expires_after(time);
    co_await timer.async_wait(boost::asio::use_awaitable);
}

} // namespace sluice
