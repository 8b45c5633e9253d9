// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// scripts/demo used wrongly: it says so before it installs or builds anything.
#include "command/apps.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <filesystem>

using namespace sluice::test;

TEST_CASE("scripts/demo: wrong use is one line that says what and how, before anything is installed or built")
{
    const struct {
        std::vector<std::string> arguments;
        const char* what;
    } rows[] = {
        {{"--behind", "nginx"}, "--behind: 'nginx' is none of lighttpd and apache"},
        {{"--behind=nginx"}, "--behind: 'nginx' is none of lighttpd and apache"},
        {{"--check", "--behind"}, "--behind needs a value"},
        {{"--what"}, "what is '--what'?"},
        {{"apache"}, "what is 'apache'?"},
        {{"--rate", "0"}, "--rate: '0' is no size such as"},
        {{"--size=1.5"}, "--size: '1.5' is no size such as"},
        {{"--size", "many"}, "--size: 'many' is no size such as"},
        {{"--programs", "/nonexistent"}, "--programs: '/nonexistent' is no folder"},
        // What is right is taken, up to what is not.
        {{"--size", "1.5G", "--rate=500k", "--behind", "apache", "--check", "--last"}, "what is '--last'?"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        const temp_dir folder; // no program is found in it: neither python3, nor one that installs
        process_options options;
        options.command = {"/bin/sh", SLUICE_DEMO};
        options.command.insert(options.command.end(), row.arguments.begin(), row.arguments.end());
        options.environment = {{"PATH", folder.path().string()}};
        options.stdout_file = folder / "out";
        options.stderr_file = folder / "err";
        process demo(options);
        CHECK(demo.wait_for(std::chrono::seconds(20)) == exit_status{2, 0});
        CHECK(read_file(folder / "out").empty());
        const auto said = read_file(folder / "err");
        CHECK_THAT(said, Catch::StartsWith(std::string("scripts/demo: ") + row.what) &&
                             Catch::EndsWith("; see scripts/demo --help\n"));
        CHECK(std::count(said.begin(), said.end(), '\n') == 1);
    }
}

TEST_CASE("scripts/demo: help takes nothing but a shell, and tells each flag")
{
    const temp_dir folder;
    std::filesystem::create_symlink("/bin/cat", folder / "cat");
    process demo({.command = {"/bin/sh", SLUICE_DEMO, "--help"},
                  .environment = {{"PATH", folder.path().string()}},
                  .stdout_file = folder / "out"});
    CHECK(demo.wait_for(std::chrono::seconds(20)) == exit_status{0, 0});
    for (const std::string flag : {"--behind", "--rate", "--size", "--check", "--programs"})
        CHECK_THAT(read_file(folder / "out"), Catch::Contains("\n  " + flag + " "));
}
