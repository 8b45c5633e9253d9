// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/field_list.hpp>
#include <sluice/limits.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// The pairs of a Cookie header (RFC 6265 section 4.2), in the client's order: of cookies with one name, that for the
/// longest path comes first, and `get` finds it.
///
///     const auto cookies = sluice::parse_cookies(req.env().header("Cookie"));
///     const auto session = cookies.get("session");
///
/// Read as servers do, more leniently than it may be sent: pairs end at `;`, spaces and tabs around names and values are
/// none of them, and one pair of double quotes around a value is taken off. Names differ by case. Values are
/// not decoded (see `percent_decode`). Left out is what has no `=`, no name (browsers send cookies without a name so; they
/// could pass for others), or a control character.
///
/// Errors: throws `system_error`, `bad_request`, when there are more than `parts` of the limits. Thrown on by an app it is a
/// 400.
field_list parse_cookies(std::string_view header, const form_limits& l = {});

/// A Set-Cookie header (RFC 6265 section 4.1, and the prefixes of its successor, draft-ietf-httpbis-rfc6265bis).
///
///     response.headers.add("Set-Cookie", sluice::set_cookie{.name = "seen", .value = "yes", .path = "/"}.to_string());
///
/// It can be read by scripts and goes over http unless told otherwise; a session's should be `secure` and `http_only`.
struct set_cookie {
    enum class same_site_mode {
        unsaid, ///< the browser's own rule, mostly `lax`
        strict,
        lax,
        none, ///< needs `secure`
    };

    std::string name{}; ///< a token
    std::string
        value{}; ///< no spaces, double quotes, commas, semicolons, backslashes or bytes above 126: `percent_encode` it
    std::string path{};   ///< "" is the folder of the request's path
    std::string domain{}; ///< "" is this host alone
    std::optional<std::chrono::seconds>
        max_age{}; ///< none: until the browser ends; 0 or less: forgotten at once
    bool secure = false;
    bool http_only = false;
    same_site_mode same_site = same_site_mode::unsaid;

    /// The header's value.
    /// Errors: throws `system_error`, `bad_header_value`, with words that name the culprit: a name that is no token, a byte
    /// that may not be where it is, SameSite=None or a name `__Secure-…` without `secure`, a name `__Host-…` that is
    /// not `secure`, with the path `/` and without a domain: browsers drop such cookies silently.
    std::string to_string() const;
};

/// What makes a browser forget the cookie. Path and domain have to be those it was set with.
set_cookie forget_cookie(std::string name, std::string path = {}, std::string domain = {});

} // namespace sluice
