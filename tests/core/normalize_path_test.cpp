// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/environment.hpp>

#include "core/normalize_support.hpp"
#include "support/catch.hpp"

#include <string>

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;

TEST_CASE("R2, R3, R4, R15: what servers split how becomes SCRIPT_NAME and PATH_INFO")
{
    struct {
        const char* sent;
        const char* script_name;
        const char* path_info;
        const char* request_uri;
    } const cases[] = {
        // The root, in all its forms.
        {"SCRIPT_NAME=/\nREQUEST_URI=/", "", "/", "/"},
        {"SCRIPT_NAME=/\nPATH_INFO=\nREQUEST_URI=/", "", "/", "/"},
        {"SCRIPT_NAME=\nPATH_INFO=/\nREQUEST_URI=/", "", "/", "/"},
        {"SCRIPT_NAME=/\nPATH_INFO=/\nREQUEST_URI=/", "", "/", "/"},
        {"REQUEST_URI=/", "", "/", "/"},
        {"", "", "/", "/"},
        {"SCRIPT_NAME=\nPATH_INFO=", "", "/", "/"},
        {"REQUEST_URI=/?x=1", "", "/", "/?x=1"},
        // SCRIPT_NAME is never just "/".
        {"SCRIPT_NAME=/\nPATH_INFO=/x\nREQUEST_URI=/x", "", "/x", "/x"},
        {"SCRIPT_NAME=/\nPATH_INFO=x\nREQUEST_URI=/x", "", "/x", "/x"},
        {"SCRIPT_NAME=//\nREQUEST_URI=//", "", "//", "//"},
        // The slash between the two belongs to PATH_INFO.
        {"SCRIPT_NAME=/app/\nPATH_INFO=x\nREQUEST_URI=/app/x", "/app", "/x", "/app/x"},
        {"SCRIPT_NAME=/app/\nPATH_INFO=/x\nREQUEST_URI=/app/x", "/app", "/x", "/app/x"},
        {"SCRIPT_NAME=/app/\nREQUEST_URI=/app/", "/app/", "", "/app/"},
        // A slash in front is added.
        {"SCRIPT_NAME=app\nPATH_INFO=x\nREQUEST_URI=/app/x", "/app", "/x", "/app/x"},
        {"SCRIPT_NAME=app\nREQUEST_URI=/app", "/app", "", "/app"},
        {"PATH_INFO=x\nREQUEST_URI=/x", "", "/x", "/x"},
        // Neither was sent (authorizers behind lighttpd): the path comes from REQUEST_URI, decoded.
        {"REQUEST_URI=/a%20b%2Fc//d?x=%20", "", "/a b/c//d", "/a%20b%2Fc//d?x=%20"},
        {"REQUEST_URI=/100%/%4/%zz/%41%", "", "/100%/%4/%zz/A%", "/100%/%4/%zz/%41%"},
        // Request targets other than a path (RFC 9112 section 3.2).
        {"REQUEST_METHOD=OPTIONS\nREQUEST_URI=*", "", "/", "*"},
        {"REQUEST_METHOD=OPTIONS\nREQUEST_URI=*\nSCRIPT_NAME=*", "", "/", "*"},
        {"REQUEST_METHOD=OPTIONS\nREQUEST_URI=*\nPATH_INFO=*", "", "/", "*"},
        {"REQUEST_URI=http://example.com/a/b?c=/d", "", "/a/b", "/a/b?c=/d"},
        {"REQUEST_URI=https://example.com:8443", "", "/", "/"},
        {"REQUEST_URI=http://example.com?x=1", "", "/", "/?x=1"},
        {"REQUEST_URI=http://u:p@[::1]:80/a", "", "/a", "/a"},
        {"REQUEST_METHOD=CONNECT\nREQUEST_URI=example.com:443", "", "/", "/"},
        {"REQUEST_URI=/go?to=http://example.com/a", "", "/go", "/go?to=http://example.com/a"},
        {"REQUEST_URI=go?to=http://example.com/a\nQUERY_STRING=x=1", "", "/", "/?x=1"},
        // No REQUEST_URI: rebuilt from the rest, encoded.
        {"SCRIPT_NAME=/app\nPATH_INFO=/x", "/app", "/x", "/app/x"},
        {"SCRIPT_NAME=/app\nPATH_INFO=/a b?c%d#\xc3\xa9\x01\nQUERY_STRING=x=%20", "/app",
         "/a b?c%d#\xc3\xa9\x01", "/app/a%20b%3Fc%25d%23%C3%A9%01?x=%20"},
        {"SCRIPT_NAME=/app\nREQUEST_URI=", "/app", "", "/app"},
        {"PATH_INFO=/-._~!$&'()*+,;=:@/", "", "/-._~!$&'()*+,;=:@/", "/-._~!$&'()*+,;=:@/"},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.sent));
        const environment env = normalized(c.sent);
        CHECK(env.script_name() == c.script_name);
        CHECK(env.path_info() == c.path_info);
        CHECK(env.request_uri() == c.request_uri);
    }
}

TEST_CASE("R3: a NUL byte in the path or query is refused, wherever it came from")
{
    const std::string nul(1, '\0');
    CHECK(refusal(request_with("PATH_INFO=/a" + nul + "b")) == R"(the path holds a NUL byte: "/a\x00b")");
    CHECK(refusal(request_with("SCRIPT_NAME=/a" + nul + "b\nPATH_INFO=/c")) ==
          R"(the path holds a NUL byte: "/a\x00b/c")");
    CHECK(refusal(request_with("REQUEST_URI=/a%00b")) == R"(the path holds a NUL byte: "/a\x00b")");
    CHECK(refusal(request_with("PATH_INFO=/a\nREQUEST_URI=/a?" + nul)) ==
          R"(REQUEST_URI holds a NUL byte: "/a?\x00")");
    CHECK(refusal(request_with("QUERY_STRING=" + nul)) == R"(QUERY_STRING holds a NUL byte: "\x00")");
    // Encoded, it is only text as long as nobody decodes it.
    CHECK(normalized("PATH_INFO=/a\nREQUEST_URI=/a%00b").path_info() == "/a");
}

TEST_CASE("R5: QUERY_STRING is always there")
{
    struct {
        const char* sent;
        const char* query;
    } const cases[] = {
        {"REQUEST_URI=/a", ""},
        {"REQUEST_URI=/a?", ""},
        {"REQUEST_URI=/a?x=1?y", "x=1?y"},
        {"REQUEST_URI=http://h/a?x=1", "x=1"},
        {"REQUEST_URI=/a?x=1\nQUERY_STRING=", ""}, // rewritten by the server
        {"REQUEST_URI=/a?x=1\nQUERY_STRING=y=2", "y=2"},
        {"SCRIPT_NAME=/a", ""},
        {"", ""},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.sent));
        CHECK(normalized(c.sent).query_string() == c.query);
    }
}

TEST_CASE("R14: PATH_INFO is rebuilt where REQUEST_URI agrees with it but for folded slashes")
{
    struct {
        const char* script_name;
        const char* sent;
        const char* request_uri;
        const char* path_info;
    } const cases[] = {
        {"/app", "/x", "/app/x", "/x"},
        {"/app", "/x/y", "/app//x///y", "//x///y"},
        {"/app", "/x", "//app/x", "/x"},
        {"/a/b", "/x", "/a//b//x", "//x"},
        {"", "/x", "//x", "//x"},
        {"/app", "/", "/app//", "//"},
        {"/app", "/x/", "/app/x///", "/x///"},
        {"/app", "/a b", "/app//a%20b", "//a b"},
        {"/a b", "/x", "/a%20b//x", "//x"},
        {"/app", "/x/y", "/app/x%2fy", "/x/y"},
        {"/app", "/x/y", "/app/x%2F%2fy", "/x//y"},
        {"/app", "/x", "/app%2f%2fx", "//x"},
        {"/app", "/b%2cc/d", "/app//b%252cc%2fd", "//b%2cc/d"}, // decoded once
        {"/app", "/100%/%zz/y", "/app//100%/%zz/y", "//100%/%zz/y"},
        {"/app", "/x", "/app//x?y=//z", "//x"},
        {"/app", "/x", "http://example.com/app//x", "//x"},
        {"/app", "//x", "/app//x", "//x"}, // not folded: HAProxy
        {"/app", "//x", "/app/x", "/x"},   // the client's word counts
        {"/app", "/\xc3\xa9", "/app//%C3%A9", "//\xc3\xa9"},
        // No agreement: as sent.
        {"/app", "/y", "/app//x", "/y"},      // rewritten
        {"/app", "/x", "/other//x", "/x"},    // rewritten
        {"/app", "/c", "/app//b/../c", "/c"}, // dots taken out
        {"/app", "/x", "/app//x/y", "/x"},
        {"/app", "/x/y", "/app//x", "/x/y"},
        {"/app", "/x", "/app//X", "/x"},
        {"/app", "/x", "/app//.", "/x"},
        {"/app", "/b%252c", "/app//b%252c", "/b%252c"}, // a server that does not decode
        {"/app", "/b,", "/app//b%252c", "/b,"},         // one that decodes twice
        {"/app", "/x", "/app//x/", "/x"},
        {"/app", "/x/", "/app//x", "/x/"},
        {"/app", "/x", "/app//x%20", "/x"},
        {"/app", "/x", "*", "/x"},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.script_name), std::string(c.sent), std::string(c.request_uri));
        environment env = request_with("");
        env.add("SCRIPT_NAME", c.script_name);
        env.add("PATH_INFO", c.sent);
        env.add("REQUEST_URI", c.request_uri);
        environment off = env;
        REQUIRE_FALSE(normalize(env));
        CHECK(env.path_info() == c.path_info);
        CHECK(env.script_name() == c.script_name);
        check_invariants(env);

        normalize_options options;
        options.path_info_from_request_uri = false;
        REQUIRE_FALSE(normalize(off, options));
        CHECK(off.path_info() == c.sent);
    }
}

TEST_CASE("R15: a configured mount point mends a wrong split")
{
    struct {
        const char* mount_point;
        const char* script_name;
        const char* sent;
        const char* expected_script_name;
        const char* path_info;
    } const cases[] = {
        // nginx and mod_proxy_fcgi send all of the path as SCRIPT_NAME.
        {"/app", "/app/x/y", "", "/app", "/x/y"},
        {"/app", "/app", "", "/app", ""},
        {"/app", "/app/", "", "/app", "/"},
        {"/app/", "/app/x", "", "/app", "/x"},
        {"app", "/app/x", "", "/app", "/x"},
        {"/a/b", "/a/b/c", "", "/a/b", "/c"},
        {"/a b", "/a b/c", "", "/a b", "/c"},
        {"/", "/app/x", "", "", "/app/x"},
        {"/", "/", "", "", "/"},
        // Others split at the wrong place.
        {"/", "/app", "/x", "", "/app/x"},
        {"/a/b", "/a", "/b/c", "/a/b", "/c"},
        {"/a/b", "/a", "/b", "/a/b", ""},
        {"/a", "/a/b", "/c", "/a", "/b/c"},
        {"/a", "", "/a/b", "/a", "/b"},
        // Right already.
        {"/app", "/app", "/x", "/app", "/x"},
        {"/", "", "/x", "", "/x"},
        // Not under the mount point: the server's word.
        {"/app", "/application/x", "", "/application/x", ""},
        {"/app", "/other", "/x", "/other", "/x"},
        {"/app", "/", "", "", "/"},
        {"/app/x", "/app", "", "/app", ""},
        {"/app", "/ap", "/p/x", "/ap", "/p/x"},
        // None configured.
        {"", "/app/x", "", "/app/x", ""},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.mount_point), std::string(c.script_name), std::string(c.sent));
        normalize_options options;
        options.mount_point = c.mount_point;
        const environment env =
            normalized("SCRIPT_NAME="s + c.script_name + "\nPATH_INFO=" + c.sent, options);
        CHECK(env.script_name() == c.expected_script_name);
        CHECK(env.path_info() == c.path_info);
    }
}

TEST_CASE("R15: Apache's proxy prefix is stripped off SCRIPT_FILENAME")
{
    struct {
        const char* sent;
        const char* expected;
    } const cases[] = {
        {"proxy:fcgi://127.0.0.1:9000/srv/app/x", "/srv/app/x"},
        {"proxy:fcgi://[::1]:9000/srv/app/foo%20bar", "/srv/app/foo%20bar"},
        {"proxy:fcgi://localhost/srv/app/x?q=/1", "/srv/app/x"},
        {"proxy:balancer://pool/srv/app/x", "/srv/app/x"},
        {"proxy:balancer://pool/srv/app/x?q=1", "/srv/app/x"},
        {"proxy:fcgi://127.0.0.1:9000", ""},
        {"proxy:http://h/x", "proxy:http://h/x"},
        {"/srv/app/proxy:fcgi://h/x", "/srv/app/proxy:fcgi://h/x"},
        {"/srv/app/what?", "/srv/app/what?"},
        {"", ""},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.sent));
        CHECK(normalized("SCRIPT_FILENAME="s + c.sent).get("SCRIPT_FILENAME") == c.expected);
    }
    CHECK_FALSE(normalized("").contains("SCRIPT_FILENAME"));
}
