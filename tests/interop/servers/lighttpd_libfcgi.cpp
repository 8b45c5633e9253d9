// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// lighttpd that starts a program on libfcgi, in which the bridge runs the probe's app.
#include "interop/servers/front_servers.hpp"

namespace sluice::test {

namespace {

site_options with_bridge(site_options options)
{
    options.program = SLUICE_LIBFCGI_PROBE;
    return options;
}

} // namespace

std::unique_ptr<site> start_lighttpd_libfcgi(const site_options& options)
{
    return start_lighttpd_spawn(with_bridge(options));
}

std::unique_ptr<site> start_lighttpd_libfcgi_streaming(const site_options& options)
{
    return start_lighttpd_spawn_streaming(with_bridge(options));
}

} // namespace sluice::test
