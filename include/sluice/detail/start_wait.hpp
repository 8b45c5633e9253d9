// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>
#include <sluice/task.hpp>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>

#include <type_traits>
#include <utility>

namespace sluice::detail {

/// Makes an Asio completion handler the waiter of `object`: `object.wait(waiter)` is to keep it and call it
/// from the executor `own`, `object.cancel()` to end the wait early. Handlers that belong to `own`, as an
/// app's coroutine does, are called directly; others through their executor.
///
/// `wait` says false when the object refused, because another operation waits: cancelling this one must not end that.
template <class Wait, class Cancel, class Handler>
void start_wait(const executor& own, Wait wait, Cancel cancel, Handler handler)
{
    namespace asio = boost::asio;
    auto slot = asio::get_associated_cancellation_slot(handler);
    const auto started = [&](bool accepted) {
        if (accepted && slot.is_connected())
            slot.assign([cancel = std::move(cancel)](asio::cancellation_type) { cancel(); });
    };
    auto where = asio::get_associated_executor(handler, own);
    if constexpr (std::is_same_v<decltype(where), executor>) {
        if (where == own) {
            return started(wait([handler = std::move(handler)](auto... results) mutable {
                asio::get_associated_cancellation_slot(handler).clear();
                std::move(handler)(std::move(results)...);
            }));
        }
    }
    started(wait([handler = std::move(handler), where](auto... results) mutable {
        asio::get_associated_cancellation_slot(handler).clear();
        asio::dispatch(where, [handler = std::move(handler), ... r = std::move(results)]() mutable {
            std::move(handler)(std::move(r)...);
        });
    }));
}

} // namespace sluice::detail
