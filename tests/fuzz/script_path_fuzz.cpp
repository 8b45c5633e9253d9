// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// How a web server may name a program, good or bad: what is walked lies below the root, and wherever the program is found on
// it the names are those of a request.
//
// An input: lines, first the root, then the mount, then variables "NAME=value".
#include "fuzz/fuzz.hpp"

#include "script_path.hpp"

#include <sluice/environment.hpp>

#include <string>

using namespace sluice;
using fuzz::must;

namespace {

std::string_view take_line(std::string_view& lines)
{
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    return line;
}

std::string joined(std::string_view path)
{
    std::string text;
    for (const std::string_view part : cgi::components(path))
        text.append(1, '/').append(part);
    return text;
}

void check_names(const cgi::script_path& path, const environment& env, std::size_t end)
{
    const auto url = std::string(env.script_name()).append(env.path_info());
    const auto rest = std::string_view(path.text()).substr(end);
    const auto names = path.split(end);
    must(names.script_name == joined(names.script_name), "RFC 3875 4.1.13: SCRIPT_NAME is a path");
    must(names.path_info.empty() || names.path_info.front() == '/', "RFC 3875 4.1.5: so is PATH_INFO");
    must(names.path_info == rest || url.ends_with(names.path_info), "PATH_INFO is the request's own");
    must(cgi::components(names.path_info) == cgi::components(rest), "and what is left behind the program");
    if (env.get("SCRIPT_FILENAME").empty()) {
        must(names.script_name + joined(names.path_info) == joined(url), "the two are the URL");
        must(names.path_info == rest, "as it came");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view lines(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> roots{"/" + std::string(take_line(lines))};
    const std::string mount(take_line(lines));
    environment env;
    while (!lines.empty() && env.size() < 100) {
        const auto line = take_line(lines);
        if (const auto equals = line.find('='); equals != 0 && equals != line.npos)
            env.add(line.substr(0, equals), line.substr(equals + 1));
    }
    if (normalize(env))
        return 0;

    const cgi::script_path path(env, roots, mount);
    const std::string& text = path.text();
    must(text.empty() || text.front() == '/', "a path from the root");
    for (std::size_t end = 1; end <= text.size(); ++end)
        if ((end == text.size() || text[end] == '/') && text[end - 1] != '/')
            check_names(path, env, end);
    return 0;
}
