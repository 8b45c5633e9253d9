// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Apache with mod_proxy_fcgi, in front of a probe that runs on its own: one request a connection.
#include "interop/servers/apache.hpp"
#include "interop/servers/front_servers.hpp"
#include "interop/servers/service.hpp"

namespace sluice::test {

std::unique_ptr<site> start_apache_mod_proxy_fcgi(const site_options& options)
{
    auto result = std::make_unique<site>(options);
    // It puts all of the path into SCRIPT_NAME.
    start_service(*result, options, mount_flag(*result));
    const std::string root = result->mount.empty() ? "/" : "";
    std::string config = load_module("proxy") + load_module("proxy_fcgi");
    config += "ProxyPass \"" + result->mount + root + "\" \"unix:" + service_socket(*result) +
              "|fcgi://localhost" + root + "\" flushpackets=on\n"; // else it flushes when 8 KiB have come
    start_apache(*result, config, options);
    return result;
}

} // namespace sluice::test
