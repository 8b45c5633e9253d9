// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/process_memory.hpp"

#include "support/process.hpp"

#include <cctype>
#include <charconv>
#include <filesystem>
#include <map>
#include <string>

namespace sluice::test {

namespace fs = std::filesystem;

namespace {

struct process_line {
    pid_t parent = -1;
    std::string name;
};

std::optional<process_line> read_stat(const fs::path& folder)
{
    // "pid (name) state parent …": the name may itself hold parentheses.
    const std::string text = read_file(folder / "stat");
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 4 >= text.size())
        return std::nullopt;
    process_line line;
    line.name = text.substr(open + 1, close - open - 1);
    std::from_chars(text.data() + close + 4, text.data() + text.size(), line.parent);
    return line;
}

} // namespace

std::optional<std::size_t> resident_anonymous_bytes(pid_t pid)
{
    const std::string text = read_file("/proc/" + std::to_string(pid) + "/status");
    const std::string_view label = "RssAnon:";
    std::size_t at = text.find(label);
    if (at == std::string::npos)
        return std::nullopt;
    at = text.find_first_not_of(" \t", at + label.size());
    std::size_t kibibytes = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), kibibytes);
    return kibibytes * 1024;
}

std::vector<pid_t> processes_below(pid_t ancestor, std::string_view name)
{
    std::map<pid_t, process_line> all;
    std::error_code gone; // processes end while we look
    for (fs::directory_iterator at("/proc", gone), end; at != end; at.increment(gone)) {
        const std::string entry = at->path().filename();
        pid_t pid = 0;
        const auto [rest, error] = std::from_chars(entry.data(), entry.data() + entry.size(), pid);
        if (error != std::errc() || rest != entry.data() + entry.size())
            continue;
        if (auto line = read_stat(at->path()))
            all.emplace(pid, *line);
    }
    std::vector<pid_t> result;
    for (const auto& [pid, line] : all) {
        if (line.name != name.substr(0, 15))
            continue;
        pid_t above = line.parent;
        for (std::size_t steps = 0; above > 1 && above != ancestor && steps < all.size(); ++steps) {
            const auto next = all.find(above);
            above = next == all.end() ? -1 : next->second.parent;
        }
        if (above == ancestor)
            result.push_back(pid);
    }
    return result;
}

} // namespace sluice::test
