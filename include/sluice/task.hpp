// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace sluice {

/// What an app's coroutine returns. Everything of Asio can be awaited inside.
template <class T>
using task = boost::asio::awaitable<T>;

using executor = boost::asio::any_io_executor;

/// Waits without blocking the loop. In tests that move the clock by hand (sluice/testing) it waits for that.
/// Errors: throws `system_error` (operation_aborted) when the client leaves meanwhile.
task<void> sleep_for(std::chrono::steady_clock::duration time);

/// As `sleep_for`, until a point in time.
task<void> sleep_until(std::chrono::steady_clock::time_point when);

} // namespace sluice
