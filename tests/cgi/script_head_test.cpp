// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_head.hpp>

#include "support/allocation_count.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace sluice::test {

namespace {

using cgi::script_head;
using cgi::script_head_parser;
using kind = script_head::kind;
using mode = script_head_parser::mode;
using result = script_head_parser::result;
using namespace std::literals;

/// What came of an output, in words that can be compared; a failure as its fault.
std::string told(script_head_parser& parser, result r)
{
    if (r == result::failed)
        return "failed: " + std::string(parser.fault());
    if (r == result::need_more)
        return "more";
    const script_head& head = parser.head();
    constexpr std::string_view kinds[] = {"document", "local", "client"};
    std::string text(kinds[static_cast<int>(head.what)]);
    if (head.what == kind::local_redirect)
        text += " " + head.location;
    else
        text += " " + std::to_string(head.response.status);
    if (!head.response.reason.empty())
        text += " " + head.response.reason;
    for (const field& f : head.response.headers)
        text.append("|").append(f.name).append("=").append(f.value);
    if (head.content_length)
        text += "|" + std::to_string(*head.content_length) + " bytes";
    return text;
}

struct reading {
    std::string what;
    std::size_t used = 0; ///< nothing after a failure, where it has no meaning
};

/// The output in pieces of `size` behind a first one of `first` bytes, then its end.
reading read_cut(std::string_view output, std::size_t first, std::size_t size, mode m, const limits& l = {})
{
    script_head_parser parser(l, m);
    reading got;
    auto r = result::need_more;
    for (std::size_t at = 0; at < output.size() && r == result::need_more;) {
        const auto piece = output.substr(at, at == 0 && first > 0 ? first : size);
        std::size_t used = 0;
        r = parser.feed(piece, used);
        got.used += used;
        if (r == result::need_more)
            CHECK(used == piece.size());
        at += piece.size();
    }
    if (r == result::need_more)
        r = parser.end();
    got.what = told(parser, r);
    if (r == result::failed)
        got.used = 0;
    return got;
}

/// Read whole; checks that it is the same wherever it is cut, and that what is accepted can be sent.
reading read(std::string_view output, mode m = mode::parsed, const limits& l = {})
{
    const auto whole = read_cut(output, 0, output.size() + 1, m, l);
    for (std::size_t at = 1; at <= std::min<std::size_t>(output.size(), 400); ++at) {
        const auto once = read_cut(output, at, output.size(), m, l);
        const auto always = read_cut(output, 0, at, m, l);
        if (once.what != whole.what || once.used != whole.used || always.what != whole.what ||
            always.used != whole.used)
            FAIL("cut at " << at << ": " << once.what << " / " << always.what << " instead of "
                           << whole.what);
    }
    return whole;
}

std::string said(std::string_view output, mode m = mode::parsed, const limits& l = {})
{
    return read(output, m, l).what;
}

const std::string plain = "|Content-Type=text/plain";

} // namespace

TEST_CASE("script head: a document, its lines ended by LF or CR LF, or both")
{
    const auto wanted = "document 200|Content-type=text/html|X-A=b";
    for (const auto* head :
         {"Content-type: text/html\nX-A: b\n\n", "Content-type: text/html\r\nX-A: b\r\n\r\n",
          "Content-type: text/html\r\nX-A: b\n\r\n", "Content-type: text/html\nX-A: b\r\n\n"})
    {
        CAPTURE(head);
        const auto output = std::string(head) + "\n\nbody: not a header\n\n";
        const auto got = read(output);
        CHECK(got.what == wanted);
        CHECK(got.used == std::string_view(head).size());
    }
}

TEST_CASE("script head: what real programs write is taken")
{
    CHECK(said("Status: 404\nContent-Type: a/b\n\n") == "document 404|Content-Type=a/b");
    CHECK(said("Status: 404 Not Found\nContent-Type: a/b\n\n") == "document 404 Not Found|Content-Type=a/b");
    CHECK(said("Status:200\nContent-Type:a/b\n\n") == "document 200|Content-Type=a/b");
    CHECK(said("STATUS: \t 404\t Gone \t\ncontent-TYPE: \t a/b \t\r\n\n") ==
          "document 404 Gone|content-TYPE=a/b");
    CHECK(said("Content-Type: a/b\nStatus: 999 What\n\n") == "document 999 What|Content-Type=a/b");
    CHECK(said("Content-Type: a/b; charset=utf-8\nX-Empty:\nX-Colon: a:b\n\n") ==
          "document 200|Content-Type=a/b; charset=utf-8|X-Empty=|X-Colon=a:b");
    CHECK(said("Content-Type: a/b\nSet-Cookie: a=1\nX: y\nset-cookie: b=2\nSet-Cookie: a=1\n\n") ==
          "document 200|Content-Type=a/b|Set-Cookie=a=1|X=y|set-cookie=b=2|Set-Cookie=a=1");
    CHECK(said("Content-Type: a/b\nX: \xc3\xa4\xff\n\n") == "document 200|Content-Type=a/b|X=\xc3\xa4\xff");
    CHECK(said("Content-Type: a/b\nX: 1\t2\n\n") == "document 200|Content-Type=a/b|X=1 2");
}

TEST_CASE("R26: a document without a type is plain text, and so is what has none where none is needed")
{
    CHECK(said("X-A: b\n\n") == "document 200|X-A=b" + plain);
    CHECK(said("Content-Type:\nX-A: b\n\n") == "document 200|Content-Type=text/plain|X-A=b");
    // git http-backend, of what is not there
    CHECK(said("Status: 404 Not Found\r\nExpires: Fri, 01 Jan 1980 00:00:00 GMT\r\n\r\n") ==
          "document 404 Not Found|Expires=Fri, 01 Jan 1980 00:00:00 GMT" + plain);
}

TEST_CASE("R27: 204 and 304 have no type and no length (R43)")
{
    CHECK(said("Status: 204\n\n") == "document 204");
    CHECK(said("Status: 304 Not Modified\nETag: x\nContent-Type: a/b\nContent-Length: 7\n\n") ==
          "document 304 Not Modified|ETag=x");
    CHECK(said("Status: 204\nContent-Length: much\n\n") ==
          R"(failed: no number of bytes in header "Content-Length": "much")");
}

TEST_CASE("R22: a status is three digits, 200 to 999")
{
    for (const auto* status :
         {"", "20", "2000", "1e3", "20x", "200OK", "-20", "+20", " ", "OK", "HTTP/1.1 200 OK"})
    {
        CAPTURE(status);
        CHECK_THAT(said("Status: "s + status + "\n\n"),
                   Catch::StartsWith("failed: no status of three digits in"));
    }
    for (const auto* status : {"000", "099", "100 Continue", "101", "199"}) {
        CAPTURE(status);
        CHECK_THAT(said("Status: "s + status + "\n\n"),
                   Catch::StartsWith("failed: the status is no final status of 200-999"));
    }
    CHECK(said("Status: 200 a\rb\n\n") ==
          R"(failed: control character in the value of header "Status": "200 a\x0db")");
    CHECK(said("HTTP/1.1 200 a\rb\n\n", mode::nph) ==
          R"(failed: control character in the status "HTTP/1.1 200 a\x0db")");
}

TEST_CASE("script head: Content-Length is a number, and one")
{
    CHECK(said("Content-Type: a/b\nContent-Length: 0\n\n") ==
          "document 200|Content-Type=a/b|Content-Length=0|0 bytes");
    CHECK(said("Content-Type: a/b\nCONTENT-LENGTH:18446744073709551615\n\n") ==
          "document 200|Content-Type=a/b|CONTENT-LENGTH=18446744073709551615|18446744073709551615 bytes");
    CHECK(said("Content-Type: a/b\nContent-Length: 12\ncontent-length: 012\n\n") ==
          "document 200|Content-Type=a/b|Content-Length=12|12 bytes");
    CHECK(said("Content-Type: a/b\nContent-Length: 12\ncontent-length: 13\n\n") ==
          R"(failed: a second header that differs from the first: "content-length": "13")");
    for (const auto* n : {"", "-1", "+1", "1 2", "1, 1", "0x10", "1e3", "18446744073709551616"}) {
        CAPTURE(n);
        CHECK_THAT(said("Content-Length: "s + n + "\n\n"),
                   Catch::StartsWith("failed: no number of bytes in header"));
    }
}

TEST_CASE("script head: of a repeated Status, Location or Content-Type the last counts")
{
    CHECK(said("Content-Type: a/b\nX: y\nContent-type: c/defg\nStatus: 500 Bad\nStatus: 404\n\n") ==
          "document 404|Content-Type=c/defg|X=y");
    CHECK(said("Location: http://a/\nContent-Type: a/b\nLocation: http://bcd/\n\n") ==
          "client 302|Location=http://bcd/|Content-Type=a/b");
}

TEST_CASE("script head: a local redirect is a path and nothing beside it but extensions")
{
    CHECK(said("Location: /a/b?c=d\n\n") == "local /a/b?c=d");
    CHECK(said("location:/\r\nX-CGI-Thing: 1\r\nx-cgi-other: 2\r\nConnection: close\r\n\r\n") ==
          "local /|X-CGI-Thing=1|x-cgi-other=2");
    // With a Status it is the client's; so CGI.pm writes it. So it is with what a redirect inside would lose.
    CHECK(said("Status: 302 Found\nLocation: /a\n\n") == "client 302 Found|Location=/a" + plain);
    CHECK(said("Status: 200\nLocation: /a\n\n") == "document 200|Location=/a" + plain);
    CHECK(said("Location: /a\nSet-Cookie: a=b\n\n") == "client 302|Location=/a|Set-Cookie=a=b" + plain);
    CHECK(said("Content-Type: a/b\nLocation: /a\n\n") == "client 302|Content-Type=a/b|Location=/a");
    CHECK(said("Location: /a\nContent-Length: 3\n\n") ==
          "client 302|Location=/a|Content-Length=3" + plain + "|3 bytes");
    // Another host, to a client; a place in a page, which only a client goes to.
    CHECK(said("Location: //host/a\n\n") == "client 302|Location=//host/a" + plain);
    CHECK(said("Location: /a#b\n\n") == "client 302|Location=/a#b" + plain);
}

TEST_CASE("script head: a client redirect, with a document or without, has the status it was given or 302")
{
    CHECK(said("Location: http://a/b#c\n\n") == "client 302|Location=http://a/b#c" + plain);
    CHECK(
        said(
            "Location: http://a/b\nStatus: 301 Moved\nContent-Type: text/html\nContent-Length: 5\n\n<a></") ==
        "client 301 Moved|Location=http://a/b|Content-Type=text/html|Content-Length=5|5 bytes");
    CHECK(said("Status: 201 Created\nLocation: /new\nContent-Type: a/b\n\n") ==
          "document 201 Created|Location=/new|Content-Type=a/b");
    CHECK(said("Status: 399\nLocation: /a\n\n") == "client 399|Location=/a" + plain);
    CHECK(said("Status: 400\nLocation: /a\n\n") == "document 400|Location=/a" + plain);
    CHECK(said("Location:\n\n") == R"(failed: a header without a value: "Location")");

    script_head_parser parser((limits()));
    std::size_t used = 0;
    CHECK(parser.feed("Location: http://a/\n\n", used) == result::done);
    CHECK(parser.head().location == "http://a/");
}

TEST_CASE("script head: what is about a connection is left out, and a transfer coding refused")
{
    CHECK(said("Connection: close\nContent-Type: a/b\nkeep-alive: 5\nTE: x\nTrailer: y\nUpgrade: h2c\nX: y\n"
               "Proxy-Connection: a\nTransfer-Encoding: Identity\n\n") ==
          "document 200|Content-Type=a/b|X=y");
    for (const auto m : {mode::parsed, mode::nph}) {
        const auto start = m == mode::nph ? "HTTP/1.1 200 OK\r\n"s : ""s;
        CHECK(said(start + "Content-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                   m) ==
              "failed: the body would be in a transfer coding, which is the web server's to apply: "
              R"("Transfer-Encoding": "chunked")");
    }
}

TEST_CASE("script head: an output that does not begin with a head fails, and says with what")
{
    CHECK(said("") == "failed: the program ended without any output");
    CHECK(said("\nhello\n") == "failed: the output begins with an empty line, without any header");
    CHECK(said("\r\n") == "failed: the output begins with an empty line, without any header");
    CHECK(said("Hello, world!\n") == R"(failed: no header (no colon) in "Hello, world!")");
    CHECK(said("Hello, world!") ==
          R"(failed: the output ended inside the head, after 13 bytes, in the line "Hello, world!")");
    CHECK(said("<a href=http://x>\n\n") == R"(failed: this is no header name: "<a href=http")");
    CHECK(said(": x\n\n") == R"(failed: this is no header name: "")");
    CHECK(said("Content-Type : a/b\n\n") == R"(failed: this is no header name: "Content-Type ")");
    CHECK(said("X\xc3\xa4: a\n\n") == "failed: this is no header name: \"X\xc3\xa4\"");
    CHECK(said("A-: b\nContent-Type: a/b\n\n") == R"(failed: this is no header name: "A-")");
    CHECK(said("Content-Type: a/b\n") ==
          "failed: the output ended before the empty line that ends the head, after 18 bytes");
    CHECK(said("Content-Type: a/b\n\r") ==
          R"(failed: the output ended inside the head, after 19 bytes, in the line "\x0d")");
    CHECK(said("HTTP/1.1 200 OK\nContent-Type: a/b\n\n") ==
          R"(failed: a status line of HTTP, which only a program named nph-… may write: "HTTP/1.1 200 OK")");
    CHECK(said("X: " + std::string(100, 'a')) ==
          "failed: the output ended inside the head, after 103 bytes, in the line \"X: " +
              std::string(61, 'a') + "\"…");
}

TEST_CASE("script head: a folded line is refused")
{
    const auto fault = "failed: a header line that begins with white space (a continuation line?): "s;
    CHECK(said("X: a\n b\n\n") == fault + R"(" b")");
    CHECK(said("X: a\r\n\tb: c\r\n\r\n") == fault + R"("\x09b: c")");
    CHECK(said(" X: a\n\n") == fault + R"(" X: a")");
    CHECK(said("X: a\n \n\n") == fault + R"(" ")");
}

TEST_CASE("R25: control characters in a value are refused, NUL too")
{
    for (int c = 0; c < 128; ++c) {
        if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n')
            continue;
        CAPTURE(c);
        const auto value = "a"s + static_cast<char>(c) + "b";
        CHECK_THAT(said("X: " + value + "\n\n"),
                   Catch::StartsWith("failed: control character in the value of header"));
        CHECK_THAT(said("Connection: " + value + "\n\n"), Catch::StartsWith("failed: control character"));
    }
    CHECK(said("X: a\r\r\n\n") == R"(failed: control character in the value of header "X": "a\x0d")");
    CHECK(said("\0\0\n"sv) == R"(failed: no header (no colon) in "\x00\x00")");
}

TEST_CASE("script head: nph: a status line and headers")
{
    CHECK(said("HTTP/1.0 200 OK\nContent-Type: a/b\nServer: x\n\nbody", mode::nph) ==
          "document 200 OK|Content-Type=a/b|Server=x");
    CHECK(said("HTTP/1.1 404\r\n\r\n", mode::nph) == "document 404" + plain);
    CHECK(said("HTTP/2.0  503 \t Too Busy \nConnection: close\n\n", mode::nph) ==
          "document 503 Too Busy" + plain);
    CHECK(said("HTTP/1.0 302 Found\nStatus: 404 Other\nStatus: x\nLocation: /a\n\n", mode::nph) ==
          "client 302 Found|Location=/a" + plain);
    CHECK(said("HTTP/1.1 200 OK\nLocation: /a\n\n", mode::nph) == "document 200 OK|Location=/a" + plain);

    const auto no_line =
        "failed: a program of this name (nph-) begins with a status line of HTTP, and this is none: "s;
    CHECK(said("Content-Type: a/b\n\n", mode::nph) == no_line + R"("Content-Type: a/b")");
    CHECK(said("\n", mode::nph) == no_line + R"("")");
    CHECK(said("HTTP/1.1\n", mode::nph) == no_line + R"("HTTP/1.1")");
    CHECK(said("HTTP/ 200\n", mode::nph) == no_line + R"("HTTP/ 200")");
    CHECK(said("INCLUDED 200 OK\n", mode::nph) == no_line + R"("INCLUDED 200 OK")");
    CHECK(said("HTTP/1.1 1e3 OK\n", mode::nph) ==
          R"(failed: no status of three digits in "HTTP/1.1 1e3 OK")");
    CHECK_THAT(said("HTTP/1.1 099 Low\n\n", mode::nph),
               Catch::StartsWith("failed: the status is no final status"));
}

TEST_CASE("script head: nph: interim responses are left out, but not a change of the protocol")
{
    const auto output =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\nContent-Length: 3\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n"s;
    const auto got = read(output + "body", mode::nph);
    CHECK(got.what == "document 200 OK|Content-Type=a/b");
    CHECK(got.used == output.size());
    CHECK_THAT(said("HTTP/1.1 101 Switching Protocols\r\n\r\n", mode::nph),
               Catch::StartsWith("failed: the status is no final status"));
    CHECK(said("HTTP/1.1 100 Continue\r\n\r\n", mode::nph) ==
          "failed: the output ended before the empty line that ends the head, after 25 bytes");
    limits l;
    l.response_head = 1000;
    std::string endless;
    while (endless.size() < 2000)
        endless += "HTTP/1.1 100 Go on\n\n";
    CHECK_THAT(said(endless, mode::nph, l),
               Catch::StartsWith("failed: the head is longer than limits::response_head"));
}

TEST_CASE("script head: limits::response_head bounds what is read")
{
    const auto head = "Content-Type: a/b\r\nX: y\r\n\r\n"s;
    limits l;
    l.response_head = 100;
    const auto filled = "X: " + std::string(100 - head.size() - 5, 'a') + "\r\n" + head;
    REQUIRE(filled.size() == 100);
    // As it goes out there is a line more, "Status: 200 OK".
    CHECK(said(filled + "body", mode::parsed, l) ==
          "failed: the head would go out with 116 bytes, limits::response_head is 100");
    CHECK_THAT(said("X" + filled, mode::parsed, l), Catch::StartsWith("failed: the head is longer"));
    CHECK(said(std::string(101, 'a'), mode::parsed, l) ==
          "failed: the head is longer than limits::response_head, 100 bytes; the line there begins \"" +
              std::string(64, 'a') + "\"…");
    CHECK_THAT(said(std::string(100, 'a'), mode::parsed, l),
               Catch::StartsWith("failed: the output ended inside"));
    l.response_head = 0;
    CHECK_THAT(said(head, mode::parsed, l), Catch::StartsWith("failed: the head is longer"));
}

TEST_CASE("script head: what is accepted goes out within limits::response_head, to the byte")
{
    const auto status =
        GENERATE(as<std::string>(), "", "Status: 404\n", "Status: 599\n", "Status: 599 Own\n");
    const auto head = status + "Content-Type:a/b\nX:y\nLonger:" + std::string(100, 'z') + "\n\n";
    script_head_parser parser((limits()));
    std::size_t used = 0;
    REQUIRE(parser.feed(head, used) == result::done);
    std::string out;
    serialize_cgi_head(parser.head().response, out);
    limits l;
    l.response_head = out.size();
    CHECK_THAT(said(head, mode::parsed, l), Catch::StartsWith("document"));
    l.response_head = out.size() - 1;
    CHECK_THAT(said(head, mode::parsed, l), Catch::StartsWith("failed: the head would go out with"));
}

TEST_CASE("script head: limits::response_fields bounds the lines, those left out too")
{
    limits l;
    l.response_fields = 3;
    CHECK(said("Content-Type: a/b\nX: 1\nX: 2\n\n", mode::parsed, l) ==
          "document 200|Content-Type=a/b|X=1|X=2");
    CHECK(said("Content-Type: a/b\nX: 1\nConnection: a\nX: 2\n\n", mode::parsed, l) ==
          "failed: more header lines than limits::response_fields, 3");
    CHECK(said("HTTP/1.1 100 A\nX: 1\nY: 1\n\nHTTP/1.1 200 B\nX: 1\nX: 2\n\n", mode::nph, l) ==
          "failed: more header lines than limits::response_fields, 3");
}

TEST_CASE("script head: once done or failed it takes nothing, until it is reset")
{
    script_head_parser parser((limits()));
    std::size_t used = 9;
    CHECK(parser.feed("", used) == result::need_more);
    CHECK(used == 0);
    CHECK(parser.feed("Status: 404\nX-A: b\n\nbody", used) == result::done);
    CHECK(used == 20);
    CHECK(parser.feed("X: y\n\n", used) == result::done);
    CHECK(used == 0);
    CHECK(parser.end() == result::done);
    CHECK(parser.fault().empty());
    CHECK(told(parser, result::done) == "document 404|X-A=b" + plain);
    const auto taken = std::move(parser.head());
    CHECK(taken.response.headers.get("x-a") == "b");

    parser.reset();
    CHECK(parser.feed("nothing\n", used) == result::failed);
    CHECK(parser.feed("X: y\n\n", used) == result::failed);
    CHECK(used == 0);
    CHECK(parser.end() == result::failed);
    CHECK(parser.fault() == R"(no header (no colon) in "nothing")");

    parser.reset(mode::nph);
    CHECK(parser.fault().empty());
    CHECK(parser.feed("HTTP/1.1 200 OK\nContent-Le", used) == result::need_more);
    parser.reset(mode::parsed);
    CHECK(parser.feed("Location: /a\n\n", used) == result::done);
    CHECK(told(parser, result::done) == "local /a");
    parser.reset();
    CHECK(parser.feed("X: y\n\n", used) == result::done);
    CHECK(told(parser, result::done) == "document 200|X=y" + plain);
}

TEST_CASE("script head: a byte at a time asks for memory a few times only, and not at all the second time")
{
    if (!allocations_are_counted())
        return;
    std::string head = "Content-Type: text/html\r\nStatus: 404 Not Found\r\n";
    while (head.size() < 10000)
        head += "Set-Cookie: " + std::string(200, 'c') + "\t1\r\n";
    head += "\r\n";
    script_head_parser parser((limits()));
    std::uint64_t counts[2] = {};
    for (auto& count : counts) {
        parser.reset();
        const auto before = allocations();
        auto r = result::need_more;
        for (const char& c : head) {
            std::size_t used = 0;
            r = parser.feed({&c, 1}, used);
        }
        count = allocations() - before;
        REQUIRE(r == result::done);
    }
    CHECK(counts[0] < 40);
    // `check_head` has its words for a fault in a string that is empty here.
    CHECK(counts[1] == 0);
}

} // namespace sluice::test
