// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "command/programs.hpp"

#include <stdexcept>

namespace sluice::test {

std::vector<std::string> code_blocks(std::string_view heading)
{
    auto text = read_file(SLUICE_PORTING);
    const auto begin = text.find("\n### " + std::string(heading) + "\n");
    if (begin != text.npos)
        text = text.substr(begin, text.find("\n##", begin + 1) - begin);
    std::vector<std::string> all;
    for (std::size_t fence = 0; (fence = text.find("\n```", fence)) != text.npos;) {
        const auto first = text.find('\n', fence + 1) + 1;
        const auto last = text.find("\n```", first - 1);
        all.push_back(text.substr(first, last + 1 - first));
        fence = last + 1;
    }
    if (begin == text.npos || all.empty())
        throw std::runtime_error("docs/porting.md has no code below " + std::string(heading));
    return all;
}

} // namespace sluice::test
