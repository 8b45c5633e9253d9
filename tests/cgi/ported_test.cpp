// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A CGI program's main as a function: it writes its head itself.
#include <sluice/cgi/ported.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <iterator>
#include <string>

using namespace sluice;
using namespace sluice::test;

namespace {

struct seen {
    int status;
    std::string head, body, log;
    bool well;
};

template <class F>
seen answer_of(F f, std::string_view method = "GET", const std::string& posted = {})
{
    fake_loop loop(cgi::ported(std::move(f)));
    fake_host client(loop);
    client.request(method, {{"CONTENT_LENGTH", std::to_string(posted.size())}}, !posted.empty());
    if (!posted.empty())
        client.feed_all(posted);
    CHECK(loop.poll_until([&] { return client.ended(); }));
    return {client.status(), client.head(), client.body(), loop.log().text(), client.ended_well()};
}

/// Of a program that says just this.
seen answer_to(std::string_view output, std::size_t cut = 0)
{
    return answer_of([output, cut](const environment&, std::istream&, std::ostream& out) {
        if (cut > 0)
            out << output.substr(0, cut) << std::flush;
        for (const char c : output.substr(cut))
            out.put(c);
    });
}

} // namespace

TEST_CASE("ported: environment, body and output are the program's getenv, cin and cout")
{
    const auto got = answer_of(
        [](const environment& env, std::istream& in, std::ostream& out) {
            const std::string body{std::istreambuf_iterator<char>(in), {}};
            out << "Content-Type: text/plain\n\n"
                << env.get("REQUEST_METHOD") << " " << body << (env.get("NOT_SET").empty() ? "" : "?");
        },
        "POST", "posted");
    CHECK(got.well);
    CHECK(got.status == 200);
    CHECK(got.body == "POST posted");
}

TEST_CASE("R22, R23, R30: ported: the head is CGI's, cut anywhere, and what follows is the body as it is")
{
    constexpr std::string_view output =
        "Status: 201 Made\r\nContent-Type: text/html\r\nX-A: 1\r\nX-A: 2\r\n\r\nX-Not: a header\r\n\r\n\n";
    for (std::size_t cut = 0; cut <= output.size(); ++cut) {
        CAPTURE(cut);
        const auto got = answer_to(output, cut);
        CHECK(got.well);
        CHECK(got.head == "Status: 201 Made\r\nContent-Type: text/html\r\nX-A: 1\r\nX-A: 2\r\n\r\n");
        CHECK(got.body == "X-Not: a header\r\n\r\n\n");
    }
}

TEST_CASE("ported: redirects go to the client, a local one too")
{
    const auto local = answer_to("Location: /elsewhere?x=1\n\n");
    CHECK(local.well);
    CHECK(local.status == 302);
    CHECK_THAT(local.head, Catch::Contains("Location: /elsewhere?x=1\r\n"));
    const auto absolute = answer_to("Location: http://example.org/\n\n");
    CHECK(absolute.status == 302);
    CHECK_THAT(absolute.head, Catch::Contains("Location: http://example.org/\r\n"));
}

TEST_CASE("R39: ported: what is no CGI response is a 500, with the reason in the log")
{
    const std::pair<std::string_view, const char*> cases[] = {
        {"", "without any output"},
        {"Hello, world!\n", "no header"},
        {"Content-Type: text/plain\n", "before the empty line"},
        {"\n", "empty line"},
        {"Content-Type: text/plain\nX-Bad: a\x01z\n\n", "X-Bad"},
    };
    for (const auto& [output, why] : cases) {
        CAPTURE(output);
        const auto got = answer_to(output);
        CHECK(got.well);
        CHECK(got.status == 500);
        CHECK_THAT(got.log, Catch::Contains("no CGI response") && Catch::Contains(why));
    }
}

TEST_CASE("ported: a bad head shows in out, as a bit or as an exception")
{
    for (const bool thrown : {false, true}) {
        CAPTURE(thrown);
        const auto got = answer_of([thrown](const environment&, std::istream&, std::ostream& out) {
            if (thrown)
                out.exceptions(std::ios::badbit);
            out << "no head at all\n";
            if (out)
                return; // would be a fault: the 500 below comes of the throw
            throw std::runtime_error("seen as a bit");
        });
        CHECK(got.status == 500);
        CHECK_THAT(got.log, Catch::Contains(thrown ? "no CGI response" : "seen as a bit"));
    }
}
