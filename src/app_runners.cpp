// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/app_runners.hpp>

#include <sluice/exchange.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <utility>

namespace sluice::detail {

app_runner::app_runner(executor ex) : executor_(std::move(ex)) {}
app_runner::~app_runner() = default;

void app_runner::cancel()
{
    cancelled_ = true;
    signal_.emit(boost::asio::cancellation_type::terminal);
    // Called from outside the loop, co_spawn's handler, which lives in the signal, has only posted itself.
    boost::asio::post(executor_, [keep = shared_from_this()] {});
}

void app_runners::keep(std::size_t most)
{
    most_ = most;
    while (idle_.size() > most) {
        // Out of the runner first: with the coroutine goes the runner.
        const auto coroutine = std::move(idle_.back()->resume_);
        idle_.pop_back();
    }
    idle_.reserve(most);
}

void app_runners::run(exchange_ptr x, responder respond)
{
    if (!idle_.empty()) {
        app_runner& me = *idle_.back();
        idle_.pop_back();
        me.next_ = std::move(x);
        me.respond_.emplace(std::move(respond));
        auto coroutine = std::move(me.resume_);
        return coroutine();
    }
    auto own = std::make_shared<app_runner>(executor_);
    app_runner& me = *own;
    ++made_;
    me.next_ = std::move(x);
    me.respond_.emplace(std::move(respond));
    // The handler keeps the runner until Asio is done with its slot, which is after the coroutine's own frame has gone.
    boost::asio::co_spawn(executor_, serve(*this, me),
                          boost::asio::bind_cancellation_slot(me.signal_.slot(),
                                                              [own = std::move(own)](std::exception_ptr) {}));
}

task<void> app_runners::serve(app_runners& all, app_runner& me)
{
    for (;;) {
        {
            const exchange::running_app app(std::move(me.next_), me);
            responder respond = *std::exchange(me.respond_, std::nullopt);
            // As co_spawn would begin, whatever the app before has set.
            co_await boost::asio::this_coro::reset_cancellation_state();
            co_await boost::asio::this_coro::throw_if_cancelled(true);
            std::exception_ptr failure;
            try {
                co_await app.start(std::move(respond));
            } catch (...) {
                failure = std::current_exception();
            }
            app.returned(failure);
        }
        if (me.cancelled_ || all.idle_.size() >= all.most_)
            break;
        co_await wait_for_next(all, me);
    }
    // co_spawn still has a step to go, and would throw out of the loop when the client has gone.
    co_await boost::asio::this_coro::throw_if_cancelled(false);
}

task<void> app_runners::wait_for_next(app_runners& all, app_runner& me)
{
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        [&](auto handler) {
            me.resume_ = [handler = std::move(handler)]() mutable { std::move(handler)(); };
            all.idle_.push_back(&me); // reserved by `keep`
        },
        boost::asio::use_awaitable);
}

} // namespace sluice::detail
