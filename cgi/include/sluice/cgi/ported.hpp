// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/blocking.hpp>

#include <functional>
#include <istream>
#include <memory>
#include <ostream>
#include <type_traits>
#include <utility>

namespace sluice::cgi {

namespace detail {
using ported_function = std::function<void(const environment&, std::istream&, std::ostream&)>;
void run_ported(const ported_function& f, blocking_request& r);
} // namespace detail

/// A CGI program as an app: its `main` as a function `f(env, in, out)`, in which `std::cin`, `std::cout` and `getenv` became the
/// three parameters. What it writes begins with CGI's head (RFC 3875 section 6.2), as ever; `script_head_parser` says what
/// is taken. Runs as `blocking` apps do, with their flow control and their bounds.
///
///     void guestbook(const sluice::environment& env, std::istream& in, std::ostream& out);
///
///     return sluice::run(argc, argv, sluice::cgi::ported(guestbook));
///
/// | in the program | in the function |
/// |---|---|
/// | `std::getenv("QUERY_STRING")` | `env.get("QUERY_STRING")`: "" when there is none |
/// | `exit(0)` | `return` |
/// | `exit(1)`, `abort()` | throw anything: 500, or after the head a response that fails |
/// | global variables that belong to one request | `blocking_options::threads = 1`, and set anew in each call |
///
/// Errors: no head, or one that is none, is a 500, and the log has the reason; where out has the exceptions on, it is thrown
/// there as `std::runtime_error`. A local redirect (section 6.2.2) goes to the client, as a 302: there is no web server here
/// to ask.
template <class F>
requires std::is_invocable_v<const F&, const environment&, std::istream&, std::ostream&> application
ported(F f, const blocking_options& options = {})
{
    // std::function wants copies.
    auto shared = std::make_shared<const F>(std::move(f));
    return blocking([call = detail::ported_function(
                         [shared](const environment& env, std::istream& in, std::ostream& out) {
                             (*shared)(env, in, out);
                         })](blocking_request& r) { detail::run_ported(call, r); },
                    options);
}

} // namespace sluice::cgi
