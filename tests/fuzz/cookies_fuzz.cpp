// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Cookie headers of any bytes, and Set-Cookie headers of any values: what goes out is one header with what was given.
//
// An input: the options, the sizes of name, value, path and domain and these, then a Cookie header.
#include "fuzz/fuzz.hpp"

#include <sluice/cookies.hpp>
#include <sluice/errc.hpp>

#include <string>

using namespace sluice;
using fuzz::must;

namespace {

bool has_control(std::string_view s)
{
    return std::any_of(s.begin(), s.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

void check_header(std::string_view header)
{
    form_limits l;
    l.parts = 5;
    try {
        const auto cookies = parse_cookies(header, l);
        must(cookies.size() <= l.parts, "form_limits::parts");
        for (const field& c : cookies) {
            must(!c.name.empty() && !has_control(c.name) && !has_control(c.value), "names, and no controls");
            must(c.name.find_first_of("=;") == c.name.npos && c.value.find(';') == c.value.npos,
                 "no separators");
            must(header.find(c.name) != header.npos && header.find(c.value) != header.npos,
                 "what is in the header");
        }
    } catch (const system_error& e) {
        must(e.code() == errc::bad_request, "the only error");
        must(std::count(header.begin(), header.end(), '=') > 5, "there were too many");
    }
}

void check_set(const set_cookie& c)
{
    std::string text;
    try {
        text = c.to_string();
    } catch (const system_error& e) {
        must(e.code() == errc::bad_header_value && !has_control(std::string_view(e.what())),
             "words for a log");
        return;
    }
    must(!has_control(text), "R25");
    // The attributes are those of `c`, however its parts look.
    const auto end = std::min(text.find(';'), text.size());
    const auto sent = parse_cookies(std::string_view(text).substr(0, end));
    must(sent.size() == 1 && sent[0].name == c.name && sent[0].value == c.value,
         "what comes back is what was set");
    const auto attributes = static_cast<std::size_t>(std::count(text.begin(), text.end(), ';'));
    const std::size_t expected = (c.path.empty() ? 0 : 1) + (c.domain.empty() ? 0 : 1) + (c.max_age ? 1 : 0) +
                                 (c.secure ? 1 : 0) + (c.http_only ? 1 : 0) +
                                 (c.same_site == set_cookie::same_site_mode::unsaid ? 0 : 1);
    must(attributes == expected, "no attribute that was not asked for");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const auto options = in.byte();
    set_cookie c;
    c.name = in.bytes(in.byte() & 31);
    c.value = in.bytes(in.byte() & 31);
    c.path = in.bytes(in.byte() & 31);
    c.domain = in.bytes(in.byte() & 31);
    c.secure = (options & 1) != 0;
    c.http_only = (options & 2) != 0;
    if ((options & 4) != 0)
        c.max_age = std::chrono::seconds(static_cast<int>(options) - 100);
    c.same_site = static_cast<set_cookie::same_site_mode>(options >> 3 & 3);
    check_set(c);
    check_header(in.rest());
    return 0;
}
