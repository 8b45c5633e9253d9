// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/servers/haproxy.hpp"

#include "interop/servers/front_servers.hpp"
#include "interop/servers/service.hpp"

namespace sluice::test {

void start_haproxy(site& site, const std::string& global_lines, const std::string& backend_lines)
{
    std::string config = "global\n"
                         "    maxconn 300\n"
                         "    log stderr format short daemon\n" +
                         global_lines +
                         "defaults\n"
                         "    mode http\n"
                         "    log global\n"
                         "    option httplog\n"
                         "    option dontlognull\n"
                         "    option http-no-delay\n" // else a line may wait 200 ms for more to come
                         "    timeout connect 5s\n"
                         "    timeout client 60s\n"
                         "    timeout server 60s\n";
    config += "frontend web\n    bind 127.0.0.1:" + std::to_string(site.port.number()) + "\n" +
              "    default_backend app\n" + backend_lines;

    web_server_options server;
    server.program = "haproxy";
    server.debian_package = "haproxy";
    server.arguments = {"-db", "-f", site.folder.write("haproxy.cfg", config)};
    server.error_log = site.folder / "error.log";
    server.temporary = site.folder / "run";
    server.port = site.port.number();
    site.server.emplace(server);
}

namespace {

// HAProxy in front of a probe that runs on its own and listens on a unix socket. It keeps its
// connections; told so, it asks what the app can do (FCGI_GET_VALUES) and sends many requests at once
// over one connection.
std::unique_ptr<site> start(const std::string& global_lines, const std::string& app_lines,
                            const site_options& options)
{
    auto result = std::make_unique<site>(options);
    // HAProxy cannot say an empty SCRIPT_NAME.
    const bool root = result->mount.empty();
    start_service(*result, options, root ? mount_flag(*result) : std::vector<std::string>());

    std::string config = "backend app\n"
                         "    http-reuse always\n"
                         "    use-fcgi-app app\n"
                         "    server app unix@" +
                         service_socket(*result) + " proto fcgi\n";
    config += "fcgi-app app\n"
              "    log-stderr global\n"
              "    docroot " +
              (result->folder / "htdocs").string() + "\n";
    if (!root)
        config += "    path-info ^(" + result->mount + ")(/.*)$\n";
    config += app_lines + options.extra_config;
    start_haproxy(*result, global_lines, config);
    return result;
}

} // namespace

std::unique_ptr<site> start_haproxy(const site_options& options)
{
    return start("", "    option keep-conn\n", options);
}

std::unique_ptr<site> start_haproxy_multiplexing(const site_options& options)
{
    // A thread of HAProxy's shares its connections with no other: with one thread the tests can count them.
    // Of many requests in one instant HAProxy 2.6 answers 500 to those whose variables do not fit into a buffer
    // together: 28 of ours in 16 KiB. And with a buffer over 64 KiB it sends body records longer than they say.
    return start("    nbthread 1\n"
                 "    tune.bufsize 65536\n",
                 "    option keep-conn\n"
                 "    option mpxs-conns\n"
                 "    option max-reqs 100\n"
                 "    option get-values\n",
                 options);
}

} // namespace sluice::test
