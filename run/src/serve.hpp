// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "options.hpp"

#include <sluice/application.hpp>

#include <optional>

namespace sluice {

/// Serves FastCGI on the socket that the options name, or that a supervisor, systemd or a web server passes on. The
/// exit status; nothing, and at once, when there is no such socket.
/// Errors: throws std::invalid_argument for wrong use, other exceptions when serving is impossible.
std::optional<int> serve(application app, run_options options);

} // namespace sluice
