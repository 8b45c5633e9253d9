// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// `sluice run` as docs/porting.md puts it behind each web server.
#include "interop/servers/script_servers.hpp"

#include "interop/servers/apache.hpp"
#include "interop/servers/haproxy.hpp"
#include "interop/servers/lighttpd.hpp"
#include "interop/servers/nginx.hpp"

namespace sluice::test {

std::unique_ptr<script_site> start_scripts_mod_fcgid(const std::string& mount)
{
    auto result = std::make_unique<script_site>(mount);
    load_module("fcgid", "libapache2-mod-fcgid"); // throws in words; the snippet loads it
    auto config = result->snippet("Apache, mod_fcgid, without a service");
    config += "FcgidIPCDir run/fcgid\n"
              "FcgidProcessTableFile run/fcgid_shm\n";
    start_apache(*result, config, {});
    return result;
}

std::unique_ptr<script_site> start_scripts_mod_proxy_fcgi(const std::string& mount)
{
    auto result = std::make_unique<script_site>(mount);
    start_script_service(*result);
    start_apache(*result,
                 load_module("proxy") + load_module("proxy_fcgi") + result->snippet("Apache, mod_proxy_fcgi"),
                 {});
    return result;
}

std::unique_ptr<script_site> start_scripts_haproxy(const std::string& mount)
{
    auto result = std::make_unique<script_site>(mount);
    start_script_service(*result);
    // The frontend's last line names a backend of its own, for all that is not ours.
    start_haproxy(*result, "",
                  "    use_backend cgi if { path_beg " + mount + "/ }\n" + result->snippet("HAProxy") +
                      "backend app\n");
    return result;
}

std::unique_ptr<script_site> start_scripts_lighttpd_spawn(const std::string& mount)
{
    auto result = std::make_unique<script_site>(mount);
    start_lighttpd(*result, response_body::buffered, result->snippet("lighttpd, without a service"), {});
    return result;
}

std::unique_ptr<script_site> start_scripts_lighttpd_socket(const std::string& mount)
{
    auto result = std::make_unique<script_site>(mount);
    start_script_service(*result);
    start_lighttpd(*result, response_body::buffered, result->snippet("lighttpd"), {});
    return result;
}

std::unique_ptr<script_site> start_scripts_nginx(const std::string& mount)
{
    auto result = std::make_unique<script_site>(mount);
    start_script_service(*result);
    start_nginx(*result, "",
                "root " + (result->folder / "htdocs").string() + ";\n" + result->snippet("nginx"));
    return result;
}

} // namespace sluice::test
