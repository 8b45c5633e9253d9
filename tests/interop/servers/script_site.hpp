// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// A web server with `sluice run` behind it, and a folder of programs: sh scripts (script_site.cpp has them)
/// and those of tests/interop/programs.
struct script_site : site {
    /// With the scripts at "/cgi-bin", say, or "" for the root of the server.
    explicit script_site(const std::string& mounted_at);
    ~script_site();

    std::filesystem::path scripts() const { return folder / "cgi"; }

    /// The first code block below that heading of docs/porting.md, with this site's paths in place of the document's.
    std::string snippet(std::string_view heading) const;

    /// The processes that run for requests of this site, whoever is their parent now, and the zombies of
    /// `sluice run`: each as "PID NAME STATE".
    std::vector<std::string> script_processes() const;

    std::filesystem::path sluice;
};

/// Starts `sluice run` by the command line of docs/porting.md, with `arguments` in place of --root and
/// its folder where there are any.
void start_script_service(script_site& site, const std::vector<std::string>& arguments = {});

} // namespace sluice::test
