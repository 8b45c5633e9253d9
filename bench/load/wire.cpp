// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "wire.hpp"

#include <stdexcept>

namespace bench::wire {

namespace {

void append_length(std::string& out, std::size_t length)
{
    if (length < 128) {
        out.push_back(static_cast<char>(length));
        return;
    }
    out.push_back(static_cast<char>(0x80U | (length >> 24U)));
    out.push_back(static_cast<char>((length >> 16U) & 0xFFU));
    out.push_back(static_cast<char>((length >> 8U) & 0xFFU));
    out.push_back(static_cast<char>(length & 0xFFU));
}

} // namespace

void append_record(std::string& out, record_type type, std::string_view content, std::size_t padding)
{
    if (content.size() > 0xFFFFU || padding > 0xFFU)
        throw std::length_error("a record holds at most 65535 bytes and 255 of padding");
    out.push_back(static_cast<char>(version));
    out.push_back(static_cast<char>(type));
    out.push_back(static_cast<char>(request_id >> 8U));
    out.push_back(static_cast<char>(request_id & 0xFFU));
    out.push_back(static_cast<char>(content.size() >> 8U));
    out.push_back(static_cast<char>(content.size() & 0xFFU));
    out.push_back(static_cast<char>(padding));
    out.push_back('\0');
    out.append(content);
    out.append(padding, '\0');
}

parameters nginx_parameters(const request_target& target)
{
    const auto question = target.path.find('?');
    const std::string path = target.path.substr(0, question);
    const std::string query =
        question == std::string::npos ? std::string{} : target.path.substr(question + 1);
    const bool has_body = target.method == "POST" || target.method == "PUT";

    parameters out{
        {"QUERY_STRING", query},
        {"REQUEST_METHOD", target.method},
        {"CONTENT_TYPE", has_body ? "application/octet-stream" : ""},
        {"CONTENT_LENGTH", has_body ? std::to_string(target.body_size) : ""},
        {"REQUEST_URI", target.path},
        {"DOCUMENT_URI", path},
        {"SERVER_PROTOCOL", "HTTP/1.1"},
        {"REQUEST_SCHEME", "http"},
        {"GATEWAY_INTERFACE", "CGI/1.1"},
        {"SERVER_SOFTWARE", "nginx/1.22.1"},
        {"REMOTE_ADDR", "127.0.0.1"},
        {"REMOTE_PORT", "51234"},
        {"REMOTE_USER", ""},
        {"SERVER_ADDR", "127.0.0.1"},
        {"SERVER_PORT", "8080"},
        {"SERVER_NAME", "localhost"},
        {"REDIRECT_STATUS", "200"},
        {"HTTP_HOST", "localhost:8080"},
        {"HTTP_USER_AGENT", "curl/7.88.1"},
        {"HTTP_ACCEPT", "*/*"},
    };
    if (target.script.empty()) {
        out.insert(out.end(),
                   {{"SCRIPT_NAME", ""}, {"PATH_INFO", path}, {"DOCUMENT_ROOT", "/usr/share/nginx/html"}});
    } else {
        const auto slash = target.script.rfind('/');
        out.insert(out.end(), {{"SCRIPT_NAME", target.script.substr(slash)},
                               {"SCRIPT_FILENAME", target.script},
                               {"DOCUMENT_ROOT", target.script.substr(0, slash)}});
    }
    return out;
}

std::string request_head(const request_target& target, bool keep)
{
    constexpr char role_responder = 1;
    constexpr char flag_keep_conn = 1;
    const char begin[8] = {0, role_responder, keep ? flag_keep_conn : '\0', 0, 0, 0, 0, 0};

    std::string content;
    for (const auto& [name, value] : nginx_parameters(target)) {
        append_length(content, name.size());
        append_length(content, value.size());
        content.append(name).append(value);
    }

    std::string out;
    append_record(out, record_type::begin_request, {begin, sizeof begin});
    append_record(out, record_type::params, content, (8 - content.size() % 8) % 8);
    append_record(out, record_type::params, {});
    return out;
}

std::string with_id(std::string records, std::uint16_t id)
{
    const auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(records[at])}; };
    for (std::size_t at = 0; at + header_size <= records.size();
         at += header_size + (byte(at + 4) << 8U | byte(at + 5)) + byte(at + 6))
    {
        records[at + 2] = static_cast<char>(id >> 8U);
        records[at + 3] = static_cast<char>(id & 0xFFU);
    }
    return records;
}

std::string plain_request(const request_target& target, bool keep)
{
    std::string out = request_head(target, keep);
    append_record(out, record_type::stdin_data, {});
    return out;
}

std::string http_request(const request_target& target)
{
    return target.method + " " + target.path +
           " HTTP/1.1\r\n"
           "Host: localhost:8080\r\n"
           "User-Agent: curl/7.88.1\r\n"
           "Accept: */*\r\n"
           "Connection: close\r\n\r\n";
}

} // namespace bench::wire
