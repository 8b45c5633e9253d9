// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cookies.hpp>
#include <sluice/urlencoded.hpp>

#include "support/catch.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;
using namespace std::string_literals;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

pairs pairs_of(const field_list& fields)
{
    pairs all;
    for (const field& f : fields)
        all.emplace_back(f.name, f.value);
    return all;
}

struct reading {
    error_code ec;
    std::string fault;
    pairs fields;
    bool operator==(const reading&) const = default;
};

reading read(std::initializer_list<std::string_view> pieces, const form_limits& l = {})
{
    urlencoded_parser parser(l);
    for (const auto piece : pieces)
        parser.feed(piece);
    const auto ec = parser.finish();
    return {ec, parser.fault(), pairs_of(parser.fields())};
}

std::string what_of(const std::function<void()>& f)
{
    try {
        f();
    } catch (const system_error& e) {
        CHECK((e.code() == errc::bad_request || e.code() == errc::bad_header_value));
        return e.what();
    }
    return "nothing thrown";
}

} // namespace

TEST_CASE("urlencoded: pairs are decoded by the rules of browsers, wherever the text is cut")
{
    const std::pair<std::string, pairs> rows[] = {
        {"", {}},
        {"a=1", {{"a", "1"}}},
        {"a=1&b=2&a=3", {{"a", "1"}, {"b", "2"}, {"a", "3"}}},
        {"A=1&a=2", {{"A", "1"}, {"a", "2"}}},
        {"&&a=1&&", {{"a", "1"}}},
        {"a", {{"a", ""}}},
        {"a=", {{"a", ""}}},
        {"=1", {{"", "1"}}},
        {"=", {{"", ""}}},
        {"a=b=c", {{"a", "b=c"}}},
        {"a+b=c+d", {{"a b", "c d"}}},
        {"a%3Db=%26%3D%2B%25", {{"a=b", "&=+%"}}},
        {"q=caf%c3%A9", {{"q", "caf\xc3\xa9"}}},
        {"q=\xff\xfe", {{"q", "\xff\xfe"}}}, // no UTF-8, and nobody asks
        {"q=%00x", {{"q", "\0x"s}}},
        {"q=\0x"s, {{"q", "\0x"s}}},
        {"a=100%", {{"a", "100%"}}},
        {"a=%4", {{"a", "%4"}}},
        {"a=%zz%4z%z4", {{"a", "%zz%4z%z4"}}},
        {"a=%%41", {{"a", "%A"}}},
        {"a=%4%41", {{"a", "%4A"}}},
        {"a=%4+b", {{"a", "%4 b"}}},
        {"a%=1", {{"a%", "1"}}},
        {"a%4=1", {{"a%4", "1"}}},
        {"a=%4&b", {{"a", "%4"}, {"b", ""}}},
        {"%", {{"%", ""}}},
        {"q=[x]|\"y\"^;z", {{"q", "[x]|\"y\"^;z"}}}, // what Boost.URL would refuse
    };
    for (const auto& [text, expected] : rows) {
        CAPTURE(text);
        for (std::size_t i = 0; i <= text.size(); ++i) {
            for (std::size_t j = i; j <= text.size(); ++j) {
                const std::string_view t(text);
                const auto got = read({t.substr(0, i), t.substr(i, j - i), t.substr(j)});
                CHECK_FALSE(got.ec);
                CHECK(got.fields == expected);
            }
        }
        CHECK(pairs_of(parse_query(text)) == expected);
    }
}

TEST_CASE("urlencoded: each limit is passed at the same byte, wherever the text is cut")
{
    form_limits l;
    l.parts = 3;
    l.field = 5;
    l.fields = 12;
    struct row {
        std::string_view text, limit; // "" within the limits
        std::size_t fields;
    };
    const row rows[] = {
        {"a=1&b=2&c=3", "", 3},     {"a=1&b=2&c=3&", "", 3},      {"a=1&b=2&c=3&d", "parts", 3},
        {"a=1234", "", 1},          {"a=12345", "::field)", 0},   {"a=1234%41", "::field)", 0},
        {"a=123%41", "", 1},        {"a=123%4", "::field)", 0},   {"a=12%4", "", 1},
        {"a=1234%", "::field)", 0}, {"a=1234&", "", 1},           {"123456=", "::field)", 0},
        {"12345=", "", 1},          {"a=1234&b=1234&c=1", "", 3}, {"a=1234&b=1234&c=12", "fields", 2},
    };
    for (const auto& r : rows) {
        CAPTURE(r.text);
        const auto whole = read({r.text}, l);
        CHECK((whole.ec == errc::body_too_large) == !r.limit.empty());
        CHECK_THAT(whole.fault, Catch::Contains(std::string(r.limit)));
        CHECK(whole.fields.size() == r.fields);
        for (std::size_t i = 0; i <= r.text.size(); ++i)
            CHECK(read({r.text.substr(0, i), r.text.substr(i)}, l) == whole);
    }
    CHECK_THAT(what_of([&] { parse_query("a&b&c&d", l); }), Catch::Contains("more than 3 fields"));
}

TEST_CASE("percent_encode: what it gives has no byte that means something, and is read back")
{
    std::string all;
    for (int c = 0; c < 256; ++c)
        all += static_cast<char>(c);
    const auto encoded = percent_encode(all);
    CHECK(encoded.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%") ==
          encoded.npos);
    CHECK(percent_decode(encoded) == all);
    CHECK(pairs_of(parse_query("x=" + encoded)) == pairs{{"x", all}});
    CHECK(percent_decode("a+b%2") == "a+b%2");
    CHECK(percent_decode("%") == "%");
    CHECK(percent_decode("%41%4x%%42") == "A%4x%B");
}

TEST_CASE("cookies: the pairs of a Cookie header, as leniently as servers read it")
{
    const std::pair<std::string, pairs> rows[] = {
        {"", {}},
        {"a=1", {{"a", "1"}}},
        {"a=1; b=2", {{"a", "1"}, {"b", "2"}}},
        {"a=1;b=2;", {{"a", "1"}, {"b", "2"}}},
        {"a=first; A=other; a=second", {{"a", "first"}, {"A", "other"}, {"a", "second"}}},
        {" \ta = 1 2 \t; ;; b=2", {{"a", "1 2"}, {"b", "2"}}},
        {"a=\"1 2\"", {{"a", "1 2"}}},
        {"a=\"", {{"a", "\""}}},
        {"a=\"1", {{"a", "\"1"}}},
        {"a=\"1;2\"", {{"a", "\"1"}}}, // `;` ends it, quoted or not
        {"a=b=c", {{"a", "b=c"}}},
        {"a=1,b=2", {{"a", "1,b=2"}}},
        {"a=%41", {{"a", "%41"}}},
        {"a=caf\xc3\xa9", {{"a", "caf\xc3\xa9"}}},
        {"nameless; a=1; =__Host-x=1", {{"a", "1"}}},
        {"a=1\n2; b=2; c\x01=3; d=\0"s, {{"b", "2"}}},
        {"a=", {{"a", ""}}},
    };
    for (const auto& [text, expected] : rows) {
        CAPTURE(text);
        CHECK(pairs_of(parse_cookies(text)) == expected);
    }
    CHECK(parse_cookies("a=first; a=second").get("a") == "first");
    form_limits l;
    l.parts = 2;
    CHECK(parse_cookies("a=1; b=2; c", l).size() == 2);
    CHECK_THAT(what_of([&] { parse_cookies("a=1; b=2; c=3", l); }), Catch::Contains("more than 2 cookies"));
}

TEST_CASE("R25: set_cookie gives what a browser takes, and refuses what it would not")
{
    using std::chrono::seconds;
    using mode = set_cookie::same_site_mode;
    CHECK(set_cookie{.name = "a", .value = "1"}.to_string() == "a=1");
    CHECK(set_cookie{.name = "__Host-id",
                     .value = "x%20y",
                     .path = "/",
                     .max_age = seconds(3600),
                     .secure = true,
                     .http_only = true,
                     .same_site = mode::strict}
              .to_string() == "__Host-id=x%20y; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict");
    CHECK(set_cookie{.name = "a", .domain = "example.org", .same_site = mode::lax}.to_string() ==
          "a=; Domain=example.org; SameSite=Lax");
    CHECK(set_cookie{.name = "a", .max_age = seconds(-5)}.to_string() == "a=; Max-Age=0");
    CHECK(forget_cookie("__Host-id", "/").to_string() == "__Host-id=; Path=/; Max-Age=0; Secure");
    CHECK(forget_cookie("a", "/x", "y").to_string() == "a=; Path=/x; Domain=y; Max-Age=0");

    const std::pair<set_cookie, std::string> refused[] = {
        {{.name = ""}, "no token"},
        {{.name = "a b"}, "no token"},
        {{.name = "a=b"}, "no token"},
        {{.name = "a\r\nX: y"}, "no token"},
        {{.name = "a", .value = "1; Path=/"}, "value has the byte 0x3b at 1"},
        {{.name = "a", .value = "1\r\nSet-Cookie: b=2"}, "value has the byte 0x0d"},
        {{.name = "a", .value = "\"1\""}, "value has the byte 0x22"},
        {{.name = "a", .value = "\xc3\xa9"}, "value has the byte 0xc3"},
        {{.name = "a", .value = "\0"s}, "value has the byte 0x00"},
        {{.name = "a", .path = "/;Secure"}, "path has the byte 0x3b"},
        {{.name = "a", .path = "x"}, "path does not begin with '/'"},
        {{.name = "a", .domain = "x\ny"}, "domain has the byte 0x0a"},
        {{.name = "a", .same_site = mode::none}, "SameSite=None needs secure"},
        {{.name = "__secure-a"}, "__Secure-"},
        {{.name = "__Host-a", .path = "/"}, "__Host-"},
        {{.name = "__Host-a", .secure = true}, "__Host-"},
        {{.name = "__Host-a", .path = "/", .domain = "x", .secure = true}, "__Host-"},
    };
    for (const auto& r : refused) { // clang 14 lets no lambda use the names of a binding
        CAPTURE(r.second);
        CHECK_THAT(what_of([&] { static_cast<void>(r.first.to_string()); }), Catch::Contains(r.second));
    }
}
