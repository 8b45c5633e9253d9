// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/servers/site.hpp"

#include "support/process_memory.hpp"

#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace sluice::test {

namespace fs = std::filesystem;

fs::path built_probe()
{
    const char* chosen = std::getenv("SLUICE_PROBE");
    fs::path probe = chosen != nullptr ? chosen : SLUICE_PROBE_DEFAULT;
    if (!fs::exists(probe))
        throw std::runtime_error("there is no " + probe.string() + ": build the target probe");
    return probe;
}

fs::path add_program(const temp_dir& folder, const fs::path& original, std::string_view name)
{
    fs::create_directories(folder / "bin");
    const fs::path program = folder / "bin" / name;
    std::error_code other_filesystem;
    fs::create_hard_link(original, program, other_filesystem);
    if (other_filesystem)
        fs::copy_file(original, program);
    return program;
}

site::site(const site_options& options) : mount(options.mount)
{
    // The build folder may lie where the server's user (www-data, under root) may not look.
    folder.open_to_all();
    fs::create_directories(folder / "htdocs");
    fs::create_directories(folder / "run");
    probe = add_program(folder, options.program.empty() ? built_probe() : options.program, "probe");
}

site::~site()
{
    server.reset();
    app.reset();
    if (const std::string log = read_file(folder / "app.log"); !log.empty())
        show_on_failure("log of the probe", log);
}

std::string site::url(std::string_view path_and_query) const
{
    return "http://127.0.0.1:" + std::to_string(port.number()) + mount + std::string(path_and_query);
}

std::vector<pid_t> site::probe_processes() const
{
    if (app)
        return {app->pid()};
    return processes_below(server->pid(), "probe");
}

} // namespace sluice::test
