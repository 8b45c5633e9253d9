// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/cgi/script_finder.hpp>
#include <sluice/environment.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cgi {

/// What a program gets beside its request.
struct script_environment_options {
    /// "NAME": from our own environment, where it is there. "NAME=value": as given. Both win over what the request has.
    /// "HTTP_AUTHORIZATION" and "HTTP_PROXY_AUTHORIZATION" alone mean the request's. What is no
    /// `is_variable_name` is passed over.
    std::vector<std::string> pass;

    std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"; ///< PATH
};

/// A letter or '_', then letters, digits and '_': what every shell can name.
bool is_variable_name(std::string_view name) noexcept;

/// The environment of the program (RFC 3875 section 4), each "NAME=value", no name twice.
///
/// - What the web server sent, with SCRIPT_NAME, PATH_INFO, PATH_TRANSLATED and SCRIPT_FILENAME as found. PATH_INFO
///   and PATH_TRANSLATED are left out when empty, QUERY_STRING never. REMOTE_HOST is REMOTE_ADDR where the server has
///   no name (section 4.1.9).
/// - CONTENT_LENGTH only where the length is known: behind a server that passes a chunked body on as it comes there is
///   none, and the body is what comes to its end.
/// - Credentials (HTTP_AUTHORIZATION, HTTP_PROXY_AUTHORIZATION) only where `pass` names them, as section 4.1.18 asks
///   and Apache does: every program of the same user can read them in /proc. fcgiwrap hands them on.
/// - Never HTTP_PROXY (httpoxy), nor what a loader, a shell or an interpreter obeys (LD_PRELOAD, BASH_ENV,
///   PERL5OPT...), nor what is between us and others (FCGI_*, SLUICE_*, LISTEN_*, NOTIFY_SOCKET...). A program that
///   needs one gets it by `pass`.
/// - Of our own environment TZ and LANG, and what `pass` names.
///
/// Thread safety: none while somebody changes our environment (setenv).
std::vector<std::string> script_variables(const environment& request, const found_script& script,
                                          const script_environment_options& options = {});

/// What execve(2) takes, in bytes.
struct exec_limits {
    std::size_t string = 128 * 1024;     ///< one string with its NUL: 32 pages of Linux
    std::size_t total = 2 * 1024 * 1024; ///< sysconf(_SC_ARG_MAX); here a quarter of a stack of 8 MiB
};

/// A refusal with status 431 when execve would fail with E2BIG, which says neither which variable nor how large.
/// It leaves a page for the name and the argument of the "#!" line.
std::optional<script_refusal> too_large(const std::vector<std::string>& variables, const found_script& script,
                                        const exec_limits& limits = {});

} // namespace sluice::cgi
