// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "config.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string_view>

namespace sluice::command {

namespace {

/// Where `sluice run` listens, as each server writes it.
struct address {
    explicit address(const std::string& text)
    {
        const std::string_view all = text;
        const auto colon = all.rfind(':');
        if (all.starts_with("unix:/")) {
            path = all.substr(5);
        } else if (all.starts_with("tcp:") && colon > 4 && colon + 1 < all.size() &&
                   all.find_first_not_of("0123456789", colon + 1) == all.npos)
        {
            host = all.substr(4, colon - 4);
            port = all.substr(colon + 1);
        } else {
            throw std::invalid_argument(
                fmt::format("--fastcgi {}: must be unix:/path or tcp:host:port", text));
        }
    }

    std::string path, host, port;
};

// Of what goes between quotation marks, or ends at white space.
void check_plain(std::string_view flag, std::string_view value)
{
    if (value.empty() || value.front() != '/')
        throw std::invalid_argument(fmt::format("{} {}: must be a path that begins with /", flag, value));
    if (value.find_first_of(" \t\r\n\"'\\;{}#$") != value.npos)
        throw std::invalid_argument(
            fmt::format("{} {}: has a character that configuration files read differently", flag, value));
}

std::string nginx(const address& a, const std::string& prefix)
{
    return fmt::format(R"(# In a server {{ ... }} of nginx:
location {} {{
    include /etc/nginx/fastcgi_params;
    fastcgi_pass {};
    fastcgi_buffering off;          # each piece goes on as it comes
    fastcgi_request_buffering off;
    fastcgi_read_timeout 1h;        # silence is for sluice run to judge: --idle-timeout
}}
)",
                       prefix, a.path.empty() ? a.host + ":" + a.port : "unix:" + a.path);
}

std::string lighttpd(const address& a, const std::string& prefix)
{
    auto how = a.path.empty() ? fmt::format(R"("host" => "{}", "port" => {})", a.host, a.port)
                              : fmt::format(R"("socket" => "{}")", a.path);
    if (prefix == "/")
        how += R"(, "fix-root-scriptname" => "enable")"; // else SCRIPT_NAME takes the whole path
    return fmt::format(R"(# In lighttpd's configuration:
server.modules += ( "mod_fastcgi" )
server.stream-response-body = 2   # each piece goes on as it comes
server.stream-request-body = 2
fastcgi.server += ( "{}" => (( {}, "check-local" => "disable" )) )
)",
                       prefix, how);
}

std::string apache(const address& a, const std::string& prefix)
{
    const auto where = a.path.empty() ? fmt::format("fcgi://{}:{}{}", a.host, a.port, prefix)
                                      : fmt::format("unix:{}|fcgi://localhost{}", a.path, prefix);
    return fmt::format(
        R"(# In a virtual host of Apache, with mod_proxy and mod_proxy_fcgi (a2enmod proxy_fcgi):
ProxyPass "{}" "{}" flushpackets=on timeout=3600
)",
        prefix, where);
}

std::string haproxy(const address& a, const std::string& prefix)
{
    return fmt::format(R"(# In HAProxy's configuration; in the frontend:  use_backend cgi if {{ path_beg {} }}
fcgi-app sluice
    docroot /
    option keep-conn

backend cgi
    mode http
    use-fcgi-app sluice
    server sluice {} proto fcgi
)",
                       prefix, a.path.empty() ? a.host + ":" + a.port : "unix@" + a.path);
}

} // namespace

CLI::App* add_config(CLI::App& cli, config_options& o)
{
    auto* const config = cli.add_subcommand("config", "Print what a web server needs in front of sluice run");
    config->get_formatter()->column_width(30);
    config->add_option("SERVER", o.server, "apache, lighttpd, nginx or haproxy")->required()->option_text("");
    config->add_option("--root", o.root, "As for sluice run [" + o.root + "]")->option_text("DIR");
    config->add_option("--mount", o.mount, "As for sluice run [" + o.mount + "]")->option_text("PATH");
    config->add_option("--fastcgi", o.fastcgi, "As for sluice run [" + o.fastcgi + "]")
        ->option_text("ADDRESS");
    config->footer("  sluice config nginx --root /srv/cgi --mount /scripts >/etc/nginx/snippets/cgi.conf");
    return config;
}

std::string config_for(const config_options& o)
{
    const address where(o.fastcgi);
    check_plain("--root", o.root);
    check_plain("--mount", o.mount);
    if (!where.path.empty())
        check_plain("--fastcgi", where.path);
    const auto prefix = o.mount.ends_with('/') ? o.mount : o.mount + "/";
    const auto service = fmt::format("# It goes with:\n#   sluice run --root {} --mount {} --fastcgi {}\n",
                                     o.root, o.mount, o.fastcgi);
    if (o.server == "nginx")
        return service + nginx(where, prefix);
    if (o.server == "lighttpd")
        return service + lighttpd(where, prefix);
    if (o.server == "apache")
        return service + apache(where, prefix);
    if (o.server == "haproxy")
        return service + haproxy(where, prefix);
    throw std::invalid_argument(
        fmt::format("sluice config {}: must be apache, lighttpd, nginx or haproxy", o.server));
}

} // namespace sluice::command
