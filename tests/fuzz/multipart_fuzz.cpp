// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A multipart/form-data body, good or bad: it is read the same wherever it is cut, within its limits, and its parts are those
// that a search through the whole finds.
//
// An input: the options, how many sizes of pieces there are and the sizes, then the body. The boundary is XX.
#include "fuzz/fuzz.hpp"

#include <sluice/multipart_parser.hpp>

#include <string>
#include <vector>

using namespace sluice;
using fuzz::must;
using event = multipart_parser::event;

namespace {

struct got_part {
    form_part head;
    std::string data;
    bool ended = false;
};

struct reading {
    std::vector<got_part> parts;
    error_code ec;
    std::string fault;
};

reading read(std::string_view body, fuzz::cuts cut, const form_limits& l)
{
    multipart_parser parser("XX", l);
    reading got;
    event e = event::need_more;
    while (!body.empty() && e != event::failed) {
        const std::string own(cut.next(body)); // so that a sanitizer sees what is kept of it
        std::string_view piece(own);
        while ((e = parser.next(piece)) != event::need_more && e != event::done && e != event::failed) {
            const bool inside = !got.parts.empty() && !got.parts.back().ended;
            must(inside == (e != event::part_begin), "parts begin and end in turn");
            if (e == event::part_begin)
                got.parts.push_back({parser.part(), {}, false});
            else if (e == event::part_data)
                must(!parser.data().empty(), "data has at least a byte");
            if (e == event::part_data)
                got.parts.back().data += parser.data();
            else if (e == event::part_end)
                got.parts.back().ended = true;
        }
        must(piece.empty() || e == event::failed, "all is taken");
    }
    const event end = parser.finish();
    must(end == event::done || end == event::failed, "the end is one or the other");
    must(e != event::done || end == event::done, "behind the last boundary nothing fails");
    must((end == event::failed) == parser.error().failed() &&
             parser.error().failed() == !parser.fault().empty(),
         "a fault has a code and words");
    std::string_view more("--XX\r\n");
    must(parser.next(more) == end && parser.finish() == end, "it stays as it is");
    got.ec = parser.error();
    got.fault = parser.fault();
    return got;
}

void must_be_same(const reading& a, const reading& b)
{
    must(a.ec == b.ec && a.fault == b.fault, "the same wherever it is cut");
    must(a.parts.size() == b.parts.size(), "as many parts wherever it is cut");
    for (std::size_t i = 0; i < a.parts.size(); ++i) {
        const auto &x = a.parts[i], &y = b.parts[i];
        must(x.data == y.data && x.ended == y.ended, "the same data wherever it is cut");
        must(x.head.name == y.head.name && x.head.filename == y.head.filename &&
                 x.head.content_type == y.head.content_type && x.head.headers.size() == y.head.headers.size(),
             "the same head wherever it is cut");
    }
}

void check_limits(const reading& got, const form_limits& l)
{
    std::size_t fields = 0;
    must(got.parts.size() <= l.parts, "form_limits::parts");
    for (const auto& p : got.parts) {
        const auto size = p.head.name.size() + p.data.size();
        must(p.head.is_file() ? p.data.size() <= l.file : size <= l.field, "form_limits::file and field");
        fields += p.head.is_file() ? 0 : size;
        must(p.head.headers.text_size() <= l.part_head, "form_limits::part_head");
        for (const field& f : p.head.headers) {
            for (const char c : f.value)
                must(static_cast<unsigned char>(c) >= 0x20 || c == '\t', "no control characters in a header");
        }
        if (p.head.is_file()) {
            const auto name = safe_file_name(*p.head.filename);
            must(!name.empty() && name.size() <= 120 && name.front() != '.' &&
                     name.find_first_of("/\\\r\n") == name.npos,
                 "a safe name is no path");
        }
    }
    must(fields <= l.fields, "form_limits::fields");
}

/// The parts as a search through the whole finds them, without a look into heads.
struct model {
    explicit model(std::string_view body) : text("\r\n" + std::string(body))
    {
        std::size_t at = text.find(delimiter);
        while (at != text.npos && read_part(at + delimiter.size())) {
            at = text.find(delimiter, data_at - 2); // the head's last line end may be the delimiter's
            const auto end = std::max(std::min(at, text.size()), data_at);
            data.push_back(text.substr(data_at, end - data_at));
        }
    }
    // False behind the last, or where a part does not begin.
    bool read_part(std::size_t at)
    {
        if (text.compare(at, 2, "--") == 0) {
            done = true;
            return false;
        }
        at = std::min(text.find_first_not_of(" \t", at), text.size());
        if (text.compare(at, 2, "\r\n") != 0)
            return false;
        at += 2;
        for (;;) {
            const auto end = text.find('\n', at);
            if (end == text.npos || text[end - 1] != '\r')
                return false;
            const bool empty = end == at + 1;
            at = end + 1;
            if (empty)
                break;
        }
        data_at = at;
        return true;
    }

    const std::string delimiter = "\r\n--XX";
    std::string text;
    std::size_t data_at = 0;
    std::vector<std::string> data;
    bool done = false;
};

void check_by_model(const reading& got, std::string_view body)
{
    const model m(body);
    must(got.parts.size() <= m.data.size(), "no part that is not there");
    must(got.ec.failed() || (m.done && got.parts.size() == m.data.size()), "all parts that are there");
    must(got.ec != errc::body_incomplete || !m.done, "R19: incomplete is what has no last boundary");
    must(m.done || got.ec.failed(), "R19: without the last boundary it is no form");
    for (std::size_t i = 0; i < got.parts.size(); ++i) {
        const auto& p = got.parts[i];
        if (p.ended)
            must(p.data == m.data[i], "the data between two boundaries");
        else
            must(m.data[i].starts_with(p.data), "some of the data behind a boundary");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const auto options = in.byte();
    form_limits l;
    if ((options & 1) != 0)
        l.parts = 2;
    if ((options & 2) != 0)
        l.part_head = 80;
    if ((options & 4) != 0)
        l.field = 5;
    if ((options & 8) != 0)
        l.fields = 9;
    if ((options & 16) != 0)
        l.file = 6;
    if ((options & 32) != 0)
        l.body = 200;
    const fuzz::cuts sizes(in.bytes(in.byte() & 7));
    const auto body = in.rest();

    const auto whole = read(body, fuzz::cuts({}), l);
    must_be_same(whole, read(body, sizes, l));
    constexpr std::string_view one("\0", 1);
    must_be_same(whole, read(body, fuzz::cuts(one), l));
    check_limits(whole, l);
    if (whole.ec != errc::body_too_large)
        check_by_model(whole, body);
    static_cast<void>(boundary_of(body));
    return 0;
}
