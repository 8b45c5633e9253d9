// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/servers/nginx.hpp"

#include "interop/servers/service.hpp"

#include <unistd.h>

namespace sluice::test {

void start_nginx(site& site, const std::string& http_lines, const std::string& server_lines)
{
    const std::string root = site.folder.path();
    std::string config;
    if (::geteuid() == 0)
        config += "user www-data;\n";
    config += "daemon off;\n"
              "worker_processes 1;\n"
              "pid run/nginx.pid;\n"
              "error_log error.log info;\n"
              "events {\n    worker_connections 256;\n}\n"
              "http {\n"
              "    access_log off;\n";
    // Debian's nginx would use folders below /var.
    for (const std::string kind : {"client_body", "fastcgi", "proxy", "scgi", "uwsgi"})
        config += "    " + kind + "_temp_path run/" + kind + ";\n";
    config += http_lines;
    config += "    server {\n        listen 127.0.0.1:" + std::to_string(site.port.number()) + ";\n";
    config += server_lines + "    }\n}\n";

    web_server_options server;
    server.program = "nginx";
    server.debian_package = "nginx";
    // -e: the log's place until the configuration has been read.
    server.arguments = {"-p", root, "-e", "error.log", "-c", site.folder.write("nginx.conf", config)};
    server.error_log = site.folder / "error.log";
    server.temporary = site.folder / "run";
    server.port = site.port.number();
    site.server.emplace(server);
}

void start_nginx(site& site, const std::string& upstream_lines, const std::string& location_lines,
                 const site_options& options)
{
    start_nginx(site,
                "    client_max_body_size 1g;\n" // else 1 MiB
                "    upstream app {\n        server unix:" +
                    service_socket(site) + ";\n" + upstream_lines + "    }\n",
                "        location " + (site.mount.empty() ? "/" : site.mount) +
                    " {\n"
                    "            include /etc/nginx/fastcgi_params;\n"
                    "            fastcgi_pass app;\n" +
                    location_lines + "        }\n" + options.extra_config);
}

} // namespace sluice::test
