// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a CGI program may write before its body, good or bad: it is read the same wherever it is cut, within its limits,
// and what is accepted can be sent.
//
// An input: the options, how many sizes of pieces there are and the sizes, then the output.
#include "fuzz/fuzz.hpp"

#include <sluice/cgi/script_head.hpp>

#include <string>

using namespace sluice;
using cgi::script_head;
using cgi::script_head_parser;
using fuzz::must;

namespace {

using mode = script_head_parser::mode;
using result = script_head_parser::result;

bool has_control(std::string_view s)
{
    return std::any_of(s.begin(), s.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

std::string lower(std::string_view s)
{
    std::string t(s);
    for (char& c : t)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    return t;
}

struct reading {
    result what = result::need_more;
    bool ended = false; ///< it needed more until the end
    std::size_t used = 0;
    script_head head;
    std::string fault;
};

reading read(std::string_view output, fuzz::cuts cut, mode m, const limits& l)
{
    script_head_parser parser(l, m);
    reading got;
    while (!output.empty() && got.what == result::need_more) {
        const auto piece = cut.next(output);
        std::size_t used = 0;
        got.what = parser.feed(piece, used);
        must(used <= piece.size(), "no more than there was");
        must(got.what != result::need_more || used == piece.size(), "all is taken while the head goes on");
        got.used += used;
    }
    if (got.what == result::need_more) {
        got.ended = true;
        got.what = parser.end();
    }
    must(got.what != result::need_more, "behind the end nothing comes");
    got.fault = parser.fault();
    must((got.what == result::failed) == !got.fault.empty(), "a fault has words, and nothing else has");
    must(!has_control(got.fault) && got.fault.size() < 1000, "words fit for a log");
    std::size_t used = 1;
    must(parser.feed("X: y\n\n", used) == got.what && used == 0 && parser.end() == got.what,
         "it stays as it is");
    if (got.what == result::done)
        got.head = std::move(parser.head());
    return got;
}

void must_be_same(const reading& a, const reading& b)
{
    must(a.what == b.what && a.ended == b.ended && a.fault == b.fault, "the same wherever it is cut");
    if (a.what != result::done)
        return;
    must(a.used == b.used, "the same end wherever it is cut");
    const auto &x = a.head, &y = b.head;
    must(x.what == y.what && x.location == y.location && x.content_length == y.content_length &&
             x.response.status == y.response.status && x.response.reason == y.response.reason,
         "the same head wherever it is cut");
    must(x.response.headers.size() == y.response.headers.size(), "as many headers wherever it is cut");
    for (std::size_t i = 0; i < x.response.headers.size(); ++i) {
        const auto f = x.response.headers[i], g = y.response.headers[i];
        must(f.name == g.name && f.value == g.value, "the same headers wherever it is cut");
    }
}

/// Behind the first empty line, or npos.
std::size_t behind_empty_line(std::string_view output)
{
    for (std::size_t at = 0;;) {
        const auto end = output.find('\n', at);
        if (end == output.npos)
            return end;
        const auto line = output.substr(at, end - at);
        if (line.empty() || line == "\r")
            return end + 1;
        at = end + 1;
    }
}

void check_end(const reading& got, std::string_view output, mode m, const limits& l)
{
    const auto end = behind_empty_line(output);
    if (got.ended)
        must(output.size() <= l.response_head && (m == mode::nph || end == output.npos),
             "an end that was not seen");
    if (got.what != result::done)
        return;
    must(got.used <= l.response_head, "limits::response_head");
    must(m == mode::nph ? end <= got.used : end == got.used, "the head ends at the empty line");
    const auto lines = static_cast<std::size_t>(
        std::count(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(got.used), '\n'));
    must(m == mode::nph || lines - 1 <= l.response_fields, "limits::response_fields");
    must(output.substr(0, got.used).ends_with("\n\n") || output.substr(0, got.used).ends_with("\n\r\n"),
         "the last line is empty");
}

/// Each header is one of the program's, but for a type it did not give.
void check_headers(const script_head& head, std::string_view output)
{
    std::string text = lower(output);
    std::replace(text.begin(), text.end(), '\t', ' ');
    for (const field& f : head.response.headers) {
        const auto name = lower(f.name);
        must(!has_control(f.name) && f.name.find_first_of(" :") == f.name.npos, "a name that is a token");
        must(!has_control(f.value), "R25");
        must(text.find(name + ":") != text.npos || (name == "content-type" && f.value == "text/plain"),
             "a name from the program");
        must(text.find(lower(f.value)) != text.npos || (name == "content-type" && f.value == "text/plain"),
             "a value from the program");
        for (const std::string_view other : {"status", "connection", "keep-alive", "proxy-connection", "te",
                                             "trailer", "transfer-encoding", "upgrade"})
            must(name != other, "what is not passed on");
    }
}

void check_head_of(const reading& got, std::string_view output, mode m, const limits& l)
{
    const script_head& head = got.head;
    must(head.response.headers.size() <= l.response_fields + 1, "limits::response_fields, and a type");
    check_headers(head, output.substr(0, got.used));
    if (head.what == script_head::kind::local_redirect) {
        must(m == mode::parsed && head.location.starts_with('/') && !head.location.starts_with("//"),
             "a path");
        must(!head.content_length, "no body of a local redirect");
        for (const field& f : head.response.headers)
            must(lower(f.name).starts_with("x-cgi-"), "a local redirect and extensions");
        return;
    }
    const int status = head.response.status;
    must(head.location == head.response.headers.get("Location"), "the Location is that of the headers");
    must((head.what == script_head::kind::client_redirect) ==
             (!head.location.empty() && status >= 300 && status < 400),
         "a redirect has a Location and says so");
    response_head same = head.response;
    head_facts facts;
    must(!check_head(same, facts), "what is accepted passes our own checks");
    must(same.headers.size() == head.response.headers.size(), "and nothing is left to mend");
    must(facts.content_length == head.content_length, "the length is what the headers say");
    std::string out;
    serialize_cgi_head(same, out);
    must(out.size() <= l.response_head, "it goes out within the limit");
    // What goes out is read as what it is. It may have two lines more, Status and Content-Type.
    const auto again = read(out, fuzz::cuts({}), mode::parsed, limits());
    must(again.what == result::done && again.used == out.size(), "what goes out is a head");
    must(again.head.response.status == status && again.head.location == head.location &&
             again.head.response.headers.size() == same.headers.size(),
         "and the same head");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const auto options = in.byte();
    const auto m = (options & 1) != 0 ? mode::nph : mode::parsed;
    limits l;
    if ((options & 2) != 0)
        l.response_head = 200;
    if ((options & 4) != 0)
        l.response_fields = 4;
    const fuzz::cuts sizes(in.bytes(in.byte() & 7));
    const auto output = in.rest();

    const auto whole = read(output, fuzz::cuts({}), m, l);
    must_be_same(whole, read(output, sizes, m, l));
    constexpr std::string_view one("\0", 1);
    must_be_same(whole, read(output, fuzz::cuts(one), m, l));
    check_end(whole, output, m, l);
    if (whole.what == result::done)
        check_head_of(whole, output, m, l);
    return 0;
}
