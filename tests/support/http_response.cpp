// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/http_response.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace sluice::test {

namespace {

bool same_name(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text)
{
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

void parse_status_line(std::string_view line, http_response& response)
{
    response = {};
    line = trimmed(line.substr(std::min(line.find(' '), line.size())));
    std::from_chars(line.data(), line.data() + line.size(), response.status);
    response.reason = trimmed(line.substr(std::min(line.find(' '), line.size())));
}

} // namespace

std::optional<std::string> http_response::header(std::string_view name) const
{
    const std::vector<std::string> all = all_headers(name);
    return all.empty() ? std::nullopt : std::optional(all.front());
}

std::vector<std::string> http_response::all_headers(std::string_view name) const
{
    std::vector<std::string> result;
    for (const auto& [each, value] : headers) {
        if (same_name(each, name))
            result.push_back(value);
    }
    return result;
}

http_response parse_response_head(std::string_view text)
{
    http_response response;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.starts_with("HTTP/"))
            parse_status_line(line, response);
        else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos)
            response.headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
    }
    return response;
}

} // namespace sluice::test
