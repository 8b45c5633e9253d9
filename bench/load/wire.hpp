// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The bytes a web server sends to a FastCGI responder (FastCGI 1.0, sections 3 and 5), and what a client sends to it.
namespace bench::wire {

constexpr std::size_t header_size = 8;
constexpr std::uint8_t version = 1;
constexpr std::uint16_t request_id = 1; // what every web server but HAProxy uses

enum class record_type : std::uint8_t {
    begin_request = 1,
    abort_request = 2,
    end_request = 3,
    params = 4,
    stdin_data = 5,
    stdout_data = 6,
    stderr_data = 7,
};

using parameters = std::vector<std::pair<std::string, std::string>>;

void append_record(std::string& out, record_type type, std::string_view content, std::size_t padding = 0);

struct request_target {
    std::string method = "GET";
    std::string path = "/hello"; // with its query
    std::string script;          // a CGI program's file: the variables are those of a request for it
    std::uint64_t body_size = 0;
};

// nginx's stock fastcgi_params and the headers of a curl. PATH_INFO is set and SCRIPT_NAME empty, as for an application
// that is mounted at the root; or, with a script, SCRIPT_NAME and SCRIPT_FILENAME are its own.
[[nodiscard]] parameters nginx_parameters(const request_target& target);

// BEGIN_REQUEST and PARAMS up to its end; the caller adds STDIN.
[[nodiscard]] std::string request_head(const request_target& target, bool keep);

// The same records for another request id.
[[nodiscard]] std::string with_id(std::string records, std::uint16_t id);

// A whole request without a body.
[[nodiscard]] std::string plain_request(const request_target& target, bool keep);

// The same for a web server, over HTTP/1.1 and a connection that is to be closed.
[[nodiscard]] std::string http_request(const request_target& target);

} // namespace bench::wire
