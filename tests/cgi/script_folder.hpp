// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/cgi/script_finder.hpp>

#include "support/temp_dir.hpp"

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::test {

/// A folder of programs that nobody runs.
struct script_folder : temp_dir {
    void program(std::string_view name) const
    {
        std::filesystem::permissions(write(name, "#!/bin/sh\n"), std::filesystem::perms::owner_all);
    }
    std::string at(std::string_view name) const { return (*this / name).string(); }
};

inline environment environment_of(std::initializer_list<field> variables)
{
    environment env;
    for (const field& f : variables)
        env.add(f.name, f.value);
    return env;
}

/// "STATUS why", or "SCRIPT_FILENAME | SCRIPT_NAME | PATH_INFO".
inline std::string text_of(const std::variant<cgi::found_script, cgi::script_refusal>& result)
{
    if (const auto* refused = std::get_if<cgi::script_refusal>(&result))
        return std::to_string(refused->status) + ' ' + refused->why;
    const auto& found = std::get<cgi::found_script>(result);
    return found.filename + " | " + found.script_name + " | " + found.path_info;
}

} // namespace sluice::test
