// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/servers/lighttpd.hpp"

namespace sluice::test {

namespace fs = std::filesystem;

void start_lighttpd(site& site, response_body body, const std::string& gateway_config,
                    const site_options& options)
{
    const std::string root = site.folder.path();
    fs::create_directories(site.folder / "uploads");
    std::string config;
    config += "server.bind = \"127.0.0.1\"\n";
    config += "server.port = " + std::to_string(site.port.number()) + "\n";
    config += "server.document-root = \"" + root + "/htdocs\"\n";
    config += "server.errorlog = \"" + root + "/error.log\"\n";
    config += "server.upload-dirs = ( \"" + root + "/uploads\" )\n";
    config += "server.max-keep-alive-idle = 1\n"; // s; a body cut short shows when the connection closes
    if (body == response_body::streamed)
        config += "server.stream-response-body = 2\n";
    config += gateway_config;
    config += options.extra_config;

    web_server_options server;
    server.program = "lighttpd";
    server.debian_package = "lighttpd";
    server.arguments = {"-D", "-f", site.folder.write("lighttpd.conf", config)};
    server.error_log = site.folder / "error.log";
    server.temporary = site.folder / "run";
    server.port = site.port.number();
    site.server.emplace(server);
}

std::string lighttpd_list(const std::map<std::string, std::string>& values)
{
    std::string list = "( ";
    for (const auto& [name, value] : values)
        list += "\"" + name + "\" => \"" + value + "\", ";
    return list + ")";
}

} // namespace sluice::test
