// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/servers/apache.hpp"

#include <stdexcept>
#include <unistd.h>

namespace sluice::test {

namespace fs = std::filesystem;

std::string load_module(const std::string& name, const std::string& debian_package)
{
    const fs::path file = "/usr/lib/apache2/modules/mod_" + name + ".so";
    if (!fs::exists(file))
        throw std::runtime_error("Apache's mod_" + name +
                                 " is missing; these tests need it: apt-get install " + debian_package);
    return "LoadModule " + name + "_module " + file.string() + "\n";
}

std::string script_alias(const site& site)
{
    // The root's own slash belongs to the alias, so the program needs one too: "/hello" is then
    // "PROBE/hello", a program and its PATH_INFO.
    const bool root = site.mount.empty();
    return "ScriptAlias " + (root ? "/" : site.mount) + " " + site.probe.string() + (root ? "/" : "") + "\n";
}

void start_apache(site& site, const std::string& gateway_config, const site_options& options)
{
    find_program("apache2", "apache2-bin");
    const std::string root = site.folder.path();
    std::string config =
        load_module("mpm_event") + load_module("authz_core") + load_module("alias") + load_module("env");
    if (::geteuid() == 0) {
        config += "User www-data\nGroup www-data\n";
        // mod_fcgid and mod_cgid put their sockets here after they gave up root's rights.
        fs::permissions(site.folder / "run", fs::perms::all);
    }
    config += "ServerRoot " + root + "\n";
    config += "DefaultRuntimeDir run\n";
    config += "PidFile run/httpd.pid\n";
    config += "ErrorLog error.log\n";
    config += "LogLevel info\n";
    config += "Listen 127.0.0.1:" + std::to_string(site.port.number()) + "\n";
    config += "ServerName localhost\n";
    config += "DocumentRoot htdocs\n";
    config += "StartServers 1\n"
              "ServerLimit 1\n"
              "ThreadsPerChild 16\n"
              "MaxRequestWorkers 16\n"
              "MinSpareThreads 1\n"
              "MaxSpareThreads 16\n"
              "KeepAliveTimeout 1\n" // a body cut short shows when the connection closes
              "<Directory />\n"
              "    AllowOverride None\n"
              "    Require all denied\n"
              "</Directory>\n";
    config += "<Directory " + root + "/htdocs>\n    Require all granted\n</Directory>\n";
    config += gateway_config;
    config += options.extra_config;

    web_server_options server;
    server.program = "apache2";
    server.debian_package = "apache2-bin";
    server.arguments = {"-f", site.folder.write("httpd.conf", config), "-DFOREGROUND"};
    server.error_log = site.folder / "error.log";
    server.temporary = site.folder / "run";
    server.port = site.port.number();
    site.server.emplace(server);
}

} // namespace sluice::test
