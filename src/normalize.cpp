// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/text.hpp>
#include <sluice/environment.hpp>

#include "normalize_places.hpp"
#include "normalize_steps.hpp"

#include <algorithm>
#include <array>

namespace sluice {
namespace normalizing {
namespace {

constexpr auto none = std::string_view::npos;

/// REQUEST_URI as path and query (R4): "http://host/path?q" becomes "/path?q", "*" stays. "" when it is
/// neither, so that it will be rebuilt.
std::string_view origin_form(std::string_view uri, std::pmr::string& room)
{
    if (uri.starts_with('/') || uri == "*")
        return uri;
    const std::size_t scheme_end = uri.find("://");
    if (scheme_end == none || scheme_end == 0 || uri.find_first_of("/?#") != scheme_end + 1)
        return {};
    uri.remove_prefix(scheme_end + 3);
    uri.remove_prefix(std::min(uri.find_first_of("/?#"), uri.size()));
    if (uri.starts_with('/'))
        return uri;
    room.assign(1, '/').append(uri);
    return room;
}

fault check_method(const places& env)
{
    const std::string_view method = env[request_method];
    if (method.empty())
        return "REQUEST_METHOD is missing";
    if (!text::is_token(method))
        return complaint("REQUEST_METHOD", "is no token:", method);
    return std::nullopt;
}

fault check_content(places& env)
{
    // HTTP_CONTENT_LENGTH is not even a fallback: behind lighttpd a client can forge it as "Content_Length".
    env.drop(http_content_type);
    env.drop(http_content_length);
    env.drop(http_proxy);

    if (env[content_type].empty())
        env.drop(content_type);
    const std::string_view length = env[content_length];
    if (length.empty())
        env.drop(content_length);
    else if (!text::parse_number(length))
        return complaint("CONTENT_LENGTH", "is no number of bytes:", length);
    return std::nullopt;
}

fault mend_paths(places& env, const normalize_options& options)
{
    std::array<std::byte, 2048> stack;
    std::pmr::monotonic_buffer_resource memory(stack.data(), stack.size());
    std::pmr::string room(&memory);

    const std::string_view uri = origin_form(env[request_uri], room);
    const std::string_view raw_path = uri.substr(0, uri.find('?'));
    split_path path(env[script_name], env[path_info], &memory);
    if (path.whole().empty())
        path.derive(raw_path);
    if (!options.mount_point.empty())
        path.mount(options.mount_point);
    if (options.path_info_from_request_uri)
        path.restore_slashes(raw_path);

    if (path.whole().find('\0') != none)
        return complaint("the path", "holds a NUL byte:", path.whole());
    for (const variable v : {request_uri, query_string}) {
        if (env[v].find('\0') != none)
            return complaint(names[v], "holds a NUL byte:", env[v]);
    }

    // From here on `uri` and `raw_path` may point to what is gone.
    if (uri.empty()) {
        append_encoded(path.whole(), room);
        if (!env[query_string].empty())
            room.append(1, '?').append(env[query_string]);
        env.set(request_uri, room);
    } else {
        env.set(request_uri, uri);
    }
    if (!env.has(query_string)) {
        const std::size_t mark = env[request_uri].find('?');
        env.set(query_string, mark == none ? std::string_view() : env[request_uri].substr(mark + 1));
    }
    env.set(script_name, path.script_name());
    env.set(path_info, path.path_info());
    env.set_if_there(script_filename, without_proxy_prefix(env[script_filename]));
    return std::nullopt;
}

/// SERVER_NAME and SERVER_PORT (R6).
void mend_server(places& env, std::string_view scheme)
{
    const bool named = !split_host(env[server_name]).host.empty();
    if (!named || env[server_port].empty()) {
        const host_and_port asked = split_host(env[http_host]);
        const bool usable = is_plain_host(asked.host);

        // Until the last line SERVER_NAME may hold a port too.
        if (env[server_port].empty()) {
            std::string_view port = split_host(env[server_name]).port;
            if (port.empty() && usable)
                port = asked.port;
            if (port.empty())
                port = scheme == "https" ? "443" : "80";
            env.set(server_port, port);
        }
        if (!named) {
            const std::string_view address = env[server_addr];
            if (usable)
                env.set(server_name, env[http_host]);
            else if (address.find(':') != none && address.front() != '[') // RFC 3875 section 4.1.14
                env.set(server_name, std::string(1, '[').append(address).append(1, ']'));
            else
                env.set(server_name, address.empty() ? "localhost" : address);
        }
    }
    env.set(server_name, split_host(env[server_name]).host); // HAProxy sends host and port
}

fault run(environment& environment, const normalize_options& options)
{
    places env(environment);
    if (env.find()) {
        if (fault f = fold_repeats(environment))
            return f;
        env.find();
    }
    if (fault f = check_method(env))
        return f;
    if (fault f = check_content(env))
        return f;
    if (fault f = mend_paths(env, options))
        return f;
    if (!env[server_protocol].starts_with("HTTP/"))
        env.set(server_protocol, "HTTP/1.0"); // Apache says INCLUDED in a server-side include
    const std::string_view scheme = scheme_of(env[https], env[request_scheme]);
    env.set(request_scheme, scheme);
    mend_server(env, scheme);
    env.finish();
    return std::nullopt;
}

} // namespace

std::string complaint(std::string_view name, std::string_view words, std::string_view value)
{
    std::string line;
    if (text::has_control(name))
        text::append_quoted(name, line);
    else
        line += name;
    line.append(" ").append(words).append(" ");
    text::append_quoted(value, line);
    return line;
}

} // namespace normalizing

error_code normalize(environment& env, const normalize_options& options, std::string* why)
{
    if (const normalizing::fault f = normalizing::run(env, options)) {
        if (why != nullptr)
            *why = *f;
        return errc::bad_request;
    }
    return {};
}

} // namespace sluice
