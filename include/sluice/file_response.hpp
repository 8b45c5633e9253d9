// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/file.hpp>
#include <sluice/request.hpp>
#include <sluice/response.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// Lets the web server in front send a file: the response names it in a header, and has no body. For servers that are told to
/// heed that header, and only behind them: others pass it on to the client, with the file's name (docs/web-servers.md).
struct file_handover {
    std::string header;
    std::string prefix; ///< in front of the path; "" is `file_options::root`

    /// lighttpd (`"x-sendfile" => "enable"`), and Apache with mod_xsendfile: the file's absolute path. `folder` where the server
    /// knows it by another name than `file_options::root`.
    static file_handover x_sendfile(std::string folder = {}) { return {"X-Sendfile", std::move(folder)}; }

    /// nginx: the path of an `internal` location whose `alias` is the folder.
    static file_handover x_accel_redirect(std::string location)
    {
        return {"X-Accel-Redirect", std::move(location)};
    }
};

struct file_options {
    /// The folder below which the path is looked up, and which nothing in the path leaves, no symbolic link either. "" takes the
    /// path as it is: then it must not come from the client.
    std::string root{};

    /// "" goes by the name's ending; application/octet-stream where that says nothing.
    std::string content_type{};

    std::optional<file_handover> by_server{};

    /// The file is the answer to a POST, say: without it, other methods than GET and HEAD get 405.
    bool any_method = false;
};

/// A response with a file, or with the part that `req` asks for: for files that are downloaded, resumed and cached.
///
///     sluice::response download(sluice::request& req)
///     {
///         return sluice::file_response(req, req.env().path_info(), {.root = "/srv/files"});
///     }
///
/// It has Content-Type, Content-Length, Last-Modified, a strong ETag (of the time of change and the size) and Accept-Ranges.
/// `Range: bytes=` of a GET gives 206 or 416; several ranges at once the whole. If-Range is heeded. To answer conditions (304, 412)
/// is left to a middleware, which finds the validators here; beside If-None-Match, If-Modified-Since, If-Match and
/// If-Unmodified-Since a Range is not heeded (RFC 9110 section 13.2.2 puts them first), so that it meets the whole.
///
/// A name of no regular file below the root is a 404, one that may not be read a 403, another method than GET and HEAD a 405 (see
/// `any_method`), in text/plain. Other headers are the caller's
/// to add. With `by_server` nothing is opened: the server finds out, and answers ranges and conditions by itself.
///
/// Errors: throws `system_error` for what no client can help (too many open files, a failing disk).
/// Thread safety: as of `req`, which is not kept.
response file_response(const request& req, std::string_view path, const file_options& options = {});

} // namespace sluice
