// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

/// Whether somebody accepts connections on that unix socket.
bool accepts_connections(const std::string& path);

/// Starts a program of the test's, its output in `log`, and waits until `listens`.
void start_program(std::optional<process>& slot, process_options options, const std::filesystem::path& log,
                   const std::function<bool()>& listens);

/// Where the probe of a site listens when it is a service of its own: the path of a unix socket.
std::string service_socket(const site& site);

/// Starts the probe on that socket, with `arguments` of its own, and waits until it listens. Under
/// root the web servers' users may connect too.
void start_service(site& site, const site_options& options, const std::vector<std::string>& arguments = {});

/// The same by spawn-fcgi: the probe inherits the listening socket as fd 0.
void start_service_by_spawn_fcgi(site& site, const site_options& options);

/// `--mount` with the site's mount point, for web servers that say it wrong.
std::vector<std::string> mount_flag(const site& site);

} // namespace sluice::test
