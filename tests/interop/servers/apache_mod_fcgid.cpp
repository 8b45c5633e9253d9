// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Apache with mod_fcgid: it starts the probe itself, hands it a listening unix socket as fd 0, and
// sends one request a connection and one connection a process at a time.
#include "interop/servers/apache.hpp"
#include "interop/servers/front_servers.hpp"

namespace sluice::test {

std::unique_ptr<site> start_apache_mod_fcgid(const site_options& options)
{
    auto result = std::make_unique<site>(options);
    const std::string processes = std::to_string(options.max_processes);
    std::string config = load_module("fcgid", "libapache2-mod-fcgid");
    config += "FcgidIPCDir run/fcgid\n"
              "FcgidProcessTableFile run/fcgid_shm\n"
              "FcgidOutputBufferSize 0\n"       // else it gathers 64 KiB before it flushes
              "FcgidMaxRequestLen 1073741824\n" // else 128 KiB
              "FcgidErrorScanInterval 1\n"      // s; how soon a process it gave up can be replaced
              "FcgidZombieScanInterval 1\n";
    config += "FcgidMaxProcesses " + processes + "\n";
    config += "FcgidMaxProcessesPerClass " + processes + "\n";
    for (const auto& [name, value] : options.environment)
        config += "FcgidInitialEnv " + name + " \"" + value + "\"\n";
    config += script_alias(*result);
    config += "<Directory " + result->probe.parent_path().string() +
              ">\n"
              "    SetHandler fcgid-script\n"
              "    Options +ExecCGI\n"
              "    Require all granted\n"
              "</Directory>\n";
    start_apache(*result, config, options);
    return result;
}

} // namespace sluice::test
