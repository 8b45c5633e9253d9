// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_finder.hpp>

#include "beneath_driver.hpp"
#include "script_path.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::cgi {
namespace {

using result = std::variant<found_script, script_refusal>;

std::string words_of(int error)
{
    return std::generic_category().message(error);
}

/// A path for a line of a log: the peer has chosen its bytes, and how many.
std::string for_log(std::string_view path)
{
    constexpr std::size_t longest = 256;
    std::string out = "\"";
    for (const char c : path.substr(0, longest)) {
        const auto u = static_cast<unsigned char>(c);
        if (u < 32 || u == 127 || c == '"' || c == '\\')
            out += fmt::format("\\x{:02X}", static_cast<unsigned>(u));
        else
            out += c;
    }
    return out + (path.size() > longest ? "\"..." : "\"");
}

/// Without "." and double slashes. A ".." stays: behind a symlink it is not what it seems.
std::string absolute(const std::string& name)
{
    const std::string whole = std::filesystem::absolute(name);
    std::string out;
    for (const std::string_view part : components(whole))
        out.append(1, '/').append(part);
    return out.empty() ? "/" : out;
}

bool may_execute(int folder, const std::string& path, int fd)
{
#ifdef AT_EMPTY_PATH
    if (::faccessat(fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) == 0)
        return true;
    if (errno == EACCES)
        return false;
#endif
    // Before Linux 5.8 the C library stands in for the flag, by name only; a filter may know neither (EPERM).
    if (::faccessat(folder, path.c_str(), X_OK, AT_EACCESS) == 0)
        return true;
    return errno == EPERM && ::faccessat(folder, path.c_str(), X_OK, 0) == 0;
}

/// What `lookup` says with errno for a name that is of no use.
script_refusal refusal(int error, const std::string& path, script_options::links symlinks)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG: return {404, for_log(path) + ": " + words_of(error)};
    case EMFILE:
    case ENFILE:
    case ENOMEM: return {503, for_log(path) + ": " + words_of(error)};
    case EXDEV: return {403, for_log(path) + ": a symbolic link leads out of the root"};
    case ELOOP:
        return {403, for_log(path) + (symlinks == script_options::links::none
                                          ? ": a symbolic link, and none is followed"
                                          : ": too many symbolic links")};
    default: return {403, for_log(path) + ": " + words_of(error)};
    }
}

/// Whether a regular file is a program; "" when it is, else in words why not.
std::string fault_of(int folder, const std::string& path, int fd, const std::vector<std::string>& patterns)
{
    const std::string name = path.substr(path.rfind('/') + 1);
    const auto matches = [&](const std::string& p) {
        return ::fnmatch(p.c_str(), name.c_str(), FNM_PERIOD) == 0;
    };
    if (!patterns.empty() && std::none_of(patterns.begin(), patterns.end(), matches))
        return "the name matches no pattern of programs";
    if (!may_execute(folder, path, fd))
        return "not executable: " + words_of(errno);
    return {};
}

void set_file(found_script& found, std::string filename)
{
    const std::size_t slash = filename.rfind('/');
    found.nph = filename.compare(slash + 1, 4, "nph-") == 0;
    found.directory = filename.substr(0, std::max<std::size_t>(slash, 1));
    found.filename = std::move(filename);
}

/// PATH_INFO as a file below `folder`. ".." would show the program files the server keeps from it.
std::string translated(std::string_view folder, const std::string& path_info)
{
    if (folder.empty() || path_info.empty() || has_parent_component(path_info))
        return {};
    while (folder.ends_with('/'))
        folder.remove_suffix(1);
    return std::string(folder).append(path_info);
}

/// The one program of script_options::script.
result find_named(const script_options& options, const environment& request)
{
    struct stat st {};
    const std::string& path = options.script;
    const unique_fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!fd || ::fstat(fd.get(), &st) != 0)
        return refusal(errno, path, script_options::links::follow);
    if (!S_ISREG(st.st_mode))
        return script_refusal{403, for_log(path) + ": no regular file"};
    if (const std::string fault = fault_of(AT_FDCWD, path, fd.get(), {}); !fault.empty())
        return script_refusal{403, for_log(path) + ": " + fault};

    found_script found;
    set_file(found, path);
    found.script_name = request.script_name();
    found.path_info = request.path_info();
    found.path_translated =
        translated(options.root.empty() ? request.get("DOCUMENT_ROOT") : options.root, found.path_info);
    return found;
}

} // namespace

script_finder::script_finder(script_options options) : options_(std::move(options))
{
    if (!options_.root.empty()) {
        options_.root = absolute(options_.root);
        if (!root_folder::open(options_.root).fd)
            throw std::invalid_argument(fmt::format("root {}: {}", for_log(options_.root), words_of(errno)));
    }
    if (!options_.script.empty()) {
        options_.script = absolute(options_.script);
        const result found = find_named(options_, environment());
        if (const auto* refused = std::get_if<script_refusal>(&found))
            throw std::invalid_argument("script " + refused->why);
    }
}

result script_finder::find(const environment& request, std::string_view mount) const
{
    if (!options_.script.empty())
        return find_named(options_, request);
    if (!options_.root.empty())
        return find_below(request, options_.root, mount);
    const std::string root(request.get("DOCUMENT_ROOT"));
    if (!root.starts_with('/') || root.find('\0') != std::string::npos)
        return script_refusal{
            403, for_log(request.script_name()) +
                     ": no root is set, and DOCUMENT_ROOT is no absolute path: " + for_log(root)};
    return find_below(request, root, mount);
}

result script_finder::find_below(const environment& request, const std::string& root_name,
                                 std::string_view mount) const
{
    const root_folder root = root_folder::open(root_name);
    if (!root.fd)
        return refusal(errno, root_name, options_.symlinks);

    const script_path wanted(request, root.names, mount);
    const std::string& text = wanted.text();
    if (text.find('\0') != std::string::npos)
        return script_refusal{404, for_log(text) + ": a NUL byte in a path"};

    std::string path; // of what was looked at, below the root
    for (const std::string_view part : components(text)) {
        if (part == "..")
            return script_refusal{403, for_log(text) + ": \"..\" before the program"};
        if (part.size() > NAME_MAX)
            return refusal(ENAMETOOLONG, text, options_.symlinks);
        path.append(path.empty() ? "" : "/").append(part);
        const unique_fd fd = open_beneath(root, path, options_.symlinks);
        struct stat st {};
        if (!fd || ::fstat(fd.get(), &st) != 0)
            return refusal(errno, root.real + '/' + path, options_.symlinks);
        if (S_ISDIR(st.st_mode))
            continue;

        found_script found;
        set_file(found, (root.real == "/" ? "" : root.real) + '/' + path);
        if (found.filename.size() >= PATH_MAX) // there it is, but by that name it cannot be run
            return refusal(ENAMETOOLONG, found.filename, options_.symlinks);
        if (!S_ISREG(st.st_mode))
            return script_refusal{403, for_log(found.filename) + ": neither a folder nor a regular file"};
        if (const std::string fault = fault_of(root.fd.get(), path, fd.get(), options_.patterns);
            !fault.empty())
            return script_refusal{403, for_log(found.filename) + ": " + fault};

        const auto end = static_cast<std::size_t>(part.data() - text.data()) + part.size();
        script_path::names names = wanted.split(end);
        found.script_name = std::move(names.script_name);
        found.path_info = std::move(names.path_info);
        if (const std::string below_mount = '/' + path; found.script_name.ends_with(below_mount))
            found.mount = found.script_name.substr(0, found.script_name.size() - below_mount.size());
        // The server that has split the path the same way has translated it by rules we do not know.
        const std::string_view sent = request.get("PATH_TRANSLATED");
        const std::string_view folder = request.get("DOCUMENT_ROOT");
        found.path_translated = translated(folder.empty() ? root.real : folder, found.path_info);
        if (!found.path_translated.empty() && found.path_info == request.path_info() && !sent.empty())
            found.path_translated = sent;
        return found;
    }
    return script_refusal{403,
                          for_log(root.real + '/' + path) + ": a folder, and no index file is looked for"};
}

} // namespace sluice::cgi
