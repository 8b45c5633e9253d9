// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/servers/guarded_site.hpp"

#include "interop/servers/service.hpp"
#include "support/process_memory.hpp"

namespace sluice::test {

guarded_site::guarded_site() : site(site_options()), guard_program(add_program(folder, SLUICE_GUARD, "guard"))
{
    // No server here is told the type of such a file.
    folder.write("htdocs/private/page.unknown", private_page);
}

guarded_site::~guarded_site()
{
    server.reset();
    guard.reset();
    if (const std::string log = read_file(folder / "guard.log"); !log.empty())
        show_on_failure("log of the guard", log);
}

std::string guarded_site::page(std::string_view query) const
{
    return "http://127.0.0.1:" + std::to_string(port.number()) + "/private/page.unknown" + std::string(query);
}

pid_t guarded_site::guard_process() const
{
    if (guard)
        return guard->pid();
    const auto all = processes_below(server->pid(), "guard");
    return all.empty() ? 0 : all.front();
}

void start_guard(guarded_site& site, const std::string& socket)
{
    start_program(site.guard,
                  {.command = {site.guard_program, "--fastcgi", "unix:" + socket, "--socket-mode", "0777"}},
                  site.folder / "guard.log", [&] { return accepts_connections(socket); });
}

void start_guard(guarded_site& site, std::uint16_t port)
{
    start_program(site.guard,
                  {.command = {site.guard_program, "--fastcgi", "tcp:127.0.0.1:" + std::to_string(port)}},
                  site.folder / "guard.log", [&] { return accepts_connections(port); });
}

} // namespace sluice::test
