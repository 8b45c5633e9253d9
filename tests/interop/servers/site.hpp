// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/free_port.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/web_server.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// Where the front servers mount the probe unless told otherwise: its SCRIPT_NAME.
inline constexpr std::string_view mount_point = "/app/probe";

/// The probe as it was built. SLUICE_PROBE in the environment names another build of it, or another
/// program that answers the same URLs.
std::filesystem::path built_probe();

/// Where a server that gave up root's rights can run it: a copy (or link) in `folder`, named `name`.
std::filesystem::path add_program(const temp_dir& folder, const std::filesystem::path& original,
                                  std::string_view name);

struct site_options {
    std::string mount{mount_point};                   ///< "" for the root of the server
    std::map<std::string, std::string> environment{}; ///< for the probe
    std::string extra_config{};                       ///< lines added to the server's configuration
    unsigned max_processes = 1;                       ///< of the probe, where the server decides on that
    std::filesystem::path program{}; ///< another program with the probe's URLs; "" is the probe
};

/// One web server with the probe behind it, in a private folder. The server goes first at the end.
struct site {
    explicit site(const site_options& options);
    ~site();

    /// The address of a path below the mount point: url("/hello").
    std::string url(std::string_view path_and_query) const;

    /// The probe's processes, whoever started them. Empty for CGI when no request is under way.
    std::vector<pid_t> probe_processes() const;

    std::string mount;
    temp_dir folder;
    free_port port;
    std::filesystem::path probe; ///< a copy (or link) that the server's user can reach
    std::optional<process> app;  ///< where the test starts the probe itself
    std::optional<web_server> server;
};

} // namespace sluice::test
