// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_path.hpp"

#include <algorithm>

namespace sluice::cgi {
namespace {

constexpr auto none = std::string_view::npos;

int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    const char l = static_cast<char>(c | 0x20);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::string decoded(std::string_view raw)
{
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] == '%' && raw.size() - i > 2 && hex_value(raw[i + 1]) >= 0 && hex_value(raw[i + 2]) >= 0) {
            out += static_cast<char>(hex_value(raw[i + 1]) * 16 + hex_value(raw[i + 2]));
            i += 2;
        } else {
            out += raw[i];
        }
    }
    return out;
}

/// How many components the two have in common at their ends.
std::size_t common_end(std::string_view a, std::string_view b)
{
    const auto x = components(a);
    const auto y = components(b);
    const auto differ = std::mismatch(x.rbegin(), x.rend(), y.rbegin(), y.rend());
    return static_cast<std::size_t>(differ.first - x.rbegin());
}

bool same_path(std::string_view a, std::string_view b)
{
    return components(a) == components(b);
}

/// Where in `url` stands what `tail` is the end of, but for slashes that were folded; `none` when `url` does not end
/// with it. The border takes all slashes before it.
std::size_t find_tail(std::string_view url, std::string_view tail) noexcept
{
    std::size_t u = url.size();
    std::size_t t = tail.size();
    while (t > 0) {
        if (u == 0 || url[u - 1] != tail[t - 1])
            return none;
        if (url[u - 1] != '/') {
            --u;
            --t;
            continue;
        }
        while (u > 0 && url[u - 1] == '/')
            --u;
        while (t > 0 && tail[t - 1] == '/')
            --t;
    }
    return u;
}

/// The file's name that the server sent. mod_proxy_fcgi encodes it (and normalization took off what would tell);
/// the spelling that agrees better with the decoded URL is meant, as a name may hold a '%' of its own.
std::string file_name(std::string_view sent, std::string_view script_name, std::string_view url)
{
    std::string name(sent);
    if (sent.find('%') == none)
        return name;
    const auto agreement = [&](std::string_view s) {
        return std::max(common_end(s, script_name), common_end(s, url));
    };
    std::string other = decoded(sent);
    return agreement(other) > agreement(name) ? other : name;
}

/// Whether the file's name holds the request's PATH_INFO already, as it does where the server has put the whole path
/// into it and the split is a mount point's.
bool holds_path_info(std::string_view file, const environment& request, std::string_view url)
{
    if (const std::string_view folder = request.get("DOCUMENT_ROOT"); !folder.empty()) {
        const auto named = [&](std::string_view path) {
            return same_path(std::string(folder).append(path), file);
        };
        if (named(request.script_name()))
            return false;
        if (named(url))
            return true;
    }
    const std::size_t common = common_end(file, url);
    return common >= components(request.path_info()).size() &&
           common > common_end(file, request.script_name());
}

} // namespace

std::vector<std::string_view> components(std::string_view path)
{
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::string_view part = path.substr(0, path.find('/'));
        if (!part.empty() && part != ".")
            parts.push_back(part);
        path.remove_prefix(std::min(part.size() + 1, path.size()));
    }
    return parts;
}

std::optional<std::string_view> below(std::string_view folder, std::string_view path)
{
    if (!path.starts_with('/'))
        return std::nullopt;
    for (const std::string_view part : components(folder)) {
        while (path.starts_with('/') || path == "." || path.starts_with("./"))
            path.remove_prefix(1);
        if (path.substr(0, path.find('/')) != part)
            return std::nullopt;
        path.remove_prefix(part.size());
    }
    return path;
}

bool has_parent_component(std::string_view path)
{
    const auto parts = components(path);
    return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

script_path::script_path(const environment& request, const std::vector<std::string>& roots,
                         std::string_view mount)
    : url_(std::string(request.script_name()).append(request.path_info())),
      url_script_(request.script_name().size())
{
    const std::string_view sent = request.get("SCRIPT_FILENAME");
    const std::string file = file_name(sent, request.script_name(), url_);
    for (const std::string& root : roots) {
        const auto rest = below(root, file);
        if (!rest)
            continue;
        // The root itself is where lighttpd's prefix stands for it; alone it says nothing.
        if (components(*rest).empty() && request.path_info().empty())
            continue;
        text_ = *rest;
        if (!holds_path_info(file, request, url_)) {
            text_ += request.path_info();
            added_ = request.path_info().size();
        }
        return;
    }
    text_ = below(mount, url_).value_or(std::string_view(url_));
    added_ = text_.size();
}

script_path::names script_path::split(std::size_t end) const
{
    const std::string_view rest = std::string_view(text_).substr(end);
    const std::string_view url = url_;
    std::size_t border = none;
    if (rest.size() <= added_) {
        border = url.size() - rest.size();
    } else {
        // The server put a part of PATH_INFO into SCRIPT_FILENAME; it stands in SCRIPT_NAME too, or where it is the
        // whole, in the URL.
        border = find_tail(url.substr(0, url.size() - added_), rest.substr(0, rest.size() - added_));
    }

    names n;
    // A URL that does not end so was rewritten on its way to the file; SCRIPT_NAME is then as near as one can come.
    n.path_info = border == none ? rest : url.substr(border);
    const std::string_view consumed = url.substr(0, border == none ? url_script_ : border);
    for (const std::string_view part : components(consumed))
        n.script_name.append(1, '/').append(part);
    return n;
}

} // namespace sluice::cgi
