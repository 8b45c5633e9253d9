// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "loop.hpp"

#include <sluice/log.hpp>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>

namespace sluice::fcgi {

namespace {

// One read of a body; the kernel's unix socket buffer holds three.
constexpr std::size_t read_size = 64 * 1024;

// Coroutines kept for apps to come: as for exchanges, enough for a steady crowd.
constexpr std::size_t idle_runners = 64;

constexpr auto trim_period = std::chrono::seconds(5);

// Often enough to keep each time limit within a quarter, seldom enough to cost nothing.
std::chrono::milliseconds sweep_period_for(const sluice::limits& l)
{
    const auto shortest = std::min({l.request_idle, l.write_stall, l.linger});
    return std::clamp<std::chrono::milliseconds>(shortest / 4, std::chrono::milliseconds(10),
                                                 std::chrono::seconds(1));
}

} // namespace

loop::loop(const application& app, const sluice::limits& l, const normalize_options& normalize,
           const service_facts& facts)
    : sweep_timer_(context_), drain_timer_(context_), sweep_period_(sweep_period_for(l)),
      read_buffer_(read_size), busy_poll_(l.busy_poll)
{
    resources_.emplace(context_.get_executor(), app, l, normalize, facts,
                       [this] { boost::asio::post(context_, [this] { resources_->turn().run(); }); });
    resources_->runners().keep(idle_runners);
    resources_->turn().join_when_crowded();
}

loop::~loop()
{
    // No more than one try: what the kernel does not take of this, nobody will see.
    for_each_connection([](connection& c) { c.cancel(errc::shutting_down); });
    while (!open_.empty())
        open_.front().close();
    // Apps that wait for their clients live in what those hold: unless they are told, nobody ends them.
    resources_->turn().run();
    resources_->runners().keep(0); // they hold work of the context, which goes before them
}

void loop::run()
{
    for (;;) {
        try {
            context_.run();
            return;
        } catch (const std::exception& e) {
            // Thrown by a handler that an app posted itself: no request's, so nothing of a request is lost by going on.
            log::error("a handler of the app threw: {}", e.what());
        }
    }
}

// `f` may close the connection it gets; what it puts off waits, since that may close others.
template <class F>
void loop::for_each_connection(F f)
{
    const detail::turn::scope turn(resources_->turn());
    for (auto i = open_.begin(); i != open_.end();)
        f(*i++);
}

void loop::adopt(int fd)
{
    const connection_ptr c(new connection(*this, fd));
    intrusive_ptr_add_ref(c.get()); // the list's own
    open_.push_back(*c);
    count_.add(1);
    if (draining_)
        c->drain();
    c->start();
    schedule_sweep();
}

void loop::closed(connection& c)
{
    open_.erase(open_.iterator_to(c));
    count_.subtract(1);
    intrusive_ptr_release(&c);
    if (on_closed)
        on_closed();
    if (draining_ && open_.empty())
        end_drain();
}

void loop::schedule_sweep()
{
    // Idle processes do not wake up for nothing.
    if (sweeping_ ||
        (open_.empty() && resources_->pool().stats().in_use == 0 && next_trim_ == decltype(next_trim_){}))
        return;
    sweeping_ = true;
    sweep_timer_.expires_after(sweep_period_);
    sweep_timer_.async_wait([this](const error_code& ec) {
        sweeping_ = false;
        if (!ec)
            sweep();
    });
}

void loop::sweep()
{
    const auto now = std::chrono::steady_clock::now();
    for_each_connection([now](connection& c) { c.check(now); });
    if (now >= next_trim_) {
        resources_->pool().trim();
        // Twice more after the last connection has gone, then sleep: all pages are back by then.
        idle_trims_ = open_.empty() ? idle_trims_ + 1 : 0;
        next_trim_ = idle_trims_ >= 2 ? decltype(next_trim_){} : now + trim_period;
    }
    schedule_sweep();
}

void loop::drain()
{
    if (draining_)
        return;
    draining_ = true;
    for_each_connection([](connection& c) { c.drain(); });
    if (open_.empty())
        return end_drain();
    drain_timer_.expires_after(resources_->limits().drain);
    drain_timer_.async_wait([this](const error_code& ec) {
        if (ec)
            return;
        log::warning("{} connections are still open after limits::drain ({} ms): ended", open_.size(),
                     resources_->limits().drain.count());
        for_each_connection([](connection& c) { c.cancel(errc::shutting_down); });
        while (!open_.empty())
            open_.front().close();
        end_drain();
    });
}

void loop::end_drain()
{
    drain_timer_.cancel();
    // After the handlers that were posted on the way here: apps that were told go first.
    boost::asio::post(context_, [this] {
        work_.reset();
        context_.stop();
    });
}

} // namespace sluice::fcgi
