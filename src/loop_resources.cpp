// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/loop_resources.hpp>

#include <sluice/detail/file_threads.hpp>
#include <sluice/exchange.hpp>

#include <algorithm>

namespace sluice {

namespace {
// More would keep the memory of a past crowd; fewer would allocate for a steady one.
constexpr std::size_t idle_exchanges = 64;
} // namespace

loop_resources::loop_resources(executor ex, application app, const sluice::limits& l,
                               const normalize_options& normalize, const service_facts& facts,
                               detail::unique_function<void()> schedule)
    : executor_(std::move(ex)), limits_(l), normalize_(normalize), facts_(facts),
      pool_(l.pool_bytes, l.block_size), turn_(std::move(schedule)), app_(std::move(app))
{
    idle_.reserve(idle_exchanges);
    detail::file_threads::of(executor_).limit(limits_.file_threads);
}

loop_resources::~loop_resources() = default;

exchange_ptr loop_resources::new_exchange()
{
    if (idle_.empty())
        return new exchange(*this);
    exchange_ptr x(idle_.back().release());
    idle_.pop_back();
    return x;
}

void loop_resources::recycle(exchange* x) noexcept
{
    if (idle_.size() < idle_exchanges)
        idle_.emplace_back(x); // reserved by the constructor
    else
        delete x;
}

void loop_resources::add_to(statistics& s) const noexcept
{
    const auto pool = pool_.stats();
    s.block_size = pool_.block_size();
    s.pool_total += pool.total;
    s.pool_in_use += pool.in_use;
    s.pool_peak += pool.peak;
    s.pool_waits += pool.waits;
    s.held += pool.in_use * pool_.block_size();
    s.peak_held = std::max<std::size_t>(s.peak_held, counters_.peak_held.value());
    s.produced += counters_.produced.value();
    s.requests += counters_.requests.value();
    s.active += counters_.active.value();
    s.client_gone += counters_.client_gone.value();
}

} // namespace sluice
