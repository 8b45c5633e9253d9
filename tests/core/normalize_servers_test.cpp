// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Whole environments as web servers send them, and all that normalization makes of them.
#include <sluice/environment.hpp>

#include "core/captured_environments.hpp"
#include "core/normalize_support.hpp"
#include "support/catch.hpp"

#include <string>

using namespace sluice;
using namespace sluice::test;

namespace {

struct expectation {
    std::string_view capture;
    std::string_view mount_point;
    std::string_view changes; ///< as for `apply_lines`; all the rest has to stay as it was sent
};

constexpr std::string_view nginx_always = "-CONTENT_TYPE\n"
                                          "-SERVER_NAME\n"
                                          "SERVER_NAME=www.example.com\n";

std::string_view text_of(std::string_view capture)
{
    for (const test::capture& c : captures) {
        if (c.name == capture)
            return c.text;
    }
    FAIL("no capture of this name: " << capture);
    return {};
}

void check(const expectation& e, std::string_view more_changes = {})
{
    CAPTURE(e.capture, e.mount_point);
    environment env = environment_of(text_of(e.capture));
    environment expected = env;
    apply_lines(expected, more_changes);
    apply_lines(expected, e.changes);

    normalize_options options;
    options.mount_point = e.mount_point;
    std::string why;
    const error_code fault = normalize(env, options, &why);
    INFO(why);
    REQUIRE_FALSE(fault);
    CHECK(sorted_lines(env) == sorted_lines(expected));
    check_invariants(env);

    // Once is enough.
    REQUIRE_FALSE(normalize(env, options));
    CHECK(sorted_lines(env) == sorted_lines(expected));
}

} // namespace

TEST_CASE("R1-R16: behind Apache mod_fcgid")
{
    for (const expectation& e : {
             expectation{"mod_fcgid: path", "", ""},
             {"mod_fcgid: path", "/app/env.fcgi", ""},
             {"mod_fcgid: path", "/elsewhere", ""},
             {"mod_fcgid: slashes and escapes", "", "-PATH_INFO\nPATH_INFO=//foo//b%2cc/d"},
             {"mod_fcgid: repeated headers", "", ""},
             {"mod_fcgid: absolute form", "", "-REQUEST_URI\nREQUEST_URI=/app/env.fcgi/abs?q"},
         })
        check(e);
}

TEST_CASE("R1-R16: behind lighttpd")
{
    for (const expectation& e : {
             expectation{"lighttpd: path", "", ""},
             {"lighttpd: no path info", "", "PATH_INFO="},
             {"lighttpd: slashes and escapes", "", "-PATH_INFO\nPATH_INFO=//foo//b%2cc/d"},
             {"lighttpd: rewritten", "", ""},
             {"lighttpd at /: the root", "", "-SCRIPT_NAME\nSCRIPT_NAME=\nPATH_INFO=/"},
             {"lighttpd at /: the root", "/", "-SCRIPT_NAME\nSCRIPT_NAME=\nPATH_INFO=/"},
             {"lighttpd at /: path", "", ""},
             // It takes the first part of the path for the script, whatever that is.
             {"lighttpd at /: path", "/",
              "-SCRIPT_NAME\nSCRIPT_NAME=\n-PATH_INFO\nPATH_INFO=/app/path info/a"},
         })
        check(e);
}

TEST_CASE("R9: behind lighttpd, headers that differ only by - and _ are refused, not merged")
{
    environment env = environment_of(text_of("lighttpd: repeated and colliding headers"));
    REQUIRE(env.find("HTTP_X_FORWARDED_FOR", env.find("HTTP_X_FORWARDED_FOR") + 1) != env.size());
    environment without = env;

    std::string why;
    CHECK(normalize(env, {}, &why) == errc::bad_request);
    CHECK(why ==
          "HTTP_X_FORWARDED_FOR came twice from lighttpd, as from headers that differ only by - and _; "
          "the last is \"6.6.6.6\"");

    // It is that pair, and nothing else in the request.
    without.set("HTTP_X_FORWARDED_FOR", "10.0.0.1");
    environment expected = without;
    expected.erase("HTTP_CONTENT_LENGTH");
    REQUIRE_FALSE(normalize(without));
    CHECK(sorted_lines(without) == sorted_lines(expected));
}

TEST_CASE("R1-R16: behind nginx with the stock fastcgi_params")
{
    for (const expectation& e : {
             expectation{"nginx: path", "", "-CONTENT_LENGTH\nPATH_INFO="},
             {"nginx: path", "/app",
              "-CONTENT_LENGTH\n-SCRIPT_NAME\nSCRIPT_NAME=/app\nPATH_INFO=/path info/a"},
             {"nginx: path", "/", "-CONTENT_LENGTH\n-SCRIPT_NAME\nSCRIPT_NAME=\nPATH_INFO=/app/path info/a"},
             {"nginx: the root", "", "-CONTENT_LENGTH\n-SCRIPT_NAME\nSCRIPT_NAME=\nPATH_INFO=/"},
             {"nginx: slashes and escapes", "", "-CONTENT_LENGTH\nPATH_INFO="},
             {"nginx: slashes and escapes", "/app",
              "-CONTENT_LENGTH\n-SCRIPT_NAME\nSCRIPT_NAME=/app\nPATH_INFO=//foo//b%2cc/d"},
             {"nginx: slashes and escapes", "/",
              "-CONTENT_LENGTH\n-SCRIPT_NAME\nSCRIPT_NAME=\nPATH_INFO=//app//foo//b%2cc/d"},
             // The raw path and what nginx made of it do not agree: it stays without the dots.
             {"nginx: dots", "/app", "-CONTENT_LENGTH\n-SCRIPT_NAME\nSCRIPT_NAME=/app\nPATH_INFO=/c/d"},
             {"nginx: repeated headers", "/app",
              "-SCRIPT_NAME\nSCRIPT_NAME=/app\nPATH_INFO=/up\n"
              "-HTTP_COOKIE\nHTTP_COOKIE=a=1; b=2\n-HTTP_X_REP\nHTTP_X_REP=one, two\n"
              "-HTTP_PROXY\n-HTTP_CONTENT_LENGTH"},
             {"nginx: split, SCRIPT_NAME overridden", "",
              "-CONTENT_LENGTH\n-SCRIPT_NAME\nSCRIPT_NAME=/split/app\n-PATH_INFO\nPATH_INFO=//foo//b%2cc/d"},
         })
        check(e, nginx_always);
}

TEST_CASE("R1-R16: behind Apache mod_proxy_fcgi")
{
    for (const expectation& e : {
             expectation{"mod_proxy_fcgi: path", "",
                         "-SCRIPT_FILENAME\nSCRIPT_FILENAME=/srv/app/path%20info/a\nPATH_INFO="},
             {"mod_proxy_fcgi: path", "/pf",
              "-SCRIPT_FILENAME\nSCRIPT_FILENAME=/srv/app/path%20info/a\n"
              "-SCRIPT_NAME\nSCRIPT_NAME=/pf\nPATH_INFO=/path info/a"},
             {"mod_proxy_fcgi: slashes and escapes", "/pf/",
              "-SCRIPT_FILENAME\nSCRIPT_FILENAME=/srv/app/foo/b%252cc/d\n"
              "-SCRIPT_NAME\nSCRIPT_NAME=/pf\nPATH_INFO=//foo//b%2cc/d"},
         })
        check(e);
}

TEST_CASE("R1-R16: behind HAProxy")
{
    constexpr std::string_view always = "-SERVER_NAME\nSERVER_NAME=www.example.com\nREQUEST_SCHEME=http\n";
    for (const expectation& e : {
             expectation{"HAProxy: path", "", ""},
             {"HAProxy: slashes and escapes", "", "QUERY_STRING="},
             {"HAProxy: repeated headers", "",
              "PATH_INFO=\n-HTTP_COOKIE\nHTTP_COOKIE=a=1; b=2\n-HTTP_X_REP\nHTTP_X_REP=one, two"},
         })
        check(e, always);
}

TEST_CASE("R14: without the option PATH_INFO stays as sent")
{
    for (const std::string_view name : {"mod_fcgid: slashes and escapes", "lighttpd: slashes and escapes"}) {
        CAPTURE(name);
        environment env = environment_of(text_of(name));
        normalize_options options;
        options.path_info_from_request_uri = false;
        REQUIRE_FALSE(normalize(env, options));
        CHECK(env.path_info() == "/foo/b%2cc/d");
    }
}
