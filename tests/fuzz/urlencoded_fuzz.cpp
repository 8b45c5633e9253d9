// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Queries and urlencoded forms: the same wherever they are cut, and as the plain way of the WHATWG's algorithm decodes them.
//
// An input: the options, how many sizes of pieces there are and the sizes, then the text.
#include "fuzz/fuzz.hpp"

#include <sluice/urlencoded.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace sluice;
using fuzz::must;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

struct reading {
    pairs fields;
    error_code ec;
    std::string fault;
    bool operator==(const reading&) const = default;
};

reading read(std::string_view text, fuzz::cuts cut, const form_limits& l)
{
    urlencoded_parser parser(l);
    while (!text.empty())
        must(parser.feed(std::string(cut.next(text))).failed() == !parser.fault().empty(),
             "a fault has words");
    reading got;
    got.ec = parser.finish();
    got.fault = parser.fault();
    for (const field& f : parser.fields())
        got.fields.emplace_back(f.name, f.value);
    return got;
}

// Over the whole, with copies, as the specification words it.
std::string decoded(std::string s)
{
    std::replace(s.begin(), s.end(), '+', ' ');
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        const std::string digits = s.substr(i + 1, 2);
        if (s[i] == '%' && digits.size() == 2 &&
            digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos)
        {
            out += static_cast<char>(std::stoi(digits, nullptr, 16));
            i += 2;
        } else {
            out += s[i];
        }
    }
    return out;
}

pairs decoded_plainly(std::string_view text)
{
    pairs all;
    while (!text.empty()) {
        const auto end = std::min(text.find('&'), text.size());
        const std::string one(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto equals = std::min(one.find('='), one.size());
        if (!one.empty())
            all.emplace_back(decoded(one.substr(0, equals)),
                             decoded(one.substr(std::min(equals + 1, one.size()))));
    }
    return all;
}

void check_limits(const reading& got, const form_limits& l)
{
    std::size_t all = 0;
    must(got.fields.size() <= l.parts, "form_limits::parts");
    for (const auto& [name, value] : got.fields) {
        must(name.size() + value.size() <= l.field, "form_limits::field");
        all += name.size() + value.size();
    }
    must(all <= l.fields, "form_limits::fields");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const auto options = in.byte();
    form_limits l;
    if ((options & 1) != 0)
        l.parts = 3;
    if ((options & 2) != 0)
        l.field = 6;
    if ((options & 4) != 0)
        l.fields = 11;
    const fuzz::cuts sizes(in.bytes(in.byte() & 7));
    const auto text = in.rest();

    const auto whole = read(text, fuzz::cuts({}), l);
    must(whole == read(text, sizes, l), "the same wherever it is cut");
    constexpr std::string_view one("\0", 1);
    must(whole == read(text, fuzz::cuts(one), l), "the same a byte at a time");
    check_limits(whole, l);
    const auto plain = decoded_plainly(text);
    if (!whole.ec) {
        must(whole.fields == plain, "as the plain way decodes it");
        const auto again = parse_query(text, l);
        must(again.size() == plain.size(), "parse_query does the same");
    } else {
        must(whole.fields.size() < plain.size() &&
                 std::equal(whole.fields.begin(), whole.fields.end(), plain.begin()),
             "what came before a limit was passed");
    }
    must(percent_decode(percent_encode(text)) == text, "what is encoded is read back");
    return 0;
}
