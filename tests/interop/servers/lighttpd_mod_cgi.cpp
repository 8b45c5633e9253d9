// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// lighttpd with mod_cgi: a process of the probe for each request.
#include "interop/servers/front_servers.hpp"
#include "interop/servers/lighttpd.hpp"

namespace sluice::test {

namespace {

std::unique_ptr<site> start(response_body body, const site_options& options)
{
    auto result = std::make_unique<site>(options);
    std::string config = "server.modules += ( \"mod_alias\", \"mod_setenv\", \"mod_cgi\" )\n";
    const bool root = result->mount.empty();
    config += "alias.url = ( \"" + (root ? "/" : result->mount) + "\" => \"" + result->probe.string() +
              (root ? "/" : "") + "\" )\n";
    config += "cgi.assign = ( \"/probe\" => \"\" )\n"; // "" runs the file itself
    if (!options.environment.empty())
        config += "setenv.set-environment = " + lighttpd_list(options.environment) + "\n";
    start_lighttpd(*result, body, config, options);
    return result;
}

} // namespace

std::unique_ptr<site> start_lighttpd_mod_cgi(const site_options& options)
{
    return start(response_body::buffered, options);
}

std::unique_ptr<site> start_lighttpd_mod_cgi_streaming(const site_options& options)
{
    return start(response_body::streamed, options);
}

} // namespace sluice::test
