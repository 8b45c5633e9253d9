// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <string>

namespace sluice::test {

/// Starts HAProxy with a full configuration of its own: what every site needs with `global_lines` added, then
/// `backend_lines`, which have the backend `app` that gets every request.
void start_haproxy(site& site, const std::string& global_lines, const std::string& backend_lines);

} // namespace sluice::test
