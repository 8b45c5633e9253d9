// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <string>

namespace sluice::test {

/// Starts nginx with a full configuration of its own: what every site needs, lines for its `http` block, and lines for
/// its one `server`. Under root, requests are served by www-data.
void start_nginx(site& site, const std::string& http_lines, const std::string& server_lines);

/// Starts nginx with a full configuration of its own: as above, with an upstream `app` on the site's service
/// socket with `upstream_lines` added, and one location, the mount point, that passes to it with `location_lines` added.
void start_nginx(site& site, const std::string& upstream_lines, const std::string& location_lines,
                 const site_options& options);

} // namespace sluice::test
