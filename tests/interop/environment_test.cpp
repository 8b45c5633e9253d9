// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// What an app finds in its environment, whatever the server in front sends.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"

namespace sluice::test {

namespace {

using variables = std::map<std::string, std::string>;

variables environment_of(const site& site, const std::string& path_and_query,
                         const std::vector<std::string>& arguments = {})
{
    const curl_result result = curl(site.url(path_and_query), arguments);
    INFO(result.errors << "\n" << result.response.body);
    REQUIRE(result.complete());
    REQUIRE(result.response.status == 200);
    return parse_environment(result.response.body);
}

std::string value(const variables& all, const std::string& name)
{
    const auto found = all.find(name);
    return found == all.end() ? "(absent)" : found->second;
}

void request_variables(const front_server& front)
{
    const auto site = front.start({});
    const variables env = environment_of(*site, "/env/a%20b/c?x=1&y=%20");
    CHECK(value(env, "REQUEST_METHOD") == "GET");                                            // R1
    CHECK(value(env, "SCRIPT_NAME") == mount_point);                                         // R2
    CHECK(value(env, "PATH_INFO") == "/env/a b/c");                                          // R3
    CHECK(value(env, "REQUEST_URI") == std::string(mount_point) + "/env/a%20b/c?x=1&y=%20"); // R4
    CHECK(value(env, "QUERY_STRING") == "x=1&y=%20");                                        // R5
    CHECK(value(env, "SERVER_NAME") == "127.0.0.1");                                         // R6
    CHECK(value(env, "SERVER_PORT") == std::to_string(site->port.number()));
    CHECK(value(env, "SERVER_PROTOCOL") == "HTTP/1.1"); // R7
    CHECK(value(env, "GATEWAY_INTERFACE") == "CGI/1.1");
    CHECK(value(env, "REMOTE_ADDR") == "127.0.0.1");
    CHECK(value(env, "REQUEST_SCHEME") == "http"); // R11
    CHECK(value(env, "HTTPS") == "(absent)");
    // R15. nginx's own fastcgi_params have none, and mod_proxy_fcgi's is all of the path.
    if (front.family == server_family::nginx)
        CHECK(value(env, "SCRIPT_FILENAME") == "(absent)");
    else if (front.name == "apache mod_proxy_fcgi")
        CHECK(value(env, "SCRIPT_FILENAME") == "/env/a%20b/c");
    else
        CHECK(value(env, "SCRIPT_FILENAME").ends_with("/probe"));
}
const on_each_server<request_variables> request_variables_tests("R1-R7, R11, R15: variables of a request");

void mounted_at_root(const front_server& front)
{
    const auto site = front.start({.mount = ""});
    const variables env = environment_of(*site, "/env/x?y");
    CHECK(value(env, "SCRIPT_NAME").empty());
    CHECK(env.contains("SCRIPT_NAME"));
    CHECK(value(env, "PATH_INFO") == "/env/x");
    CHECK(value(env, "REQUEST_URI") == "/env/x?y");
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<mounted_at_root> mounted_at_root_tests("R2, R4, R15: mounted at the root");

void empty_query(const front_server& front)
{
    const auto site = front.start({});
    CHECK(value(environment_of(*site, "/env"), "QUERY_STRING").empty());
    CHECK(value(environment_of(*site, "/env?"), "QUERY_STRING").empty());
}
const on_each_server<empty_query> empty_query_tests("R5: QUERY_STRING is there when empty");

// A query without "=" becomes the arguments of a CGI program (RFC 3875 section 4.4): a client must
// not get at the program's flags that way.
void query_is_no_argument(const front_server& front)
{
    const auto site = front.start({});
    for (const std::string query :
         {"x", "--help", "--version", "--no-such-flag", "--threads+0", "--fastcgi+nonsense"})
    {
        INFO(query);
        const curl_result result = curl(site->url("/hello?" + query));
        CHECK(result.response.status == 200);
        CHECK(result.response.body == "Hello, world!");
    }
}
const on_each_server<query_is_no_argument> query_is_no_argument_tests("R5: a query is no command line");

void content_mirrors(const front_server& front)
{
    const auto site = front.start({});
    const variables with_body =
        environment_of(*site, "/env", {"--data-binary", "abc", "-H", "Content-Type: text/x-test"});
    CHECK(value(with_body, "REQUEST_METHOD") == "POST");
    CHECK(value(with_body, "CONTENT_LENGTH") == "3");
    CHECK(value(with_body, "CONTENT_TYPE") == "text/x-test");
    CHECK(value(with_body, "HTTP_CONTENT_TYPE") == "(absent)");
    CHECK(value(with_body, "HTTP_CONTENT_LENGTH") == "(absent)");

    const variables without = environment_of(*site, "/env");
    CHECK(value(without, "CONTENT_TYPE") == "(absent)");
    // Servers announce a GET's missing body or leave it out; both say the same.
    const std::string length = value(without, "CONTENT_LENGTH");
    CHECK((length == "0" || length == "(absent)"));
}
const on_each_server<content_mirrors> content_mirrors_tests("R8, R10: CONTENT_TYPE and CONTENT_LENGTH");

void headers(const front_server& front)
{
    const auto site = front.start({});
    const variables env = environment_of(*site, "/env",
                                         {"-H", "X-Twice: one", "-H", "X-Twice: two", "-H",
                                          "X-Some-Header: some value", "-H", "User-Agent: interop", "-H",
                                          "Cookie: a=1; b=2", "-H", "Proxy: http://evil.example/"});
    CHECK(value(env, "HTTP_X_TWICE") == "one, two");
    CHECK(value(env, "HTTP_X_SOME_HEADER") == "some value");
    CHECK(value(env, "HTTP_USER_AGENT") == "interop");
    CHECK(value(env, "HTTP_COOKIE") == "a=1; b=2");
    CHECK(value(env, "HTTP_PROXY") == "(absent)"); // R10: httpoxy
    // Debian's fastcgi_params of nginx leave out the port.
    if (front.family != server_family::nginx || value(env, "HTTP_HOST") != "127.0.0.1")
        CHECK(value(env, "HTTP_HOST") == "127.0.0.1:" + std::to_string(site->port.number()));
}
const on_each_server<headers> headers_tests("R9, R10: request headers");

// A client may try to slip its own address past a proxy's. The others drop names with an underscore;
// lighttpd passes both on under one name, and then nobody can tell which is the proxy's.
void colliding_header(const front_server& front)
{
    const auto site = front.start({});
    const std::vector<std::string> both = {"-H", "X-Forwarded-For: 192.0.2.1", "-H",
                                           "X-Forwarded_For: 192.0.2.66"};
    if (front.family == server_family::lighttpd) {
        const curl_result result = curl(site->url("/env"), both);
        CHECK(result.complete());
        CHECK(result.response.status == 400);
    } else {
        CHECK(value(environment_of(*site, "/env", both), "HTTP_X_FORWARDED_FOR") == "192.0.2.1");
    }
}
const on_each_server<colliding_header> colliding_header_tests("R9: X-Forwarded_For");

void folded_slashes(const front_server& front)
{
    const auto site = front.start({});
    const variables env = environment_of(*site, "/env//foo//b%252cc/d");
    CHECK(value(env, "REQUEST_URI") == std::string(mount_point) + "/env//foo//b%252cc/d");
    CHECK(value(env, "PATH_INFO") == "/env//foo//b%2cc/d");
    CHECK(value(env, "SCRIPT_NAME") == mount_point);
}
const on_each_server<folded_slashes> folded_slashes_tests(
    "R14: slashes the server folded are back, double encoding decoded once");

void encoded_slash(const front_server& front)
{
    site_options options;
    if (front.family == server_family::apache) {
        // Left alone, Apache refuses the request.
        const auto strict = front.start({});
        CHECK(curl(strict->url("/env/b%2fd")).response.status == 404);
        options.extra_config = "AllowEncodedSlashes On\n";
    }
    const auto site = front.start(options);
    const variables env = environment_of(*site, "/env//foo//b%252cc%2fd");
    CHECK(value(env, "REQUEST_URI") == std::string(mount_point) + "/env//foo//b%252cc%2fd");
    CHECK(value(env, "PATH_INFO") == "/env//foo//b%2cc/d");
}
const on_each_server<encoded_slash> encoded_slash_tests("R14: an encoded slash in the path");

// nginx sends a variable that is set twice twice: its users override a line of fastcgi_params so.
void repeated_variable(const front_server& front)
{
    site_options options;
    options.extra_config = "        location = /repeated {\n"
                           "            include /etc/nginx/fastcgi_params;\n"
                           "            fastcgi_pass app;\n"
                           "            fastcgi_param SERVER_NAME overridden.example;\n"
                           "            fastcgi_param DOCUMENT_ROOT /first;\n"
                           "            fastcgi_param DOCUMENT_ROOT /last;\n"
                           "            fastcgi_param SCRIPT_NAME \"\";\n"
                           "            fastcgi_param PATH_INFO /env;\n"
                           "            fastcgi_param REQUEST_URI /env;\n"
                           "        }\n";
    const auto site = front.start(options);
    const auto port = std::to_string(site->port.number());
    const curl_result result = curl("http://127.0.0.1:" + port + "/repeated");
    REQUIRE(result.complete());
    CHECK(result.response.status == 200);
    const variables env = parse_environment(result.response.body);
    CHECK(value(env, "SERVER_NAME") == "overridden.example");
    CHECK(value(env, "DOCUMENT_ROOT") == "/last");
    CHECK(value(env, "PATH_INFO") == "/env");
    CHECK(value(env, "REQUEST_URI") == "/env");
}
const on_each_server<repeated_variable> repeated_variable_tests(
    "R16: of a variable that is set twice the last counts", "",
    [](const front_server& front) { return front.family == server_family::nginx; });

void own_variable(const front_server& front)
{
    site_options options;
    options.environment = {{"SLUICE_LOG_LEVEL", "debug"}};
    const auto site = front.start(options);
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<own_variable> own_variable_tests("SLUICE_* in the environment configures the probe");

} // namespace

} // namespace sluice::test
