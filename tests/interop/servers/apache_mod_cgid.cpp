// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Apache with mod_cgid: a process of the probe for each request, started by the CGI daemon.
#include "interop/servers/apache.hpp"
#include "interop/servers/front_servers.hpp"

namespace sluice::test {

std::unique_ptr<site> start_apache_mod_cgid(const site_options& options)
{
    auto result = std::make_unique<site>(options);
    std::string config = load_module("cgid");
    config += "ScriptSock " + (result->folder / "run/cgid").string() + "\n";
    for (const auto& [name, value] : options.environment)
        config += "SetEnv " + name + " \"" + value + "\"\n";
    config += script_alias(*result);
    config += "<Directory " + result->probe.parent_path().string() +
              ">\n"
              "    Options +ExecCGI\n"
              "    Require all granted\n"
              "</Directory>\n";
    start_apache(*result, config, options);
    return result;
}

} // namespace sluice::test
