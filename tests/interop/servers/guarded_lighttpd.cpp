// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// lighttpd that asks an authorizer before it goes on: to a file, or to the responder on the same path.
#include "interop/servers/guarded_servers.hpp"
#include "interop/servers/lighttpd.hpp"
#include "interop/servers/service.hpp"

namespace sluice::test {

namespace {

// `guard_lines` say where the guard is.
std::unique_ptr<guarded_site> start(std::unique_ptr<guarded_site> result, const std::string& guard_lines)
{
    // What is asked for below /elsewhere lies in another folder than the server's own.
    result->folder.write("other/elsewhere/page.unknown", "the page elsewhere\n");
    const std::string docroot = "\"docroot\" => \"" + (result->folder / "other").string() + "\", ";
    const std::string guard = "\"mode\" => \"authorizer\", \"check-local\" => \"disable\", " + guard_lines;
    start_service(*result, {});
    std::string config = "server.modules += ( \"mod_fastcgi\" )\n"
                         "fastcgi.server = (\n";
    config += "    \"/private\" => (( " + guard + " )),\n";
    config += "    \"/elsewhere\" => (( " + docroot + guard + " )),\n";
    config += "    \"" + result->mount + "\" => (( " + guard + " ), ( \"socket\" => \"" +
              service_socket(*result) + "\", \"check-local\" => \"disable\" ))\n)\n";
    start_lighttpd(*result, response_body::streamed, config, {});
    return result;
}

} // namespace

std::unique_ptr<guarded_site> start_guarded_lighttpd_spawn()
{
    auto result = std::make_unique<guarded_site>();
    // The same socket, so the same process, wherever it is asked.
    const std::string lines = "\"bin-path\" => \"" + result->guard_program.string() + "\", \"socket\" => \"" +
                              (result->folder / "run/guard.sock").string() + "\", \"max-procs\" => 1";
    return start(std::move(result), lines);
}

std::unique_ptr<guarded_site> start_guarded_lighttpd_socket()
{
    auto result = std::make_unique<guarded_site>();
    const std::string socket = result->folder / "run/guard.sock";
    start_guard(*result, socket);
    return start(std::move(result), "\"socket\" => \"" + socket + "\"");
}

} // namespace sluice::test
