// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/http_date.hpp>
#include <sluice/detail/http_range.hpp>
#include <sluice/detail/text.hpp>
#include <sluice/file_response.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace sluice {

namespace {

// What browsers do something with. Without a charset: it would overrule what the file says of itself.
constexpr std::pair<std::string_view, std::string_view> media_types[] = {
    {"avif", "image/avif"},
    {"css", "text/css"},
    {"csv", "text/csv"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html"},
    {"html", "text/html"},
    {"ico", "image/x-icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript"},
    {"json", "application/json"},
    {"md", "text/markdown"},
    {"mjs", "text/javascript"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ogg", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xml", "application/xml"},
    {"zip", "application/zip"},
};

std::string_view media_type_of(std::string_view path)
{
    const auto name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    if (const auto dot = name.rfind('.'); dot != name.npos) {
        for (const auto& [ending, type] : media_types) {
            if (text::equal_nocase(name.substr(dot + 1), ending))
                return type;
        }
    }
    return "application/octet-stream";
}

response refusal(int status, const char* words)
{
    response r;
    r.status = status;
    r.headers.add("Content-Type", "text/plain; charset=utf-8");
    r.body = words;
    return r;
}

response not_found()
{
    return refusal(404, "There is no such file.\n");
}

response answer_for(error_code ec, std::string_view path)
{
    switch (ec.value()) {
    case EACCES:
    case EPERM: return refusal(403, "This file is not for you.\n");
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
    case EXDEV:  // it leaves the root
    case EINVAL: // a byte 0
    case EISDIR:
    case ENOTSUP: // no regular file
        return not_found();
    default: throw system_error(ec, fmt::format("sluice::file_response: '{}'", path));
    }
}

/// All but what stays as it is in a path (RFC 3986 section 2.3) as %XX: lighttpd, nginx and mod_xsendfile decode it.
void append_encoded(std::string_view path, std::string& out)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    for (const char c : path) {
        if (text::is_alnum(c) || std::string_view("-._~/").find(c) != std::string_view::npos) {
            out += c;
        } else {
            const auto u = static_cast<unsigned char>(c);
            out += '%';
            out += digits[u >> 4];
            out += digits[u & 15];
        }
    }
}

bool leaves_its_folder(std::string_view path)
{
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        if (path.substr(at, end - at) == "..")
            return true;
        at = end + 1;
    }
    return false;
}

response handed_over(std::string_view path, const file_options& options)
{
    // The server looks it up by name: what is no name to a careful eye does not get there.
    if (path.empty() || text::has_control(path) || leaves_its_folder(path))
        return not_found();
    const auto& by = *options.by_server;
    std::string_view folder = by.prefix.empty() ? options.root : by.prefix;
    while (folder.ends_with('/'))
        folder.remove_suffix(1);
    std::string where;
    append_encoded(folder, where);
    if (!folder.empty() && !path.starts_with('/'))
        where += '/';
    append_encoded(path, where);
    response r;
    r.headers.add(by.header, where);
    return r;
}

struct validators {
    std::time_t changed, now;
    std::string etag;
};

validators validators_of(const file& f)
{
    const auto time = f.last_modified();
    const auto now = std::time(nullptr);
    return {std::min(time.tv_sec, now), now, // none later than the message (section 8.8.2.1)
            // Without the inode: servers that share the work have the same file under different ones.
            fmt::format("\"{:x}.{:x}-{:x}\"", time.tv_sec, time.tv_nsec, f.size())};
}

/// Whether what the client has of the file is of this one: only strong validators say so (section 13.1.5).
bool matches(std::string_view if_range, const validators& v)
{
    if (if_range.starts_with('"') || if_range.starts_with("W/"))
        return if_range == v.etag;
    return v.now > v.changed && detail::parse_http_date(if_range, v.now) == v.changed;
}

detail::byte_range wanted(const environment& env, const validators& v, std::uint64_t size)
{
    if (env.method() != "GET")
        return {};
    for (const auto* condition :
         {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"})
    {
        if (!env.get(condition).empty())
            return {};
    }
    if (const auto if_range = env.get("HTTP_IF_RANGE"); !if_range.empty() && !matches(if_range, v))
        return {};
    return detail::parse_range(env.get("HTTP_RANGE"), size);
}

} // namespace

response file_response(const request& req, std::string_view path, const file_options& options)
{
    if (const auto method = req.env().method(); !options.any_method && method != "GET" && method != "HEAD") {
        auto r = refusal(405, "Files here can be read, and nothing else.\n");
        r.headers.add("Allow", "GET, HEAD");
        return r;
    }
    const auto type = options.content_type.empty() ? media_type_of(path) : options.content_type;
    if (options.by_server) {
        auto r = handed_over(path, options);
        if (r.status == 200)
            r.headers.add("Content-Type", type);
        return r;
    }
    error_code ec;
    file f =
        options.root.empty() ? file::open(std::string(path), ec) : file::open_beneath(options.root, path, ec);
    if (ec)
        return answer_for(ec, path);

    const auto size = f.size();
    const auto v = validators_of(f);
    const auto range = wanted(req.env(), v, size);
    using kind = detail::byte_range::kind;
    response r;
    if (range.what == kind::unsatisfiable) {
        r = refusal(416, "The file has no such bytes.\n");
        r.headers.add("Content-Range", fmt::format("bytes */{}", size));
        return r;
    }
    r.headers.add("Content-Type", type);
    r.headers.add("Last-Modified", detail::format_http_date(v.changed));
    r.headers.add("ETag", v.etag);
    r.headers.add("Accept-Ranges", "bytes");
    if (range.what == kind::part) {
        r.status = 206;
        r.headers.add("Content-Range",
                      fmt::format("bytes {}-{}/{}", range.first, range.first + range.size - 1, size));
        r.body = response_body(std::move(f), range.first, range.size);
    } else {
        r.body = std::move(f);
    }
    return r;
}

} // namespace sluice
