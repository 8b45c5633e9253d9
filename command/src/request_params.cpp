// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "request_params.hpp"

#include <fmt/core.h>

#include <stdexcept>

namespace sluice::command {

field_list request_params(const request_target& target, const std::vector<std::string>& given)
{
    const std::string_view uri = target.uri;
    const auto mark = uri.find('?');
    const auto path = uri.substr(0, mark);

    field_list p;
    p.add("QUERY_STRING", mark == uri.npos ? std::string_view() : uri.substr(mark + 1));
    p.add("REQUEST_METHOD", target.method);
    p.add("CONTENT_TYPE", "");
    p.add("CONTENT_LENGTH", target.content_length ? std::to_string(*target.content_length) : std::string());
    p.add("SCRIPT_NAME", path);
    p.add("REQUEST_URI", uri);
    p.add("DOCUMENT_URI", path);
    p.add("DOCUMENT_ROOT", "/var/www/html");
    p.add("SERVER_PROTOCOL", "HTTP/1.1");
    p.add("REQUEST_SCHEME", "http");
    p.add("GATEWAY_INTERFACE", "CGI/1.1");
    p.add("SERVER_SOFTWARE", "sluice/" SLUICE_VERSION);
    p.add("REMOTE_ADDR", "127.0.0.1");
    p.add("REMOTE_PORT", "50000");
    p.add("REMOTE_USER", "");
    p.add("SERVER_ADDR", "127.0.0.1");
    p.add("SERVER_PORT", "80");
    p.add("SERVER_NAME", "localhost");
    p.add("REDIRECT_STATUS", "200"); // php-cgi serves nothing without it
    p.add("HTTP_HOST", "localhost");

    for (const std::string_view pair : given) {
        const auto equals = pair.find('=');
        if (equals == pair.npos || equals == 0)
            throw std::invalid_argument(fmt::format(
                "--param {}: must be NAME=VALUE, as in SCRIPT_FILENAME=/srv/app/index.php", pair));
        p.set(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return p;
}

} // namespace sluice::command
