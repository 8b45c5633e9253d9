// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/environment.hpp>
#include <sluice/errc.hpp>

#include <string>
#include <string_view>

namespace sluice::cgi {

/// Makes of a request's environment that of the request which a local redirect asks for (RFC 3875 section 6.2.2): the same
/// client asks for `target`, a path and a query, with GET or HEAD and without a body.
///
/// `mount`: where our programs are, as `normalize_options::mount_point`; SCRIPT_NAME is that for a target below it.
/// Errors: those of `normalize`, with the words in `why`.
error_code redirect(environment& env, std::string_view target, const std::string& mount, std::string& why);

} // namespace sluice::cgi
