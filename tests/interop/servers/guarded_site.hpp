// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// What is in the file below /private, the one in the web server's own folder.
inline constexpr std::string_view private_page = "the private page\n";

/// A web server that asks the guard (examples/guard.cpp) about everything below /private, where there are files,
/// and below the mount point, where the probe is.
struct guarded_site : site {
    guarded_site();
    ~guarded_site();

    /// The address of the file below /private, with that query.
    std::string page(std::string_view query = {}) const;

    /// The guard's process; 0 when there is none now.
    pid_t guard_process() const;

    std::filesystem::path guard_program;
    std::optional<process> guard; ///< where the test starts the guard itself
};

/// The guard as a service on a unix socket, and on a TCP port.
void start_guard(guarded_site& site, const std::string& socket);
void start_guard(guarded_site& site, std::uint16_t port);

} // namespace sluice::test
