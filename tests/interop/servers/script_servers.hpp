// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/front_servers.hpp"
#include "interop/servers/script_site.hpp"

#include <memory>
#include <stdexcept>
#include <string_view>

namespace sluice::test {

/// A way to put `sluice run` behind a web server, as docs/porting.md has it.
struct script_server {
    std::string_view name;
    const front_server& front; ///< the same web server with the probe behind it: what it can do
    std::unique_ptr<script_site> (*start)(const std::string& mount);
};

constexpr const front_server& front_named(std::string_view name)
{
    for (const auto& front : front_servers)
        if (front.name == name)
            return front;
    throw std::invalid_argument("no such front server");
}

/// `mount` is where the scripts are: "/cgi-bin", or "" for the root of the server.
std::unique_ptr<script_site> start_scripts_mod_fcgid(const std::string& mount);
std::unique_ptr<script_site> start_scripts_mod_proxy_fcgi(const std::string& mount);
std::unique_ptr<script_site> start_scripts_haproxy(const std::string& mount);
std::unique_ptr<script_site> start_scripts_lighttpd_spawn(const std::string& mount);
std::unique_ptr<script_site> start_scripts_lighttpd_socket(const std::string& mount);
std::unique_ptr<script_site> start_scripts_nginx(const std::string& mount);

inline constexpr script_server script_servers[] = {
    {"scripts, apache mod_fcgid", front_named("apache mod_fcgid"), start_scripts_mod_fcgid},
    {"scripts, apache mod_proxy_fcgi", front_named("apache mod_proxy_fcgi"), start_scripts_mod_proxy_fcgi},
    {"scripts, haproxy", front_named("haproxy"), start_scripts_haproxy},
    {"scripts, lighttpd spawn", front_named("lighttpd spawn, streaming"), start_scripts_lighttpd_spawn},
    {"scripts, lighttpd socket", front_named("lighttpd socket, streaming"), start_scripts_lighttpd_socket},
    {"scripts, nginx", front_named("nginx, streaming"), start_scripts_nginx},
};

} // namespace sluice::test
