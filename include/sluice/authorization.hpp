// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/response.hpp>

#include <initializer_list>
#include <utility>

namespace sluice {

/// What an authorizer decides (FastCGI specification section 6.3): an app that returns this, or a task of it, serves that role
/// and no other.
///
///     sluice::authorization guard(sluice::request& req)
///     {
///         if (req.env().header("Authorization") != "Bearer secret")
///             return sluice::authorization::deny(401, {{"WWW-Authenticate", "Bearer"}});
///         return sluice::authorization::allow({{"REMOTE_USER", "anna"}});
///     }
///
/// Security: it is not asked for requests that the web server does not send it. Web servers differ in what they
/// pass on of an answer (docs/web-servers.md).
class authorization {
public:
    /// The request goes on. Each variable is set in its environment (sent as `Variable-NAME`, where the web server passes
    /// them on); names are tokens and values have no control characters, else the answer is 500.
    /// Security: Apache's mod_fcgid shows them to the client.
    static authorization allow(std::initializer_list<field> variables = {});

    /// The client gets this answer instead. Errors: throws std::invalid_argument when the status is below 300, which web
    /// servers would take for a yes.
    static authorization deny(response answer);
    static authorization deny(int status = 403, header_list headers = {}, std::string text = {});

    bool allowed() const noexcept { return answer_.status == 200; }

    /// As it goes to the web server.
    response& answer() noexcept { return answer_; }

private:
    explicit authorization(response answer) noexcept : answer_(std::move(answer)) {}

    response answer_;
};

} // namespace sluice
