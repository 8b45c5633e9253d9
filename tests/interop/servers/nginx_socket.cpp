// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// nginx in front of a probe that runs on its own and listens on a unix socket.
#include "interop/servers/front_servers.hpp"
#include "interop/servers/nginx.hpp"
#include "interop/servers/service.hpp"

namespace sluice::test {

namespace {

// Else nginx keeps what the client is slow to take, up to 1 GiB of a response, in a file.
const std::string buffered = "            fastcgi_max_temp_file_size 0;\n";
const std::string streamed = "            fastcgi_buffering off;\n";
const std::string kept = "            fastcgi_keep_conn on;\n";
const std::string pool_of_kept = "        keepalive 8;\n";

std::unique_ptr<site> start(const std::string& upstream_lines, const std::string& location_lines,
                            const site_options& options)
{
    auto result = std::make_unique<site>(options);
    // nginx's own fastcgi_params put all of the path into SCRIPT_NAME.
    start_service(*result, options, mount_flag(*result));
    start_nginx(*result, upstream_lines, location_lines, options);
    return result;
}

} // namespace

std::unique_ptr<site> start_nginx(const site_options& options)
{
    return start("", buffered, options);
}

std::unique_ptr<site> start_nginx_streaming(const site_options& options)
{
    return start("", streamed, options);
}

std::unique_ptr<site> start_nginx_kept(const site_options& options)
{
    return start(pool_of_kept, buffered + kept, options);
}

std::unique_ptr<site> start_nginx_kept_streaming(const site_options& options)
{
    return start(pool_of_kept, streamed + kept, options);
}

} // namespace sluice::test
