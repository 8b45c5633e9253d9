// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/probe_client.hpp"

#include "support/catch.hpp"
#include "support/curl.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::test {

namespace {

constexpr std::string_view unit = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY";

const std::string& long_pattern()
{
    static const std::string text = [] {
        std::string result;
        while (result.size() < 64 * 1024)
            result += unit;
        return result;
    }();
    return text;
}

std::uint64_t number(const std::string& json, const std::string& key)
{
    const std::string label = "\"" + key + "\":";
    const std::size_t at = json.find(label);
    INFO("looking for " << key << " in " << json);
    REQUIRE(at != std::string::npos);
    std::uint64_t value = 0;
    const char* first = json.data() + json.find_first_not_of(' ', at + label.size());
    const auto [end, error] = std::from_chars(first, json.data() + json.size(), value);
    REQUIRE(error == std::errc());
    return value;
}

} // namespace

bool is_probe_content(std::string_view piece, std::uint64_t offset)
{
    // Compared in long runs, since the main job looks at gigabytes.
    while (!piece.empty()) {
        const std::size_t start = offset % unit.size();
        const std::size_t length = std::min(piece.size(), long_pattern().size() - start);
        if (piece.substr(0, length) != std::string_view(long_pattern()).substr(start, length))
            return false;
        piece.remove_prefix(length);
        offset += length;
    }
    return true;
}

std::string probe_content(std::size_t size)
{
    std::string result;
    while (result.size() < size)
        result += long_pattern().substr(0, size - result.size());
    return result;
}

std::map<std::string, std::string> parse_environment(const std::string& body)
{
    std::map<std::string, std::string> result;
    std::string previous;
    for (std::size_t at = 0; at < body.size();) {
        const std::size_t end = std::min(body.find('\n', at), body.size());
        const std::string line = body.substr(at, end - at);
        at = end + 1;
        const std::size_t equals = line.find('=');
        INFO("line: " << line);
        REQUIRE(equals != std::string::npos);
        const std::string name = line.substr(0, equals);
        CHECK(previous < name); // sorted, and every name once
        previous = name;
        result[name] = line.substr(equals + 1);
    }
    return result;
}

probe_stats fetch_stats(const site& site)
{
    const curl_result result = curl(site.url("/stats"));
    INFO(result.errors);
    REQUIRE(result.exit_code == 0);
    REQUIRE(result.response.status == 200);
    const std::string& json = result.response.body;
    probe_stats stats;
    stats.blocks_total = number(json, "total");
    stats.blocks_in_use = number(json, "in_use");
    stats.blocks_peak = number(json, "peak");
    stats.block_size = number(json, "block_size");
    stats.peak_held = number(json, "peak_held");
    stats.requests = number(json, "requests");
    stats.active = number(json, "active");
    stats.client_gone = number(json, "client_gone");
    stats.pid = static_cast<pid_t>(number(json, "pid"));
    return stats;
}

} // namespace sluice::test
