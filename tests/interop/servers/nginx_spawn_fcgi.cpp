// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// nginx in front of a probe that spawn-fcgi started: nobody tells the probe where it is mounted, so
// nginx does.
#include "interop/servers/front_servers.hpp"
#include "interop/servers/nginx.hpp"
#include "interop/servers/service.hpp"

namespace sluice::test {

std::unique_ptr<site> start_nginx_spawn_fcgi(const site_options& options)
{
    auto result = std::make_unique<site>(options);
    start_service_by_spawn_fcgi(*result, options);
    start_nginx(*result, "",
                "            fastcgi_buffering off;\n"
                "            fastcgi_split_path_info ^(" +
                    result->mount +
                    ")(/.*)$;\n"
                    "            fastcgi_param SCRIPT_NAME $fastcgi_script_name;\n"
                    "            fastcgi_param PATH_INFO $fastcgi_path_info;\n",
                options);
    return result;
}

} // namespace sluice::test
