// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/environment.hpp>

#include "support/catch.hpp"

#include <string>

using sluice::environment;

namespace {

struct pair {
    const char* name;
    const char* value;
};

environment make(std::initializer_list<pair> pairs)
{
    environment env;
    for (const pair& p : pairs)
        env.add(p.name, p.value);
    return env;
}

} // namespace

TEST_CASE("R9: a header is found by its HTTP name in any case")
{
    const environment env = make({{"HTTP_USER_AGENT", "curl"},
                                  {"HTTP_X", "one letter"},
                                  {"HTTP_X_FORWARDED_FOR", "10.0.0.1"},
                                  {"HTTP_", "no name"},
                                  {"CONTENT_TYPE", "text/plain"},
                                  {"CONTENT_LENGTH", "5"},
                                  {"USER_AGENT", "no header"},
                                  {"HTTP_x_lower", "no server sends this"},
                                  {"HTTP_X-DASH", "nor this"}});
    struct {
        const char* name;
        const char* value;
    } const cases[] = {
        {"user-agent", "curl"},
        {"User-Agent", "curl"},
        {"USER-AGENT", "curl"},
        {"User_Agent", "curl"},
        {"X", "one letter"},
        {"x-forwarded-for", "10.0.0.1"},
        {"Content-Type", "text/plain"},
        {"CONTENT-LENGTH", "5"},
        {"", "no name"},
        {"agent", ""},
        {"user-agen", ""},
        {"user-agents", ""},
        {"user agent", ""},
        {"HTTP_USER_AGENT", ""},
        {"X-Lower", ""},
        {"x-dash", ""},
    };
    for (const auto& c : cases) {
        CAPTURE(c.name);
        CHECK(env.header(c.name) == c.value);
    }
}

TEST_CASE("R11: the scheme is http or https")
{
    struct {
        const char* https;          // nullptr: not there
        const char* request_scheme; // nullptr: not there
        const char* scheme;
    } const cases[] = {
        {nullptr, nullptr, "http"},  {nullptr, "http", "http"},   {nullptr, "https", "https"},
        {nullptr, "HTTPS", "https"}, {nullptr, "gopher", "http"}, {"on", nullptr, "https"},
        {"ON", nullptr, "https"},    {"1", nullptr, "https"},     {"on", "http", "https"},
        {"off", nullptr, "http"},    {"", nullptr, "http"},       {"0", "http", "http"},
        {"10", nullptr, "http"},     {"off", "https", "https"},   {"once", nullptr, "http"},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.https ? c.https : "-"), std::string(c.request_scheme ? c.request_scheme : "-"));
        environment env;
        if (c.https)
            env.add("HTTPS", c.https);
        if (c.request_scheme)
            env.add("REQUEST_SCHEME", c.request_scheme);
        CHECK(env.scheme() == c.scheme);
    }
}

TEST_CASE("R8: the announced length is a number or nothing")
{
    struct {
        const char* text;
        bool known;
        std::uint64_t length;
    } const cases[] = {
        {"0", true, 0},
        {"5", true, 5},
        {"0005", true, 5},
        {"18446744073709551615", true, 18446744073709551615U},
        {"18446744073709551616", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+5", false, 0},
        {" 5", false, 0},
        {"5 ", false, 0},
        {"5, 5", false, 0},
        {"0x5", false, 0},
        {"5e3", false, 0},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.text));
        const auto length = make({{"CONTENT_LENGTH", c.text}}).content_length();
        CHECK(length.has_value() == c.known);
        CHECK(length.value_or(0) == c.length);
    }
    CHECK_FALSE(environment().content_length().has_value());
}

TEST_CASE("R13: the app's own variables live beside the server's")
{
    environment env = make({{"REQUEST_METHOD", "GET"}, {"SCRIPT_NAME", "/app"}, {"PATH_INFO", "/x"}});
    env.set("myapp.user", "ann");
    env.set("PATH_INFO", "/changed");
    CHECK(env.get("myapp.user") == "ann");
    CHECK(env.path_info() == "/changed");
    CHECK(env.method() == "GET");
    CHECK(env.script_name() == "/app");
    CHECK(env.query_string().empty());
    CHECK(env.request_uri().empty());
    CHECK_FALSE(env.contains("MYAPP.USER")); // variables are told apart by case
}
