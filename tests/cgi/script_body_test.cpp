// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_body.hpp"
#include "script_errors.hpp"
#include "script_redirect.hpp"

#include "support/catch.hpp"

#include <string>
#include <vector>

namespace sluice::test {

using cgi::script_body;
using cgi::script_errors;
using cgi::script_exit;

TEST_CASE("R44: script_body: what is over the Content-Length does not belong to the body")
{
    script_body body(10);
    CHECK(body.take(4) == 4);
    CHECK_FALSE(body.complete());
    CHECK(body.take(6) == 6);
    CHECK(body.complete());
    CHECK_FALSE(body.too_long());
    CHECK(body.take(0) == 0);
    CHECK_FALSE(body.too_long());
    CHECK(body.take(1) == 0);
    CHECK(body.too_long());

    script_body cut(3);
    CHECK(cut.take(5) == 3);
    CHECK(cut.too_long());
    CHECK(cut.complete());

    script_body nothing(0);
    CHECK(nothing.complete());
    CHECK(nothing.take(1) == 0);
    CHECK(nothing.too_long());
}

TEST_CASE(
    "R44, F13: script_body: a program's end matters where no Content-Length says that the body is whole")
{
    script_body unknown(std::nullopt);
    CHECK(unknown.take(1 << 20) == 1 << 20);
    CHECK_FALSE(unknown.complete());
    CHECK_FALSE(unknown.failed_by(script_exit::success, true));
    CHECK(unknown.failed_by(script_exit::failure, true));
    CHECK_FALSE(unknown.failed_by(script_exit::failure, false));
    CHECK(unknown.failed_by(script_exit::signal, false));

    script_body announced(2);
    CHECK(announced.take(1) == 1);
    CHECK(announced.failed_by(script_exit::signal, false));
    CHECK(announced.take(1) == 1);
    CHECK_FALSE(announced.failed_by(script_exit::failure, true));
    CHECK_FALSE(announced.failed_by(script_exit::signal, true));
}

TEST_CASE(
    "R42, R43: script_body: nothing of what nobody reads belongs to the response, and there is a bound to it")
{
    auto body = script_body::unread();
    CHECK_FALSE(body.is_read());
    CHECK(body.take(100) == 0);
    CHECK_FALSE(body.complete());
    CHECK(
        body.failed_by(script_exit::failure, true)); // it wrote less than it meant to, for all that is known
    CHECK(body.take(script_body::most_unread - 100) == 0);
    CHECK(body.complete());
    CHECK_FALSE(body.too_long());
    CHECK_FALSE(body.failed_by(script_exit::signal, true));
    CHECK(body.take(1) == 0);
    CHECK(body.too_long());
}

namespace {

std::vector<std::string> lines_of(std::string_view text, std::size_t piece, std::size_t most,
                                  std::size_t& lost)
{
    script_errors errors(most);
    std::vector<std::string> lines;
    const auto keep = [&](std::string_view line) { lines.emplace_back(line); };
    for (std::size_t at = 0; at < text.size(); at += piece)
        errors.feed(text.substr(at, piece), keep);
    if (errors.open())
        errors.end(keep);
    lost = errors.lost();
    return lines;
}

} // namespace

TEST_CASE("R21, F26: script_errors: the same lines however they are cut, without control characters")
{
    using namespace std::literals;
    const auto text = "one\n\ntwo\x1b[31m\0\tthree\r\nno end"sv;
    const std::vector<std::string> expected{"one", "", "two?[31m?\tthree?", "no end"};
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        std::size_t lost = 0;
        CHECK(lines_of(text, piece, 1000, lost) == expected);
        CHECK(lost == 0);
    }
}

TEST_CASE(
    "R21: script_errors: a long line becomes several, and whole lines over the bound are dropped and counted")
{
    std::size_t lost = 0;
    const auto longest = script_errors::longest_line;
    const auto cut = lines_of(std::string(2 * longest + 1, 'x') + "\n", 700, 10 * longest, lost);
    REQUIRE(cut.size() == 3);
    CHECK(cut[0].size() == longest);
    CHECK(cut[1].size() == longest);
    CHECK(cut[2] == "x");
    CHECK(lines_of(std::string(longest, 'x') + "\n", 1, 10 * longest, lost).size() == 1);

    CHECK(lines_of("12345\n12345\n1\n", 3, 12, lost) == std::vector<std::string>{"12345", "12345"});
    CHECK(lost == 1);
}

TEST_CASE("RFC 3875 6.2.2: a local redirect asks with GET or HEAD, without a body, for path and query")
{
    for (const std::string method : {"POST", "HEAD"}) {
        environment env;
        for (const auto& [name, value] : {std::pair{"REQUEST_METHOD", method.c_str()},
                                          {"SCRIPT_NAME", "/a.cgi"},
                                          {"PATH_INFO", "/x"},
                                          {"PATH_TRANSLATED", "/srv/x"},
                                          {"SCRIPT_FILENAME", "/srv/a.cgi"},
                                          {"REQUEST_URI", "/a.cgi/x?old"},
                                          {"QUERY_STRING", "old"},
                                          {"CONTENT_LENGTH", "3"},
                                          {"CONTENT_TYPE", "text/plain"},
                                          {"DOCUMENT_URI", "/a.cgi/x"},
                                          {"HTTP_COOKIE", "a=b"}})
            env.set(name, value);
        std::string why;
        REQUIRE_FALSE(cgi::redirect(env, "/b%20c.cgi/d?q=1?2", "", why));
        CHECK(env.method() == (method == "HEAD" ? "HEAD" : "GET"));
        CHECK(env.get("REQUEST_URI") == "/b%20c.cgi/d?q=1?2");
        CHECK(env.query_string() == "q=1?2");
        CHECK(env.get("PATH_INFO") == "/b c.cgi/d");
        CHECK(env.get("SCRIPT_NAME").empty());
        CHECK(env.get("HTTP_COOKIE") == "a=b");
        for (const char* const gone :
             {"CONTENT_LENGTH", "CONTENT_TYPE", "SCRIPT_FILENAME", "PATH_TRANSLATED"})
            CHECK(env.get(gone).empty());
    }
}

} // namespace sluice::test
