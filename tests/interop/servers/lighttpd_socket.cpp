// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// lighttpd in front of a probe that runs on its own and listens on a unix socket.
#include "interop/servers/front_servers.hpp"
#include "interop/servers/lighttpd.hpp"
#include "interop/servers/service.hpp"

namespace sluice::test {

namespace {

std::unique_ptr<site> start(response_body body, const site_options& options)
{
    auto result = std::make_unique<site>(options);
    start_service(*result, options);
    std::string config = "server.modules += ( \"mod_fastcgi\" )\n";
    config += "fastcgi.server = ( \"" + (result->mount.empty() ? "/" : result->mount) + "\" => ((\n";
    if (result->mount.empty())
        config += "    \"fix-root-scriptname\" => \"enable\",\n"; // else SCRIPT_NAME takes the whole path
    config += "    \"socket\" => \"" + service_socket(*result) + "\",\n";
    config += "    \"check-local\" => \"disable\"\n)))\n";
    start_lighttpd(*result, body, config, options);
    return result;
}

} // namespace

std::unique_ptr<site> start_lighttpd_socket(const site_options& options)
{
    return start(response_body::buffered, options);
}

std::unique_ptr<site> start_lighttpd_socket_streaming(const site_options& options)
{
    return start(response_body::streamed, options);
}

} // namespace sluice::test
