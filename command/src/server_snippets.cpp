// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "server_snippets.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace sluice::command {

namespace {

// The request's body is left as each server has it: nginx and lighttpd collect it, so that a program knows its length.

std::string nginx(const front_needs& n)
{
    return fmt::format(R"(# In a server {{ ... }} of nginx:
location {} {{
    include /etc/nginx/fastcgi_params;
    fastcgi_pass {};
    fastcgi_buffering off;            # pass on as it comes
    fastcgi_read_timeout {:<12} # silence is for sluice run to judge
    client_max_body_size 1g;          # the default refuses bodies over 1 MiB
}}
)",
                       n.prefix, n.path.empty() ? n.host + ":" + n.port : "unix:" + n.path,
                       fmt::format("{}s;", n.patience.count()));
}

std::string lighttpd(const front_needs& n)
{
    // An address of IPv6 has no brackets here.
    const auto host = n.host.starts_with('[') ? n.host.substr(1, n.host.size() - 2) : n.host;
    const auto where = n.path.empty() ? fmt::format(R"("host" => "{}", "port" => {})", host, n.port)
                                      : fmt::format(R"("socket" => "{}")", n.path);
    return fmt::format(R"(# In lighttpd's configuration:
server.modules += ("mod_fastcgi")
server.stream-response-body = 2       # pass on as it comes
fastcgi.server += ("{}" => ((
    {}, "check-local" => "disable")))
)",
                       n.prefix, where);
}

std::string apache(const front_needs& n)
{
    const auto below = n.root.empty() ? n.prefix : n.root.ends_with('/') ? n.root : n.root + "/";
    const auto where = n.path.empty() ? fmt::format("fcgi://{}:{}{}", n.host, n.port, below)
                                      : fmt::format("unix:{}|fcgi://localhost{}", n.path, below);
    auto text = fmt::format(
        R"(# In a virtual host of Apache, with mod_proxy and mod_proxy_fcgi (a2enmod proxy_fcgi):
ProxyPass "{}" "{}" flushpackets=on timeout={}
)",
        n.prefix, where, n.patience.count());
    if (n.credentials)
        text += fmt::format("<Location \"{}\">\n    CGIPassAuth on\n</Location>\n", n.prefix);
    return text;
}

std::string haproxy(const front_needs& n)
{
    return fmt::format(R"(# In HAProxy's configuration; in the frontend:  use_backend cgi if {{ path_beg {} }}
backend cgi
    mode http
    option http-no-delay              # else a line may wait 200 ms for more to come
    timeout server {:<18} # silence is for sluice run to judge
    use-fcgi-app cgi
    server cgi {} proto fcgi
fcgi-app cgi
    docroot /var/www/html             # PATH_TRANSLATED is below it
    option keep-conn
{}    log-stderr global                 # else what programs say on their stderr is in the service's log alone
)",
                       n.prefix, fmt::format("{}s", n.patience.count()),
                       n.path.empty() ? n.host + ":" + n.port : "unix@" + n.path,
                       n.credentials ? "    pass-header authorization\n" : "");
}

} // namespace

std::string snippet_for(std::string_view server, const front_needs& n)
{
    if (server == "nginx")
        return nginx(n);
    if (server == "lighttpd")
        return lighttpd(n);
    if (server == "apache")
        return apache(n);
    if (server == "haproxy")
        return haproxy(n);
    throw std::invalid_argument(
        fmt::format("sluice config {}: must be apache, lighttpd, nginx or haproxy", server));
}

} // namespace sluice::command
