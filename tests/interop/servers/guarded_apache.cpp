// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Apache that asks an authorizer: by mod_authnz_fcgi a service on a TCP port (it knows no unix socket and starts no
// process), by mod_fcgid a process of its own.
#include "interop/servers/apache.hpp"
#include "interop/servers/guarded_servers.hpp"
#include "interop/servers/service.hpp"

namespace sluice::test {

namespace {

std::string guarded_locations(const guarded_site& site, const std::string& lines)
{
    std::string config;
    for (const std::string& path : {std::string("/private"), site.mount})
        config += "<Location \"" + path + "\">\n" + lines + "</Location>\n";
    return config;
}

const std::string basic = "    AuthType Basic\n"
                          "    AuthName guard\n";

// `provider_type` is of AuthnzFcgiDefineProvider.
std::unique_ptr<guarded_site> start_mod_authnz_fcgi(const std::string& provider_type,
                                                    const std::string& lines)
{
    auto result = std::make_unique<guarded_site>();
    const free_port port; // held as long as it takes the guard to listen
    start_guard(*result, port.number());
    start_service(*result, {}, mount_flag(*result));
    std::string config = load_module("authn_core") + load_module("auth_basic") + load_module("authz_user") +
                         load_module("authnz_fcgi") + load_module("proxy") + load_module("proxy_fcgi");
    config += "AuthnzFcgiDefineProvider " + provider_type +
              " guard fcgi://127.0.0.1:" + std::to_string(port.number()) + "/\n";
    config += guarded_locations(*result, basic + lines);
    config += "ProxyPass \"" + result->mount + "\" \"unix:" + service_socket(*result) +
              "|fcgi://localhost\" flushpackets=on\n";
    start_apache(*result, config, {});
    return result;
}

std::unique_ptr<guarded_site> start_mod_fcgid(std::string (*lines)(const std::string& guard))
{
    auto result = std::make_unique<guarded_site>();
    std::string config =
        load_module("authn_core") + load_module("authz_user") + load_module("fcgid", "libapache2-mod-fcgid");
    config += "FcgidIPCDir run/fcgid\n"
              "FcgidProcessTableFile run/fcgid_shm\n"
              "FcgidMaxRequestLen 1073741824\n" // else 128 KiB
              "FcgidMaxProcessesPerClass 1\n"   // one guard, one probe
              "FcgidErrorScanInterval 1\n"      // s; how soon a process it gave up can be replaced
              "FcgidZombieScanInterval 1\n"     // s
              "FcgidPassHeader Authorization\n";
    config += script_alias(*result);
    config += "<Directory " + result->probe.parent_path().string() +
              ">\n"
              "    SetHandler fcgid-script\n"
              "    Options +ExecCGI\n"
              "    Require all granted\n"
              "</Directory>\n";
    config += guarded_locations(*result, lines(result->guard_program));
    start_apache(*result, config, {});
    return result;
}

} // namespace

std::unique_ptr<guarded_site> start_guarded_mod_authnz_fcgi()
{
    return start_mod_authnz_fcgi("authn", "    AuthnzFcgiCheckAuthnProvider guard Authoritative On "
                                          "RequireBasicAuth Off UserExpr \"%{reqenv:REMOTE_USER}\"\n"
                                          "    Require valid-user\n");
}

std::unique_ptr<guarded_site> start_guarded_mod_authnz_fcgi_basic()
{
    return start_mod_authnz_fcgi("authnz", "    AuthBasicProvider guard\n"
                                           "    Require guard\n");
}

std::unique_ptr<guarded_site> start_guarded_mod_fcgid()
{
    return start_mod_fcgid([](const std::string& guard) {
        return "    FcgidAccessChecker " + guard + "\n    FcgidAccessCheckerAuthoritative On\n";
    });
}

std::unique_ptr<guarded_site> start_guarded_mod_fcgid_basic()
{
    return start_mod_fcgid([](const std::string& guard) {
        return basic + "    FcgidAuthenticator " + guard + "\n    FcgidAuthorizer " + guard +
               "\n    Require valid-user\n";
    });
}

} // namespace sluice::test
