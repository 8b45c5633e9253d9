// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>
#include <sluice/field_list.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// The request's meta-variables (RFC 3875 section 4.1) after normalization: the same names and meanings
/// behind every web server (docs/environment.md has the rules).
///
/// The app may add and change variables; middleware passes them on.
///
/// Object lifetimes: views handed out are valid until the next non-const call.
/// Thread safety: none; an environment belongs to its request.
class environment : public field_list {
public:
    environment() noexcept : field_list(field_case::sensitive) {}

    std::string_view method() const noexcept { return get("REQUEST_METHOD"); }
    std::string_view script_name() const noexcept { return get("SCRIPT_NAME"); }
    std::string_view path_info() const noexcept { return get("PATH_INFO"); }
    std::string_view query_string() const noexcept { return get("QUERY_STRING"); }
    std::string_view request_uri() const noexcept { return get("REQUEST_URI"); }

    /// A request header by its HTTP name, in any case: `header("user-agent")`. "" when the client sent none.
    std::string_view header(std::string_view name) const;

    /// "http" or "https": HTTPS=on, HTTPS=1 and REQUEST_SCHEME=https say https.
    std::string_view scheme() const noexcept;

    /// The announced size of the body in bytes; nothing when the client announced none.
    std::optional<std::uint64_t> content_length() const noexcept;

    /// The announced size of a filter's data in bytes (FCGI_DATA_LENGTH).
    std::optional<std::uint64_t> data_length() const noexcept;
};

/// How `normalize` treats what the web server sent.
struct normalize_options {
    /// Rebuild PATH_INFO from REQUEST_URI where the two agree but for folded slashes (R14).
    bool path_info_from_request_uri = true;

    /// Where the app is mounted: "/app", or "/" when it has the whole host. "" takes the server's word. Mends
    /// servers that put the whole path into SCRIPT_NAME, and is ignored for a path that is not below it (R15).
    std::string mount_point;
};

/// Brings what a web server sent into the form all apps see (R1–R11, R14–R16).
///
/// Errors: `errc::bad_request` when the environment cannot be a request; `why` (when not null) then says
/// in one line which variable is at fault and how. The environment is left partly normalized.
error_code normalize(environment& env, const normalize_options& options = {}, std::string* why = nullptr);

} // namespace sluice
