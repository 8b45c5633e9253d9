// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/environment.hpp>

#include "support/catch.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// Adds what "NAME=value" lines say; a line "-NAME" removes a variable instead. Empty lines say nothing.
inline void apply_lines(environment& env, std::string_view lines)
{
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.empty())
            continue;
        const std::size_t equals = line.find('=');
        if (line.front() == '-') {
            INFO("a removed variable has to be there: " << line);
            REQUIRE(env.erase(line.substr(1)) > 0);
        } else {
            REQUIRE(equals != std::string_view::npos);
            env.add(line.substr(0, equals), line.substr(equals + 1));
        }
    }
}

inline environment environment_of(std::string_view lines)
{
    environment env;
    apply_lines(env, lines);
    return env;
}

inline std::vector<std::string> sorted_lines(const environment& env)
{
    std::vector<std::string> lines;
    for (const field f : env)
        lines.push_back(std::string(f.name) + "=" + std::string(f.value));
    std::sort(lines.begin(), lines.end());
    return lines;
}

/// What every app may rely on, behind whatever server.
inline void check_invariants(const environment& env)
{
    const auto starts_with_slash = [](std::string_view s) { return !s.empty() && s.front() == '/'; };

    CHECK_FALSE(env.method().empty());                                          // R1
    CHECK((env.script_name().empty() || starts_with_slash(env.script_name()))); // R2
    CHECK(env.script_name() != "/");                                            // R2
    CHECK((env.path_info().empty() || starts_with_slash(env.path_info())));     // R3
    CHECK_FALSE((env.script_name().empty() && env.path_info().empty()));        // R3
    CHECK((starts_with_slash(env.request_uri()) || env.request_uri() == "*"));  // R4
    CHECK(env.contains("QUERY_STRING"));                                        // R5
    CHECK_FALSE(env.get("SERVER_NAME").empty());                                // R6
    CHECK_FALSE(env.get("SERVER_PORT").empty());                                // R6
    CHECK(env.get("SERVER_PROTOCOL").substr(0, 5) == "HTTP/");                  // R7
    CHECK(env.contains("CONTENT_LENGTH") == env.content_length().has_value());  // R8
    CHECK(env.contains("CONTENT_TYPE") == !env.get("CONTENT_TYPE").empty());    // R8
    CHECK_FALSE(env.contains("HTTP_CONTENT_TYPE"));                             // R10
    CHECK_FALSE(env.contains("HTTP_CONTENT_LENGTH"));                           // R10
    CHECK_FALSE(env.contains("HTTP_PROXY"));                                    // R10
    CHECK((env.scheme() == "http" || env.scheme() == "https"));                 // R11
    CHECK(env.get("REQUEST_SCHEME") == env.scheme());                           // R11

    std::set<std::string_view> names; // R9, R16
    for (const field f : env) {
        INFO("twice: " << f.name);
        CHECK(names.insert(f.name).second);
    }
}

/// The least a server sends, with what the case says on top.
inline environment request_with(std::string_view lines)
{
    environment env = environment_of(lines);
    if (!env.contains("REQUEST_METHOD"))
        env.add("REQUEST_METHOD", "GET");
    return env;
}

/// The same after a normalization that has to succeed.
inline environment normalized(std::string_view lines, const normalize_options& options = {})
{
    environment env = request_with(lines);
    std::string why;
    const error_code fault = normalize(env, options, &why);
    INFO(why);
    REQUIRE_FALSE(fault);
    check_invariants(env);
    return env;
}

/// Why the environment is refused.
inline std::string refusal(environment env)
{
    std::string why = "not refused";
    CHECK(normalize(env, {}, &why) == errc::bad_request);
    environment again = env;
    CHECK(normalize(again) == errc::bad_request); // also when nobody asks why
    return why;
}

} // namespace sluice::test
