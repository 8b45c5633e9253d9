// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/environment.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::cgi {

/// Which programs may be run.
struct script_options {
    /// The folder below which everything lies that is run. "" takes DOCUMENT_ROOT, request by request; the web
    /// server's word is then the confinement, so whoever can connect can choose it.
    std::string root;

    /// One program for every path: PATH_INFO is then the request's own, all of the path below the mount. Being
    /// the administrator's word it may lie anywhere; with a root beside it, PATH_TRANSLATED lies below that.
    std::string script;

    /// Names of files that are programs, as patterns of fnmatch(3): "*.cgi". With none, any executable file is.
    std::vector<std::string> patterns;

    enum class links {
        inside, ///< followed while they stay below the root, absolute ones too
        none,   ///< a path through one is refused
        follow, ///< followed anywhere, as with Apache's FollowSymLinks
    } symlinks = links::inside;

    /// The URL path that the root stands for where SCRIPT_FILENAME does not say: `normalize_options::mount_point`.
    /// With "/cgi-bin", "/cgi-bin/a.cgi" is "a.cgi" of the root. "" or "/" is the whole host. A local redirect
    /// goes by `found_script::mount` where it is "".
    std::string mount;
};

/// A program and how the request names it.
struct found_script {
    std::string filename;    ///< absolute, below the real name of the root. A last symlink keeps its own name
    std::string directory;   ///< of `filename`: where the program is to be run
    std::string script_name; ///< RFC 3875 section 4.1.13, decoded; "" or "/…"
    std::string path_info;   ///< RFC 3875 section 4.1.5, decoded; "" or "/…"
    std::string path_translated; ///< RFC 3875 section 4.1.6; "" without PATH_INFO, and where that holds ".."
    bool nph = false; ///< the file's name begins with "nph-": it writes its own status line (section 5)
    /// The URL path that the root stands for in this request: SCRIPT_NAME without the program's path below the root. Nothing
    /// where it does not end with that (the URL was rewritten), and for `script_options::script`.
    std::optional<std::string> mount = std::nullopt;
};

/// Why there is no program to run.
struct script_refusal {
    /// 404: not there. 403: no program, not executable, outside of the root. 503: we are out of descriptors or memory.
    /// 431: more variables than a program can be given (`too_large`).
    int status;
    std::string why; ///< one line for the log, with the path; not for the client, as it tells names
};

/// From the meta-variables of a request to the program to run (docs/environment.md, "Which program").
///
/// SCRIPT_FILENAME is taken when it lies below the root; else the path of the URL (SCRIPT_NAME and PATH_INFO). It is
/// walked from the root to the first regular file; what is left of it is PATH_INFO. A ".." before the program is
/// refused, and never resolved: what a web server allows it allows by the path it has seen.
///
/// No file is opened for reading, so that none can block. The answer is a name: whoever may write below the root
/// can put another file there until it is run.
///
/// Thread safety: `find` may be called from many threads at once. It asks the file system, and blocks as long as that
/// does.
class script_finder {
public:
    /// Throws std::invalid_argument when the root is no folder, or the script no executable file. Relative names
    /// are made absolute here.
    explicit script_finder(script_options options);

    /// Precondition: the environment is normalized.
    std::variant<found_script, script_refusal> find(const environment& request) const
    {
        return find(request, options_.mount);
    }

    /// With another `script_options::mount`, as that of the program which redirects the request to another one.
    std::variant<found_script, script_refusal> find(const environment& request, std::string_view mount) const;

private:
    std::variant<found_script, script_refusal> find_below(const environment& request, const std::string& root,
                                                          std::string_view mount) const;

    script_options options_;
};

} // namespace sluice::cgi
