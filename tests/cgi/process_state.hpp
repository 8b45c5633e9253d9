// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <fstream>
#include <string>

#include <sys/types.h>

namespace sluice::test {

/// Whether the process runs. A zombie does not: whose that is, and when it is waited for, is another matter.
inline bool runs(pid_t pid)
{
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    const auto state = text.rfind(") ");
    return state != text.npos && text.substr(state + 2, 1).find_first_of("ZX") == std::string::npos;
}

} // namespace sluice::test
