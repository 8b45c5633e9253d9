// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "resources.hpp"

#include "units.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>

namespace sluice::command {

namespace {

constexpr std::pair<std::string_view, int> names[] = {
    {"as", RLIMIT_AS},       {"core", RLIMIT_CORE},     {"cpu", RLIMIT_CPU},     {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK},
};

std::string written(rlim_t n)
{
    return n == RLIM_INFINITY ? "unlimited" : fmt::format("{}", n);
}

} // namespace

std::pair<int, rlimit> resource_named(std::string_view flag, const std::string& text)
{
    const std::string_view all = text;
    const auto equals = std::min(all.find('='), all.size());
    const auto* const name = std::find_if(std::begin(names), std::end(names),
                                          [&](const auto& n) { return n.first == all.substr(0, equals); });
    const auto value = all.substr(std::min(equals + 1, all.size()));
    const auto n = value == "unlimited" ? std::optional<std::uint64_t>(RLIM_INFINITY) : size_in(value);
    if (name == std::end(names) || !n)
        throw std::invalid_argument(
            fmt::format("{}: must be NAME=N or NAME=unlimited, with as, core, cpu, data, fsize, nofile, "
                        "nproc or stack for a NAME, and 0, 500, 64K or 1M, say, for N",
                        said(flag, text)));
    return {name->second, {*n, *n}};
}

void check_resources(std::string_view flag, const std::vector<std::pair<int, rlimit>>& all)
{
    for (const auto& [resource, wanted] : all) {
        rlimit now;
        if (::getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0 ||
            wanted.rlim_max <= now.rlim_max)
            continue;
        // To raise it takes CAP_SYS_RESOURCE, and for nofile no more than fs.nr_open: to try is to know.
        const rlimit raised{now.rlim_cur, wanted.rlim_max};
        if (::setrlimit(static_cast<__rlimit_resource>(resource), &raised) == 0) {
            ::setrlimit(static_cast<__rlimit_resource>(resource), &now);
            continue;
        }
        const int fault = errno;
        const std::string name(
            std::find_if(std::begin(names), std::end(names), [r = resource](const auto& n) {
                return n.second == r;
            })->first);
        std::string unit = name;
        std::transform(unit.begin(), unit.end(), unit.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        throw std::invalid_argument(fmt::format("{}={}: {}: the service's own hard limit is {}; raise that "
                                                "(Limit{}= of systemd, ulimit -H) or give less",
                                                said(flag, name), written(wanted.rlim_max),
                                                std::strerror(fault), written(now.rlim_max), unit));
    }
}

} // namespace sluice::command
