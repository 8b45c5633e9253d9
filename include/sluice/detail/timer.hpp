// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/manual_clock.hpp>
#include <sluice/errc.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <utility>

namespace sluice::detail {

/// What a response waits for time with: Asio's `steady_timer`, but that it follows the clock of its context where a test moves
/// that by hand.
///
/// Thread safety: none.
class timer final : private manual_clock::alarm {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using duration = std::chrono::steady_clock::duration;

    explicit timer(const executor& ex) : timer_(ex), manual_(manual_clock::of(ex)) {}

    /// The time as this timer sees it.
    time_point now() const { return manual_ ? manual_->now() : std::chrono::steady_clock::now(); }

    /// As those of `steady_timer`: what waits ends with `operation_aborted`.
    void expires_at(time_point when)
    {
        if (manual_)
            follow(when);
        else
            timer_.expires_at(when);
    }
    void expires_after(duration time)
    {
        // A time past the end of the clock is for ever.
        expires_at(time < time_point::max() - now() ? now() + time : time_point::max());
    }
    void cancel()
    {
        unlink();
        timer_.cancel();
    }

    /// Signature: `void(error_code)`.
    template <class Token = boost::asio::deferred_t>
    auto async_wait(Token&& token = {})
    {
        return boost::asio::async_initiate<Token, void(error_code)>(
            [](auto handler, timer* t) {
                namespace asio = boost::asio;
                if (!t->manual_)
                    return t->timer_.async_wait(std::move(handler));
                // All but the result is Asio's doing, cancellation first.
                auto slot = asio::get_associated_cancellation_slot(handler);
                auto where = asio::get_associated_executor(handler, t->timer_.get_executor());
                t->timer_.async_wait(asio::bind_cancellation_slot(
                    slot, asio::bind_executor(
                              where, [rang = t->rang_, h = std::move(handler)](error_code ec) mutable {
                                  std::move(h)(rang && *rang ? error_code() : ec);
                              })));
            },
            token, this);
    }

private:
    void follow(time_point when);
    void ring() override;

    boost::asio::steady_timer timer_;
    manual_clock* manual_;
    std::shared_ptr<bool> rang_; ///< whether the time had come that a wait was for; with a manual clock only
};

} // namespace sluice::detail
