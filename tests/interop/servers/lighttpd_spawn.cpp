// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// lighttpd that starts the probe itself (fastcgi.server with bin-path): a listening unix socket as
// fd 0, many connections a process.
#include "interop/servers/front_servers.hpp"
#include "interop/servers/lighttpd.hpp"

namespace sluice::test {

namespace {

std::unique_ptr<site> start(response_body body, const site_options& options)
{
    auto result = std::make_unique<site>(options);
    const std::string socket = result->folder / "run/probe.sock";
    std::string config = "server.modules += ( \"mod_fastcgi\" )\n";
    config += "fastcgi.server = ( \"" + (result->mount.empty() ? "/" : result->mount) + "\" => ((\n";
    if (result->mount.empty())
        config += "    \"fix-root-scriptname\" => \"enable\",\n"; // else SCRIPT_NAME takes the whole path
    config += "    \"bin-path\" => \"" + result->probe.string() + "\",\n";
    config += "    \"bin-environment\" => " + lighttpd_list(options.environment) + ",\n";
    config += "    \"socket\" => \"" + socket + "\",\n";
    config += "    \"max-procs\" => " + std::to_string(options.max_processes) + ",\n";
    config += "    \"check-local\" => \"disable\"\n)))\n";
    start_lighttpd(*result, body, config, options);
    return result;
}

} // namespace

std::unique_ptr<site> start_lighttpd_spawn(const site_options& options)
{
    return start(response_body::buffered, options);
}

std::unique_ptr<site> start_lighttpd_spawn_streaming(const site_options& options)
{
    return start(response_body::streamed, options);
}

} // namespace sluice::test
