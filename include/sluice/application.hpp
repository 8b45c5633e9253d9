// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/authorization.hpp>
#include <sluice/request.hpp>
#include <sluice/responder.hpp>
#include <sluice/task.hpp>

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice {

namespace detail {
/// Not is_invocable_r_v<void, …>, which says yes to anything: a result that nobody would look at is a mistake.
template <class F, class... Args>
constexpr bool returns_void = [] {
    if constexpr (std::is_invocable_v<F, Args...>)
        return std::is_void_v<std::invoke_result_t<F, Args...>>;
    return false;
}();
} // namespace detail

/// An app of any shape: what all transports run and what middleware takes and gives.
///
/// | shape | signature | role |
/// |---|---|---|
/// | coroutine | `task<void>(request&, responder)` | responder |
/// | immediate | `response(request&)` | responder |
/// | delayed | `void(request&, responder)` | responder |
/// | blocking | `blocking(f)`, see `<sluice/blocking.hpp>` | responder |
/// | blocking, with CGI's head in its output | `cgi::ported(f)`, see `<sluice/cgi/ported.hpp>` | responder |
/// | authorizer | `authorization(request&)`, `task<authorization>(request&)` | authorizer |
/// | `application::filter(app)` of any of the first five | the same | filter |
///
/// A delayed app may return at once and answer when it likes: it keeps the responder, and then the writer, in its callbacks
/// (which run on the request's executor, as those of `async_write` do) or gives it to another thread (`remote_responder`).
/// What it has started and let go of when it returns ends well, as with a coroutine.
///
/// Copies share the function object.
/// Thread safety: called from several threads at once when `service_facts::multithread` says so.
class application {
public:
    template <class F>
    requires(!std::same_as<std::decay_t<F>, application> &&
             (std::is_invocable_r_v<task<void>, const std::decay_t<F>&, request&, responder> ||
              detail::returns_void<const std::decay_t<F>&, request&, responder> ||
              std::is_invocable_r_v<response, const std::decay_t<F>&, request&> ||
              std::is_invocable_r_v<authorization, const std::decay_t<F>&, request&> ||
              std::is_invocable_r_v<task<authorization>, const std::decay_t<F>&, request&>))
        application(F&& f)
        : impl_(std::make_shared<model<std::decay_t<F>>>(std::forward<F>(f)))
    {}

    /// `app`, asked as a filter: it finds the file to work on in `request::data()`. Precondition: it serves responders.
    static application filter(application app)
    {
        return application(std::make_shared<as_filter>(std::move(app.impl_)));
    }

    /// Gives each request to the first of `apps` that serves its role.
    static application by_role(std::initializer_list<application> apps)
    {
        return application(std::make_shared<choice>(apps));
    }

    /// Whether the app may be asked in this role. A web server that asks for another is told so (FCGI_UNKNOWN_ROLE).
    bool serves(role r) const noexcept { return impl_->serves(r); }

    /// Runs the app as a coroutine, whatever its shape; exceptions of the app come out of it. It ends when the app returns: a
    /// delayed one may answer later.
    /// Object lifetimes: the app lives until the coroutine has ended.
    task<void> operator()(request& req, responder respond) const
    {
        return impl_->call(req, std::move(respond));
    }

    /// For an app that is no coroutine: runs it, true. False, and nothing done, for the other shapes.
    bool answer(request& req, responder& respond) const { return impl_->answer(req, respond); }

private:
    struct base {
        virtual ~base() = default;
        virtual bool serves(role) const noexcept = 0;
        virtual task<void> call(request&, responder) const = 0;
        virtual bool answer(request&, responder&) const = 0;
    };

    template <class F>
    struct model final : base {
        explicit model(F f) : function(std::move(f)) {}

        static constexpr bool is_coroutine = std::is_invocable_r_v<task<void>, const F&, request&, responder>;
        static constexpr bool answers_later = detail::returns_void<const F&, request&, responder>;
        static constexpr bool decides_later = std::is_invocable_r_v<task<authorization>, const F&, request&>;
        static constexpr bool decides =
            decides_later || std::is_invocable_r_v<authorization, const F&, request&>;

        bool serves(role r) const noexcept override
        {
            return r == (decides ? role::authorizer : role::responder);
        }

        task<void> call(request& req, responder respond) const override
        {
            if constexpr (is_coroutine)
                return function(req, std::move(respond));
            else
                return answer_later(function, req, std::move(respond));
        }
        bool answer(request& req, responder& respond) const override
        {
            if constexpr (answers_later)
                function(req, std::move(respond));
            else if constexpr (decides && !decides_later)
                respond.send(std::move(function(req).answer()));
            else if constexpr (!is_coroutine && !decides)
                respond.send(function(req));
            return !is_coroutine && !decides_later;
        }

        static task<void> answer_later(const F& f, request& req, responder respond)
        {
            if constexpr (answers_later) {
                f(req, std::move(respond));
            } else if constexpr (decides_later) {
                authorization decision = co_await f(req);
                respond.send(std::move(decision.answer()));
            } else if constexpr (decides) {
                respond.send(std::move(f(req).answer()));
            } else {
                respond.send(f(req));
            }
            co_return;
        }

        F function;
    };

    struct as_filter final : base {
        explicit as_filter(std::shared_ptr<const base> a) noexcept : app(std::move(a)) {}

        bool serves(role r) const noexcept override { return r == role::filter; }
        task<void> call(request& req, responder respond) const override
        {
            return app->call(req, std::move(respond));
        }
        bool answer(request& req, responder& respond) const override { return app->answer(req, respond); }

        std::shared_ptr<const base> app;
    };

    struct choice final : base {
        // Not the apps themselves: `application` is not complete here, and clang insists.
        explicit choice(std::initializer_list<application> all)
        {
            for (const auto& a : all)
                apps.push_back(a.impl_);
        }

        const base* find(role r) const noexcept
        {
            const auto at =
                std::find_if(apps.begin(), apps.end(), [r](const auto& a) { return a->serves(r); });
            return at == apps.end() ? nullptr : at->get();
        }
        bool serves(role r) const noexcept override { return find(r) != nullptr; }
        task<void> call(request& req, responder respond) const override
        {
            return find(req.role())->call(req, std::move(respond));
        }
        bool answer(request& req, responder& respond) const override
        {
            return find(req.role())->answer(req, respond);
        }

        std::vector<std::shared_ptr<const base>> apps;
    };

    explicit application(std::shared_ptr<const base> impl) noexcept : impl_(std::move(impl)) {}

    std::shared_ptr<const base> impl_;
};

} // namespace sluice
