// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/front_servers.hpp"
#include "interop/servers/guarded_site.hpp"

#include <memory>
#include <string_view>

namespace sluice::test {

/// A way to ask an authorizer. The facts were measured, as those of `front_server`.
struct guarded_server {
    std::string_view name;
    server_family family;

    /// What FCGI_APACHE_ROLE says to the guard.
    std::string_view asks_for = "none";

    /// A no of the guard's is the client's answer: its status, its headers and its body. Else the status is
    /// 401, the page the server's own, and of the guard's answer there are the headers at most.
    bool passes_no = false;

    /// With its Content-Type and all of the body. Apache makes it text/html, and keeps no more than came
    /// at once with the head.
    bool passes_all_of_no = false;

    /// The client gets a WWW-Authenticate, whoever says it.
    bool asks_who = true;

    /// The client of a guarded page finds the guard's variables among the headers.
    bool shows_variables = false;

    /// The client's status when the guard throws.
    int when_it_throws = 500;

    std::unique_ptr<guarded_site> (*start)();
};

std::unique_ptr<guarded_site> start_guarded_mod_authnz_fcgi();
std::unique_ptr<guarded_site> start_guarded_mod_authnz_fcgi_basic();
std::unique_ptr<guarded_site> start_guarded_mod_fcgid();
std::unique_ptr<guarded_site> start_guarded_mod_fcgid_basic();
std::unique_ptr<guarded_site> start_guarded_lighttpd_spawn();
std::unique_ptr<guarded_site> start_guarded_lighttpd_socket();

inline constexpr guarded_server guarded_servers[] = {
    {.name = "apache mod_authnz_fcgi",
     .family = server_family::apache,
     .asks_for = "AUTHENTICATOR",
     .passes_no = true,
     .start = start_guarded_mod_authnz_fcgi},
    {.name = "apache mod_authnz_fcgi, basic",
     .family = server_family::apache,
     .start = start_guarded_mod_authnz_fcgi_basic},
    {.name = "apache mod_fcgid authorizer",
     .family = server_family::apache,
     .asks_for = "ACCESS_CHECKER",
     .shows_variables = true,
     .when_it_throws = 401,
     .start = start_guarded_mod_fcgid},
    {.name = "apache mod_fcgid authorizer, basic",
     .family = server_family::apache,
     .asks_for = "AUTHENTICATOR, AUTHORIZER",
     .asks_who = false,
     .shows_variables = true,
     .when_it_throws = 401,
     .start = start_guarded_mod_fcgid_basic},
    {.name = "lighttpd authorizer, spawn",
     .family = server_family::lighttpd,
     .passes_no = true,
     .passes_all_of_no = true,
     .start = start_guarded_lighttpd_spawn},
    {.name = "lighttpd authorizer, socket",
     .family = server_family::lighttpd,
     .passes_no = true,
     .passes_all_of_no = true,
     .start = start_guarded_lighttpd_socket},
};

} // namespace sluice::test
