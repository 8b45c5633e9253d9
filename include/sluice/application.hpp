// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/request.hpp>
#include <sluice/responder.hpp>
#include <sluice/task.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace sluice {

/// An app of any shape: what all transports run and what middleware takes and gives.
///
/// | shape | signature |
/// |---|---|
/// | coroutine | `task<void>(request&, responder)` |
/// | immediate | `response(request&)` |
///
/// Copies share the function object.
/// Thread safety: called from several threads at once when `service_facts::multithread` says so.
class application {
public:
    template <class F>
        requires(!std::same_as<std::decay_t<F>, application> &&
                 (std::is_invocable_r_v<task<void>, const std::decay_t<F>&, request&, responder> ||
                  std::is_invocable_r_v<response, const std::decay_t<F>&, request&>))
    application(F&& f) : impl_(std::make_shared<model<std::decay_t<F>>>(std::forward<F>(f)))
    {
    }

    /// Runs the app as a coroutine, whatever its shape; exceptions of the app come out of it.
    /// Object lifetimes: the app lives until the coroutine has ended.
    task<void> operator()(request& req, responder respond) const { return impl_->call(req, std::move(respond)); }

    /// For an app that answers at once: runs it, true. False, and nothing done, for the other shapes.
    bool answer(request& req, responder& respond) const { return impl_->answer(req, respond); }

private:
    struct base {
        virtual ~base() = default;
        virtual task<void> call(request&, responder) const = 0;
        virtual bool answer(request&, responder&) const = 0;
    };

    template <class F>
    struct model final : base {
        explicit model(F f) : function(std::move(f)) {}

        static constexpr bool is_coroutine = std::is_invocable_r_v<task<void>, const F&, request&, responder>;

        task<void> call(request& req, responder respond) const override
        {
            if constexpr (is_coroutine)
                return function(req, std::move(respond));
            else
                return answer_later(function, req, std::move(respond));
        }
        bool answer(request& req, responder& respond) const override
        {
            if constexpr (!is_coroutine)
                respond.send(function(req));
            return !is_coroutine;
        }

        static task<void> answer_later(const F& f, request& req, responder respond)
        {
            respond.send(f(req));
            co_return;
        }

        F function;
    };

    std::shared_ptr<const base> impl_;
};

} // namespace sluice
