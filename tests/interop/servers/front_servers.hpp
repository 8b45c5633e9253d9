// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <memory>
#include <string_view>

namespace sluice::test {

enum class gateway {
    fastcgi,
    cgi,
};

enum class server_family {
    apache,
    haproxy,
    lighttpd,
    nginx,
};

/// A front server as the tests see it: what it can do, and how to start it. The facts were
/// measured; where a server cannot do better the tests hold it to that, so that a change shows.
struct front_server {
    std::string_view name;
    server_family family;
    gateway speaks;

    /// Passes the response on as it comes; else whole, at its end.
    bool streams;

    /// Passes a Content-Length on as the app gave it. Apache's mod_cgid does not (since 2.4.59): it
    /// counts what came, unless `ap_trust_cgilike_cl` is set.
    bool keeps_length;

    /// A response cut short looks like a failed transfer to the client when the app gave no
    /// Content-Length, and when it gave one.
    bool shows_cut;
    bool shows_cut_with_length;

    /// An app that goes on writing learns that the client has gone (FastCGI); for CGI: its process
    /// ends.
    bool tells_client_gone;

    /// An app that is silent learns it too, at once.
    bool tells_silent_app = false;

    /// Goes on sending the request's body once the response has begun. nginx does not.
    bool sends_while_answered = true;

    /// Takes a chunked body of any size. HAProxy answers 400 when it is larger than its buffer.
    bool takes_chunked_bodies = true;

    /// What an app says on its error stream is in the server's log. HAProxy throws it away.
    bool logs_errors = true;

    /// The probe is a service of its own, started before the server and ended after it.
    bool is_service = false;

    std::unique_ptr<site> (*start)(const site_options&);
};

std::unique_ptr<site> start_apache_mod_fcgid(const site_options& options);
std::unique_ptr<site> start_apache_mod_cgid(const site_options& options);
std::unique_ptr<site> start_apache_mod_proxy_fcgi(const site_options& options);
std::unique_ptr<site> start_haproxy(const site_options& options);
std::unique_ptr<site> start_haproxy_multiplexing(const site_options& options);
std::unique_ptr<site> start_lighttpd_spawn(const site_options& options);
std::unique_ptr<site> start_lighttpd_spawn_streaming(const site_options& options);
std::unique_ptr<site> start_lighttpd_libfcgi(const site_options& options);
std::unique_ptr<site> start_lighttpd_libfcgi_streaming(const site_options& options);
std::unique_ptr<site> start_lighttpd_socket(const site_options& options);
std::unique_ptr<site> start_lighttpd_socket_streaming(const site_options& options);
std::unique_ptr<site> start_lighttpd_mod_cgi(const site_options& options);
std::unique_ptr<site> start_lighttpd_mod_cgi_streaming(const site_options& options);
std::unique_ptr<site> start_nginx(const site_options& options);
std::unique_ptr<site> start_nginx_streaming(const site_options& options);
std::unique_ptr<site> start_nginx_kept(const site_options& options);
std::unique_ptr<site> start_nginx_kept_streaming(const site_options& options);
std::unique_ptr<site> start_nginx_spawn_fcgi(const site_options& options);

inline constexpr front_server front_servers[] = {
    {.name = "apache mod_fcgid",
     .family = server_family::apache,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = false,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .start = start_apache_mod_fcgid},
    {.name = "apache mod_cgid",
     .family = server_family::apache,
     .speaks = gateway::cgi,
     .streams = true,
     .keeps_length = false,
     .shows_cut = false,
     .shows_cut_with_length = false,
     .tells_client_gone = true,
     .start = start_apache_mod_cgid},
    {.name = "apache mod_proxy_fcgi",
     .family = server_family::apache,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = false,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .is_service = true,
     .start = start_apache_mod_proxy_fcgi},
    {.name = "lighttpd spawn",
     .family = server_family::lighttpd,
     .speaks = gateway::fastcgi,
     .streams = false,
     .keeps_length = true,
     .shows_cut = false,
     .shows_cut_with_length = true,
     .tells_client_gone = false,
     .start = start_lighttpd_spawn},
    {.name = "lighttpd spawn, streaming",
     .family = server_family::lighttpd,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .start = start_lighttpd_spawn_streaming},
#ifdef SLUICE_LIBFCGI_PROBE // is built where libfcgi is
    {.name = "lighttpd libfcgi",
     .family = server_family::lighttpd,
     .speaks = gateway::fastcgi,
     .streams = false,
     .keeps_length = true,
     .shows_cut = false,
     .shows_cut_with_length = true,
     .tells_client_gone = false,
     .start = start_lighttpd_libfcgi},
    {.name = "lighttpd libfcgi, streaming",
     .family = server_family::lighttpd,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .start = start_lighttpd_libfcgi_streaming},
#endif
    {.name = "lighttpd socket",
     .family = server_family::lighttpd,
     .speaks = gateway::fastcgi,
     .streams = false,
     .keeps_length = true,
     .shows_cut = false,
     .shows_cut_with_length = true,
     .tells_client_gone = false,
     .is_service = true,
     .start = start_lighttpd_socket},
    {.name = "lighttpd socket, streaming",
     .family = server_family::lighttpd,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .is_service = true,
     .start = start_lighttpd_socket_streaming},
    {.name = "lighttpd mod_cgi",
     .family = server_family::lighttpd,
     .speaks = gateway::cgi,
     .streams = false,
     .keeps_length = true,
     .shows_cut = false,
     .shows_cut_with_length = true,
     .tells_client_gone = false,
     .start = start_lighttpd_mod_cgi},
    {.name = "lighttpd mod_cgi, streaming",
     .family = server_family::lighttpd,
     .speaks = gateway::cgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = false,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .start = start_lighttpd_mod_cgi_streaming},
    {.name = "nginx",
     .family = server_family::nginx,
     .speaks = gateway::fastcgi,
     .streams = false,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .tells_silent_app = true,
     .sends_while_answered = false,
     .is_service = true,
     .start = start_nginx},
    {.name = "nginx, streaming",
     .family = server_family::nginx,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .tells_silent_app = true,
     .sends_while_answered = false,
     .is_service = true,
     .start = start_nginx_streaming},
    {.name = "nginx kept",
     .family = server_family::nginx,
     .speaks = gateway::fastcgi,
     .streams = false,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .tells_silent_app = true,
     .sends_while_answered = false,
     .is_service = true,
     .start = start_nginx_kept},
    {.name = "nginx kept, streaming",
     .family = server_family::nginx,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .tells_silent_app = true,
     .sends_while_answered = false,
     .is_service = true,
     .start = start_nginx_kept_streaming},
    {.name = "nginx spawn-fcgi, streaming",
     .family = server_family::nginx,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .tells_silent_app = true,
     .sends_while_answered = false,
     .is_service = true,
     .start = start_nginx_spawn_fcgi},
    {.name = "haproxy",
     .family = server_family::haproxy,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .takes_chunked_bodies = false,
     .logs_errors = false,
     .is_service = true,
     .start = start_haproxy},
    {.name = "haproxy multiplexing",
     .family = server_family::haproxy,
     .speaks = gateway::fastcgi,
     .streams = true,
     .keeps_length = true,
     .shows_cut = true,
     .shows_cut_with_length = true,
     .tells_client_gone = true,
     .takes_chunked_bodies = false,
     .logs_errors = false,
     .is_service = true,
     .start = start_haproxy_multiplexing},
};

} // namespace sluice::test
