// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// Which path of a request is to be walked for its program, and what the rest of it is called. Not installed.

#include <sluice/environment.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cgi {

/// The parts of a path between its slashes; several are one, and "." is none.
std::vector<std::string_view> components(std::string_view path);

/// What is left of `path` below `folder`: "" or from its slash on. Nothing when it does not lie there; names are
/// compared, no link or ".." is resolved.
std::optional<std::string_view> below(std::string_view folder, std::string_view path);

bool has_parent_component(std::string_view path);

/// The path of a request as seen from the root. RFC 3875 leaves open how servers split it, and they do it in every way:
/// see docs/environment.md.
class script_path {
public:
    /// `roots` are the names the root goes by, `mount` is the URL path it stands for.
    script_path(const environment& request, const std::vector<std::string>& roots, std::string_view mount);

    /// What to walk, from the root: "" or "/…", decoded, with whatever slashes and dots it came.
    const std::string& text() const noexcept { return text_; }

    struct names {
        std::string script_name; ///< without empty and "." parts: "//a.cgi" would be another host in a link
        std::string path_info;   ///< untouched
    };

    /// The program's name ends at `end` of `text()`, which is at a slash or at its end.
    names split(std::size_t end) const;

private:
    std::string text_;
    std::string url_;            ///< SCRIPT_NAME and PATH_INFO
    std::size_t url_script_ = 0; ///< the size of the former
    std::size_t added_ = 0; ///< how much of the end of text_ is the request's PATH_INFO, as it stands in url_
};

} // namespace sluice::cgi
