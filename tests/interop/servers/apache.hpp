// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <string>

namespace sluice::test {

/// `LoadModule` for a module of Debian's; throws with the package's name when it is missing.
std::string load_module(const std::string& name, const std::string& debian_package = "apache2-bin");

/// `ScriptAlias` from the mount point to the probe.
std::string script_alias(const site& site);

/// Starts Apache (event MPM) with a full configuration of its own: what every site needs, then
/// `gateway_config`, then the options' lines. Under root, requests are served by www-data.
void start_apache(site& site, const std::string& gateway_config, const site_options& options);

} // namespace sluice::test
