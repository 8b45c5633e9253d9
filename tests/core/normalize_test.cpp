// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/environment.hpp>

#include "core/normalize_support.hpp"
#include "support/catch.hpp"

#include <random>
#include <string>

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;

TEST_CASE("R1: REQUEST_METHOD is a token")
{
    for (const std::string_view good : {"GET", "M-SEARCH", "x", "!#$%&'*+-.^_`|~9"}) {
        CAPTURE(good);
        environment env;
        env.add("REQUEST_METHOD", good);
        CHECK_FALSE(normalize(env));
        CHECK(env.method() == good);
    }
    for (const std::string& bad : {"GE T"s, "GET\r"s, "G\0T"s, "GET/"s, "(GET)"s, "G\xc3\x89T"s, "GET:"s}) {
        CAPTURE(bad);
        environment env;
        env.add("REQUEST_METHOD", bad);
        CHECK(refusal(env).find("REQUEST_METHOD is no token: \"") == 0);
    }
    CHECK(refusal(environment()) == "REQUEST_METHOD is missing");
    CHECK(refusal(environment_of("REQUEST_METHOD=")) == "REQUEST_METHOD is missing");
    CHECK(refusal(environment_of("REQUEST_METHOD=a\"b\\c\x1b\x7f")) ==
          R"(REQUEST_METHOD is no token: "a\"b\\c\x1b\x7f")");
    CHECK(refusal(environment_of("REQUEST_METHOD=" + std::string(100, '('))) ==
          "REQUEST_METHOD is no token: \"" + std::string(64, '(') + "\"…");
}

TEST_CASE("R6: SERVER_NAME and SERVER_PORT are filled from the next best source")
{
    struct {
        const char* sent;
        const char* name;
        const char* port;
    } const cases[] = {
        {"SERVER_NAME=a.example\nSERVER_PORT=81\nHTTP_HOST=b.example:82", "a.example", "81"},
        // HAProxy sends host and port in one.
        {"SERVER_NAME=a.example:8080\nSERVER_PORT=81", "a.example", "81"},
        {"SERVER_NAME=a.example:8080\nHTTP_HOST=b.example:82", "a.example", "8080"},
        {"SERVER_NAME=[::1]:8080\nSERVER_PORT=81", "[::1]", "81"},
        {"SERVER_NAME=[::1]:8080", "[::1]", "8080"},
        {"SERVER_NAME=[::1]\nSERVER_PORT=81", "[::1]", "81"},
        {"SERVER_NAME=::1\nSERVER_PORT=81", "::1", "81"},
        {"SERVER_NAME=a.example:\nSERVER_PORT=81", "a.example", "81"},
        {"SERVER_NAME=a.example:http\nSERVER_PORT=81", "a.example:http", "81"},
        // The Host header.
        {"SERVER_NAME=\nSERVER_PORT=81\nHTTP_HOST=b.example:82", "b.example", "81"},
        {"HTTP_HOST=b.example:82", "b.example", "82"},
        {"HTTP_HOST=b.example", "b.example", "80"},
        {"HTTP_HOST=b.example\nHTTPS=on", "b.example", "443"},
        {"HTTP_HOST=[2001:db8::1]:82", "[2001:db8::1]", "82"},
        {"HTTP_HOST=[::ffff:10.0.0.2]", "[::ffff:10.0.0.2]", "80"},
        {"SERVER_NAME=:8080\nHTTP_HOST=b.example:82", "b.example", "8080"},
        {"SERVER_NAME=a.example\nHTTP_HOST=b.example:82", "a.example", "82"},
        {"SERVER_PORT=\nSERVER_NAME=a.example\nHTTPS=on", "a.example", "443"},
        // A Host that is no host is the client's problem, not the app's.
        {"HTTP_HOST=b/example:82\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=<script>\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=a, b:82\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=u@b:82\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=b.example:123456\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=[b.example]:82\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=[]\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=:82\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"HTTP_HOST=\nSERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        // The address, then nothing.
        {"SERVER_ADDR=10.0.0.1", "10.0.0.1", "80"},
        {"SERVER_ADDR=2001:db8::1", "[2001:db8::1]", "80"},
        {"SERVER_ADDR=[2001:db8::1]", "[2001:db8::1]", "80"},
        {"SERVER_ADDR=", "localhost", "80"},
        {"", "localhost", "80"},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.sent));
        const environment env = normalized(c.sent);
        CHECK(env.get("SERVER_NAME") == c.name);
        CHECK(env.get("SERVER_PORT") == c.port);
    }
}

TEST_CASE("R7: SERVER_PROTOCOL starts with HTTP/")
{
    CHECK(normalized("SERVER_PROTOCOL=HTTP/2.0").get("SERVER_PROTOCOL") == "HTTP/2.0");
    CHECK(normalized("SERVER_PROTOCOL=INCLUDED").get("SERVER_PROTOCOL") == "HTTP/1.0");
    CHECK(normalized("SERVER_PROTOCOL=").get("SERVER_PROTOCOL") == "HTTP/1.0");
    CHECK(normalized("").get("SERVER_PROTOCOL") == "HTTP/1.0");
}

TEST_CASE("R8: CONTENT_LENGTH and CONTENT_TYPE are what the client sent, or not there")
{
    const environment empty = normalized("CONTENT_LENGTH=\nCONTENT_TYPE=\nAFTER=stays");
    CHECK_FALSE(empty.contains("CONTENT_LENGTH"));
    CHECK_FALSE(empty.contains("CONTENT_TYPE"));
    CHECK(empty.get("AFTER") == "stays");

    const environment both = normalized("CONTENT_LENGTH=12\nCONTENT_TYPE=text/plain; charset=utf-8");
    CHECK(both.get("CONTENT_LENGTH") == "12");
    CHECK(both.get("CONTENT_TYPE") == "text/plain; charset=utf-8");

    // "0" says for certain that no body will come, which nothing else does.
    CHECK(normalized("REQUEST_METHOD=GET\nCONTENT_LENGTH=0").get("CONTENT_LENGTH") == "0");
    CHECK(normalized("REQUEST_METHOD=POST\nCONTENT_LENGTH=0").get("CONTENT_LENGTH") == "0");

    for (const char* bad : {"abc", "-1", "+1", " 1", "1 ", "1,1", "0x1", "18446744073709551616", "1\n"}) {
        CAPTURE(std::string(bad));
        environment env = request_with("");
        env.add("CONTENT_LENGTH", bad);
        CHECK(refusal(env).find("CONTENT_LENGTH is no number of bytes: \"") == 0);
    }
}

TEST_CASE("R9: repeated request headers are joined")
{
    struct {
        const char* sent;
        const char* name;
        const char* value;
    } const cases[] = {
        {"HTTP_X=a\nHTTP_X=b", "HTTP_X", "a, b"},
        {"HTTP_X=a\nHTTP_Y=c\nHTTP_X=b\nHTTP_Z=d\nHTTP_X=a", "HTTP_X", "a, b, a"},
        {"HTTP_COOKIE=a=1\nHTTP_COOKIE=b=2\nHTTP_COOKIE=c=3", "HTTP_COOKIE", "a=1; b=2; c=3"},
        {"HTTP_X=\nHTTP_X=a\nHTTP_X=\nHTTP_X=b\nHTTP_X=", "HTTP_X", "a, b"},
        {"HTTP_X=\nHTTP_X=", "HTTP_X", ""},
        {"SERVER_SOFTWARE=nginx/1.22.1\nHTTP_X=a\nHTTP_X=b", "HTTP_X", "a, b"},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.sent));
        CHECK(normalized(c.sent).get(c.name) == c.value);
    }
    // The order of the others stays.
    const environment env = normalized("HTTP_X=a\nFIRST=1\nHTTP_X=b\nSECOND=2\nHTTP_X=c\nFIRST=3");
    CHECK(env.find("HTTP_X") < env.find("SECOND"));
    CHECK(env.find("SECOND") < env.find("FIRST"));
}

TEST_CASE("R9: names that collide by - and _ are told apart by their spelling, or refused")
{
    // lighttpd joins what is repeated: of it a second variable is another header.
    CHECK(refusal(request_with("SERVER_SOFTWARE=lighttpd/1.4.69\nHTTP_X=a\nHTTP_X=b")) ==
          "HTTP_X came twice from lighttpd, as from headers that differ only by - and _; the last is \"b\"");
    CHECK(refusal(request_with("HTTP_X\x01=a\nHTTP_X\x01=b\nSERVER_SOFTWARE=lighttpd/1.4.69"))
              .find("\"HTTP_X\\x01\" came") == 0);

    // Nobody sends such names; as they are they are found as no header.
    const environment env = normalized("HTTP_X-FORWARDED-FOR=forged\nHTTP_x_forwarded_for=forged");
    CHECK(env.header("X-Forwarded-For").empty());
}

TEST_CASE("R9: a request names one host")
{
    CHECK(refusal(request_with("HTTP_HOST=a\nHTTP_HOST=b")) ==
          "HTTP_HOST came twice: a request names one host");
    CHECK(refusal(request_with("HTTP_HOST=a\nHTTP_HOST=a")) ==
          "HTTP_HOST came twice: a request names one host");
}

TEST_CASE("R10: HTTP_PROXY, HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH are dropped")
{
    const environment env =
        normalized("HTTP_PROXY=http://evil/\nHTTP_CONTENT_TYPE=text/html\nHTTP_A=1\n"
                   "HTTP_CONTENT_LENGTH=7\nHTTP_PROXY=again\nHTTP_PROXY_CONNECTION=stays");
    CHECK_FALSE(env.contains("HTTP_PROXY"));
    CHECK_FALSE(env.contains("HTTP_CONTENT_TYPE"));
    CHECK_FALSE(env.contains("HTTP_CONTENT_LENGTH"));
    CHECK(env.get("HTTP_A") == "1");
    CHECK(env.get("HTTP_PROXY_CONNECTION") == "stays");
    // They are no substitute: behind lighttpd a client can write them as "Content_Type" and "Content_Length".
    CHECK_FALSE(env.contains("CONTENT_TYPE"));
    CHECK_FALSE(env.contains("CONTENT_LENGTH"));
}

TEST_CASE("R11: REQUEST_SCHEME says what the scheme is")
{
    CHECK(normalized("").get("REQUEST_SCHEME") == "http");
    CHECK(normalized("HTTPS=on").get("REQUEST_SCHEME") == "https");
    CHECK(normalized("HTTPS=1\nREQUEST_SCHEME=http").get("REQUEST_SCHEME") == "https");
    CHECK(normalized("HTTPS=off\nREQUEST_SCHEME=https").get("REQUEST_SCHEME") == "https");
    CHECK(normalized("REQUEST_SCHEME=HTTPS").get("REQUEST_SCHEME") == "https");
    CHECK(normalized("REQUEST_SCHEME=javascript").get("REQUEST_SCHEME") == "http");
}

TEST_CASE("R16: of a variable that is no header and comes twice, the last counts")
{
    const environment env = normalized("SCRIPT_NAME=/first\nX=1\nQUERY_STRING=a\nSCRIPT_NAME=/last\nX=2\n"
                                       "QUERY_STRING=b\nX=\nREMOTE_USER=\nREMOTE_USER=ann");
    CHECK(env.script_name() == "/last");
    CHECK(env.query_string() == "b");
    CHECK(env.contains("X"));
    CHECK(env.get("X").empty());
    CHECK(env.get("REMOTE_USER") == "ann");
    CHECK(normalized("CONTENT_LENGTH=oops\nCONTENT_LENGTH=5").content_length() == 5U);
    // lighttpd's setenv overrides in the same way.
    CHECK(normalized("SERVER_SOFTWARE=lighttpd/1.4.69\nX=1\nX=2").get("X") == "2");
}

TEST_CASE("R9, R16: a thousand variables of few names are folded too")
{
    environment env = request_with("");
    std::string joined;
    for (int i = 0; i < 1000; ++i) {
        env.add(i % 2 == 0 ? "HTTP_X" : "PLAIN_" + std::to_string(i % 10), std::to_string(i));
        if (i % 2 == 0)
            joined += (i == 0 ? "" : ", ") + std::to_string(i);
    }
    REQUIRE_FALSE(normalize(env));
    check_invariants(env);
    CHECK(env.get("HTTP_X") == joined);
    CHECK(env.get("PLAIN_9") == "999");
    CHECK(env.get("PLAIN_1") == "991");
}

TEST_CASE("R13: variables no rule is about pass unchanged")
{
    const environment env =
        normalized("REMOTE_USER=\nHTTPS_CLIENT=x\nmyapp.x=1\nREDIRECT_STATUS=200\nSERVER_NAMES=y\n"
                   "PATH=/bin\nHTTP=z\nHTTP_=e\nH=1\nREQUEST_METHOE=q\n\x80\x81=\xff");
    for (const auto& [name, value] :
         std::initializer_list<std::pair<std::string_view, std::string_view>>{{"HTTPS_CLIENT", "x"},
                                                                              {"myapp.x", "1"},
                                                                              {"REDIRECT_STATUS", "200"},
                                                                              {"SERVER_NAMES", "y"},
                                                                              {"PATH", "/bin"},
                                                                              {"HTTP", "z"},
                                                                              {"HTTP_", "e"},
                                                                              {"H", "1"},
                                                                              {"REQUEST_METHOE", "q"},
                                                                              {"\x80\x81", "\xff"}})
    {
        CAPTURE(name);
        CHECK(env.get(name) == value);
    }
    CHECK(env.contains("REMOTE_USER"));
}

TEST_CASE("R1-R16: whatever is sent is refused or made regular, and once is enough")
{
    const std::string_view names[] = {
        "REQUEST_METHOD",  "SCRIPT_NAME",     "PATH_INFO",           "REQUEST_URI", "QUERY_STRING",
        "SERVER_NAME",     "SERVER_PORT",     "SERVER_ADDR",         "HTTPS",       "REQUEST_SCHEME",
        "SERVER_PROTOCOL", "CONTENT_LENGTH",  "CONTENT_TYPE",        "HTTP_HOST",   "HTTP_X",
        "HTTP_PROXY",      "SCRIPT_FILENAME", "HTTP_CONTENT_LENGTH",
    };
    const std::string_view pieces[] = {
        "/",    "//", "a",  "%2f", "%",  "%4", ":", "*", "proxy:fcgi://", "http://", "?",   "#",
        "\x01", " ",  "on", "1",   "..", "[",  "]", ",", "example.com",   "GET",     "%00", "\r\n"};
    std::mt19937 random(20260102);
    const auto pick = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };

    int accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        environment env;
        if (pick(8) != 0)
            env.add("REQUEST_METHOD", "GET");
        for (std::size_t n = pick(16); n > 0; --n) {
            std::string value;
            for (std::size_t k = pick(6); k > 0; --k)
                value += pieces[pick(std::size(pieces))];
            if (pick(40) == 0)
                value += '\0';
            env.add(names[pick(std::size(names))], value);
        }
        normalize_options options;
        options.path_info_from_request_uri = pick(4) != 0;
        constexpr const char* mounts[] = {"", "/", "/a", "//", "/a/a", "a"};
        options.mount_point = mounts[pick(std::size(mounts))];

        const auto sent = sorted_lines(env);
        CAPTURE(sent, options.mount_point, options.path_info_from_request_uri);
        std::string why;
        if (normalize(env, options, &why)) {
            REQUIRE_FALSE(why.empty());
            REQUIRE(why.find_first_of("\r\n\x01") == std::string::npos); // it goes into a log
            continue;
        }
        ++accepted;
        check_invariants(env);
        const auto once = sorted_lines(env);
        const error_code again = normalize(env, options, &why);
        CAPTURE(once, why);
        REQUIRE_FALSE(again);
        REQUIRE(sorted_lines(env) == once);
    }
    CHECK(accepted > 2000);
}
