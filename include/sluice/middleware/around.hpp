// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>

#include <utility>

namespace sluice::middleware {

/// Gives `outer` the roles of the app that it stands around: as a responder and as a filter it is asked, what it does
/// not understand (an authorizer) stays `inner`'s own.
application with_roles_of(const application& inner, application outer);

/// An app around an app: calls `f(request&, responder, const application& inner)`, which gives a `task<void>`, for each
/// request. It may change the environment, answer itself, or hand `inner` another responder (`filter_port`).
///
///     const auto timed = middleware::around(
///         app, [](request& req, responder respond, const application& inner) -> task<void> {
///             const auto begun = clock::now();
///             co_await inner(req, std::move(respond));
///             note(clock::now() - begun);
///         });
///
/// Where nothing is to be done after the app, `f` need be no coroutine: `return app(req, std::move(respond));`.
/// Object lifetimes: `f` and `inner` live until the last coroutine of theirs has ended.
template <class F>
application around(application inner, F f)
{
    const application roles = inner;
    return with_roles_of(
        roles, [inner = std::move(inner), f = std::move(f)](request& req, responder respond) -> task<void> {
            return f(req, std::move(respond), inner);
        });
}

} // namespace sluice::middleware
