// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/manual_loop.hpp>

#include <sluice/detail/manual_clock.hpp>

#include <thread>

namespace sluice::testing {

using detail::manual_clock;

void manual_loop::stop_clock()
{
    boost::asio::use_service<manual_clock>(context_);
}

std::chrono::steady_clock::time_point manual_loop::now()
{
    const auto* stopped = manual_clock::of(get_executor());
    return stopped ? stopped->now() : std::chrono::steady_clock::now();
}

std::size_t manual_loop::poll(std::size_t most)
{
    context_.restart();
    std::size_t n = 0;
    while (n < most && context_.poll_one() > 0)
        ++n;
    return n;
}

std::size_t manual_loop::advance(duration by)
{
    auto& clock = boost::asio::use_service<manual_clock>(context_);
    const auto until = clock.now() + by;
    std::size_t n = poll();
    for (auto next = clock.next(); n < most_handlers && next && *next <= until; next = clock.next()) {
        clock.move_to(*next);
        n += poll(most_handlers - n);
    }
    clock.move_to(until);
    return n;
}

bool manual_loop::poll_until(const std::function<bool()>& done, duration most)
{
    const auto deadline = std::chrono::steady_clock::now() + most;
    for (;;) {
        const auto n = poll(1000);
        if (done())
            return true;
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        if (n == 0)
            std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

} // namespace sluice::testing
