// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/response.hpp>

#include "support/catch.hpp"

#include <string>

using namespace sluice;
using namespace std::string_literals;

namespace {

response_head make(int status, std::initializer_list<field> fields = {{"Content-Type", "text/plain"}})
{
    response_head head;
    head.status = status;
    for (const field& f : fields)
        head.headers.add(f.name, f.value);
    return head;
}

std::string names_of(const response_head& head)
{
    std::string all;
    for (const field f : head.headers)
        all.append(f.name).append(" ");
    return all;
}

std::string serialized(const response_head& head)
{
    std::string out;
    serialize_cgi_head(head, out);
    return out;
}

} // namespace

TEST_CASE("R22: the status is final and of three digits")
{
    for (const int good : {200, 201, 204, 299, 304, 404, 500, 599, 999}) {
        CAPTURE(good);
        response_head head = make(good);
        head_facts facts;
        CHECK_FALSE(check_head(head, facts));
    }
    for (const int bad : {-1, 0, 1, 99, 100, 101, 199, 1000, 2000, 1 << 30}) {
        CAPTURE(bad);
        response_head head = make(bad);
        head_facts facts;
        std::string why;
        CHECK(check_head(head, facts, &why) == errc::bad_status);
        CHECK(why.find(std::to_string(bad)) != std::string::npos);
        CHECK(check_head(head, facts) == errc::bad_status);
    }
}

TEST_CASE("R22: a reason phrase is always sent")
{
    CHECK(serialized(make(200)) == "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    CHECK(serialized(make(404)) == "Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\n");
    CHECK(serialized(make(299)) == "Status: 299 Unknown\r\nContent-Type: text/plain\r\n\r\n");
    CHECK(serialized(make(999)) == "Status: 999 Unknown\r\nContent-Type: text/plain\r\n\r\n");

    response_head own = make(404);
    own.reason = "No Such Report";
    CHECK(serialized(own) == "Status: 404 No Such Report\r\nContent-Type: text/plain\r\n\r\n");

    CHECK(reason_phrase(200) == "OK");
    CHECK(reason_phrase(307) == "Temporary Redirect");
    CHECK(reason_phrase(503) == "Service Unavailable");
    for (const int none : {-1, 0, 99, 299, 306, 600, 1000}) {
        CAPTURE(none);
        CHECK(reason_phrase(none).empty());
    }
}

TEST_CASE("R23: repeated headers go out as separate lines, in order")
{
    const response_head head = make(
        200, {{"Set-Cookie", "a=1"}, {"Content-Type", "text/html"}, {"set-cookie", "b=2"}, {"X-Empty", ""}});
    response_head checked = head;
    head_facts facts;
    REQUIRE_FALSE(check_head(checked, facts));
    CHECK(serialized(checked) ==
          "Status: 200 OK\r\nSet-Cookie: a=1\r\nContent-Type: text/html\r\nset-cookie: b=2\r\n"
          "X-Empty: \r\n\r\n");
}

TEST_CASE("R23: the head is appended to what is there")
{
    std::string out = "before";
    serialize_cgi_head(make(204, {}), out);
    CHECK(out == "beforeStatus: 204 No Content\r\n\r\n");
}

TEST_CASE("R24: header names are tokens that do not end in - or _, and none is Status")
{
    for (const std::string& good :
         {"X"s, "X-1"s, "x_y"s, "-X"s, "_X"s, "!#$%&'*+.^`|~a"s, "Statu"s, "X-Status"s, "Status2"s})
    {
        CAPTURE(good);
        response_head head = make(200);
        head.headers.add(good, "v");
        head_facts facts;
        CHECK_FALSE(check_head(head, facts));
    }
    for (const std::string& bad :
         {""s, "X-"s, "X_"s, "-"s, "_"s, "X Y"s, "X:"s, " X"s, "X\r\nSet-Cookie"s, "X\0"s, "X\x7f"s,
          "\xc3\xa9"s, "X,"s, "(X)"s, "X/Y"s, "Status"s, "status"s, "STATUS"s})
    {
        CAPTURE(bad);
        response_head head = make(200);
        head.headers.add(bad, "v");
        head_facts facts;
        std::string why;
        CHECK(check_head(head, facts, &why) == errc::bad_header_name);
        CHECK(why.find('"') != std::string::npos);
        CHECK(why.find_first_of("\r\n") == std::string::npos);
        CHECK(check_head(head, facts) == errc::bad_header_name);
    }
}

TEST_CASE("R25: a control character in a value or reason phrase is refused, wherever it stands")
{
    for (int c = 0; c < 256; ++c) {
        const bool control = c < 32 || c == 127;
        for (std::size_t size = 1; size <= 20; ++size) {
            for (std::size_t at = 0; at < size; ++at) {
                std::string text(size, 'v');
                text[at] = static_cast<char>(c);

                response_head head = make(200);
                head.headers.add("X-Value", text);
                head_facts facts;
                const error_code value_fault = check_head(head, facts);

                response_head phrase = make(200);
                phrase.reason = text;
                const error_code reason_fault = check_head(phrase, facts);

                const error_code expected = control ? error_code(errc::bad_header_value) : error_code();
                if (value_fault != expected || reason_fault != expected) {
                    CAPTURE(c, size, at);
                    CHECK(value_fault == expected);
                    CHECK(reason_fault == expected);
                }
            }
        }
    }
    response_head head = make(200);
    head.headers.add("X-Value", "a\r\nSet-Cookie: b=1");
    head_facts facts;
    std::string why;
    CHECK(check_head(head, facts, &why) == errc::bad_header_value);
    CHECK(why == R"(control character in the value of header "X-Value": "a\x0d\x0aSet-Cookie: b=1")");
}

TEST_CASE("R26: a response with a body needs a Content-Type")
{
    head_facts facts;
    std::string why;
    for (const int status : {200, 206, 301, 404, 500}) {
        CAPTURE(status);
        response_head none = make(status, {{"X-Content-Type", "text/plain"}, {"Content-Typo", "x"}});
        CHECK(check_head(none, facts, &why) == errc::missing_content_type);
        CHECK(why.find(std::to_string(status)) != std::string::npos);
        response_head empty = make(status, {{"Content-Type", ""}});
        CHECK(check_head(empty, facts) == errc::missing_content_type);
        response_head lower = make(status, {{"content-TYPE", "text/plain"}});
        CHECK_FALSE(check_head(lower, facts));
        CHECK(facts.body_allowed);
    }
}

TEST_CASE("R26, R27, R43: 204, 205 and 304 send no header that describes a body")
{
    for (const int status : {204, 205, 304}) {
        CAPTURE(status);
        response_head head = make(status, {{"ETag", "\"x\""},
                                           {"content-type", "text/plain"},
                                           {"CONTENT-LENGTH", "5"},
                                           {"Transfer-Encoding", "chunked"},
                                           {"Content-Length", "not even a number"},
                                           {"Content-Types", "stays"},
                                           {"Vary", "Accept"}});
        head_facts facts;
        facts.content_length = 99;
        REQUIRE_FALSE(check_head(head, facts));
        CHECK_FALSE(facts.body_allowed);
        CHECK_FALSE(facts.content_length.has_value());
        CHECK(names_of(head) == "ETag Content-Types Vary ");

        response_head bare = make(status, {});
        CHECK_FALSE(check_head(bare, facts));

        // Each of them alone, too.
        for (const std::string_view name : {"Content-Type", "Content-Length", "Transfer-Encoding"}) {
            CAPTURE(name);
            response_head one = make(status, {{name, "5"}, {"X", "stays"}});
            REQUIRE_FALSE(check_head(one, facts));
            CHECK(names_of(one) == "X ");
        }
    }
    CHECK_FALSE(status_allows_body(100));
    CHECK_FALSE(status_allows_body(199));
    CHECK_FALSE(status_allows_body(204));
    CHECK_FALSE(status_allows_body(205));
    CHECK_FALSE(status_allows_body(304));
    for (const int status : {200, 201, 203, 206, 303, 305, 400, 500, 999})
        CHECK(status_allows_body(status));
}

TEST_CASE(
    "R24: what is of the connection to the client is the web server's: dropped, or refused where the body "
    "depends on it (RFC 3875 6.3.4)")
{
    response_head head = make(200, {{"Content-Type", "text/event-stream"},
                                    {"connection", "keep-alive"},
                                    {"Keep-Alive", "timeout=5"},
                                    {"Upgrade", "h2c"},
                                    {"te", "trailers"},
                                    {"Trailers", "stays"},
                                    {"Proxy-Connection", "keep-alive"}});
    head_facts facts;
    REQUIRE_FALSE(check_head(head, facts));
    CHECK(names_of(head) == "Content-Type Trailers ");

    response_head twice = make(200, {{"Content-Type", "a/b"}, {"content-type", "c/d"}});
    CHECK(check_head(twice, facts) == errc::bad_header_value);

    response_head coded = make(200, {{"Content-Type", "text/plain"}, {"transfer-encoding", "chunked"}});
    std::string why;
    CHECK(check_head(coded, facts, &why) == errc::bad_header_name);
    CHECK(why == R"(the web server chooses it, not the app: "transfer-encoding": "chunked")");
}

TEST_CASE("R27: the announced length is a number, once")
{
    const auto check = [](std::string_view value, std::optional<std::uint64_t> expected) {
        CAPTURE(value);
        response_head head = make(200);
        head.headers.add("content-length", value);
        head_facts facts;
        facts.content_length = 99;
        const error_code fault = check_head(head, facts);
        CHECK(fault == (expected ? error_code() : error_code(errc::bad_header_value)));
        CHECK(facts.content_length == expected);
        CHECK(facts.body_allowed);
    };
    check("0", 0);
    check("13", 13);
    check("18446744073709551615", 18446744073709551615U);
    check("18446744073709551616", std::nullopt);
    check("", std::nullopt);
    check("-1", std::nullopt);
    check("1e3", std::nullopt);
    check("13 ", std::nullopt);
    check("13, 13", std::nullopt);

    response_head twice =
        make(200, {{"Content-Type", "a/b"}, {"Content-Length", "5"}, {"Content-Length", "5"}});
    head_facts facts;
    std::string why;
    CHECK(check_head(twice, facts, &why) == errc::bad_header_value);
    CHECK(why == R"(a second header "Content-Length": "5")");

    response_head none = make(200);
    CHECK_FALSE(check_head(none, facts));
    CHECK_FALSE(facts.content_length.has_value());
}

TEST_CASE("response_head: clear makes it an empty 200 again")
{
    response_head head = make(404);
    head.reason = "Gone for ever";
    head.clear();
    CHECK(head.status == 200);
    CHECK(serialized(head) == "Status: 200 OK\r\n\r\n");
}

TEST_CASE("header_list: names are compared without regard to case")
{
    header_list headers{{"Content-Type", "text/plain"}, {"X-A", "1"}};
    headers.set("content-type", "text/html");
    CHECK(headers.size() == 2);
    CHECK(headers.get("CONTENT-TYPE") == "text/html");
    CHECK(headers[0].name == "Content-Type");
    CHECK(headers.erase("x-a") == 1);
}
