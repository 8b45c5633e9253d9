// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/request_link.hpp>

#include <sluice/exchange.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace sluice::detail {

std::shared_ptr<request_link> request_link::make(request& r, unique_function<void()> on_ended)
{
    auto link = std::make_shared<request_link>();
    link->executor_ = r.get_executor();
    link->exchange_ = &r.exchange_;
    link->on_ended_ = std::move(on_ended);
    r.on_end([link] { link->end(); });
    return link;
}

bool request_link::post(unique_function<void()> f)
{
    const std::lock_guard lock(mutex_);
    if (ended())
        return false;
    boost::asio::post(executor_,
                      [self = shared_from_this(), f = std::move(f)]() mutable { self->run(std::move(f)); });
    return true;
}

bool request_link::aborted() const noexcept
{
    return exchange_ == nullptr || exchange_->gone();
}

void request_link::run(unique_function<void()> f)
{
    if (!exchange_)
        return;
    const exchange_ptr keep(exchange_); // f may drop the last handle
    keep->complete(std::move(f));
}

void request_link::end()
{
    {
        const std::lock_guard lock(mutex_);
        ended_.store(true, std::memory_order_release);
        executor_ = {};
    }
    exchange_ = nullptr;
    std::exchange(on_ended_, {})();
}

} // namespace sluice::detail
