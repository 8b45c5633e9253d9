// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "command/apps.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// A folder of CGI programs, and one for what they leave behind.
class programs {
public:
    programs() { std::filesystem::create_directory(root()); }

    /// A program in sh that answers in text/plain; `$here` in it is the other folder.
    void add(const std::string& name, const std::string& text) const
    {
        add_file(name, "#!/bin/sh\nhere='" + folder_.path().string() +
                           "'\nprintf 'Content-Type: text/plain\\n\\n'\n" + text);
    }

    void add_file(const std::string& name, const std::string& text) const
    {
        std::filesystem::permissions(folder_.write("cgi/" + name, text), std::filesystem::perms(0755));
    }

    std::string root() const { return folder_ / "cgi"; }
    std::string at(const std::string& name) const { return folder_ / name; }
    std::string left(const std::string& name) const { return read_file(folder_ / name); }
    void put(const std::string& name) const { folder_.write(name, ""); }

    /// `sluice run` for them, with these flags too.
    std::vector<std::string> command(std::vector<std::string> flags = {}) const
    {
        flags.insert(flags.begin(), {SLUICE_COMMAND, "run", "--root", root()});
        return flags;
    }

private:
    temp_dir folder_;
};

/// One request, asked while the test goes on.
class request_under_way {
public:
    request_under_way(const std::string& address, const std::string& target)
        : process_({.command = {SLUICE_COMMAND, "get", "-t", address, target},
                    .stdout_file = folder_ / "out",
                    .stderr_file = folder_ / "err"})
    {}

    std::string out() const { return read_file(folder_ / "out"); }
    std::optional<exit_status> wait() { return process_.wait_for(std::chrono::seconds(20)); }

private:
    temp_dir folder_;
    process process_;
};

/// The code blocks of docs/porting.md below that heading, up to the next, as they stand there. Throws
/// std::runtime_error when there is none.
std::vector<std::string> code_blocks(std::string_view heading);

} // namespace sluice::test
