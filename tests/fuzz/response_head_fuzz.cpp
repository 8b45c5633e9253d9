// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A head that passes `check_head` cannot smuggle a line into the response.
//
// An input: the status in two bytes, the reason, names and values in turn, each as its length and its text.
#include "fuzz/fuzz.hpp"

#include <sluice/response.hpp>

#include <string>
#include <vector>

using namespace sluice;
using fuzz::must;

namespace {

bool has_control(std::string_view s)
{
    return std::any_of(s.begin(), s.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

bool same_name(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

// As a web server reads it; false for what is no head.
std::vector<std::string> lines_of(std::string_view text)
{
    must(text.ends_with("\r\n\r\n"), "an empty line at the end");
    std::vector<std::string> lines;
    for (;;) {
        const auto end = text.find("\r\n");
        must(end != std::string_view::npos, "lines end");
        const auto line = text.substr(0, end);
        text.remove_prefix(end + 2);
        must(!has_control(line), "no control characters, so no line of the client's own");
        if (line.empty())
            break;
        lines.emplace_back(line);
    }
    must(text.empty(), "nothing behind the empty line");
    return lines;
}

void check_text(const response_head& head, const head_facts& facts)
{
    std::string text = "before ";
    serialize_cgi_head(head, text);
    must(text.starts_with("before "), "it is appended");
    const auto lines = lines_of(std::string_view(text).substr(7));
    must(lines.size() == head.headers.size() + 1, "a line for each header");
    must(lines[0].starts_with("Status: " + std::to_string(head.status) + " ") &&
             lines[0].size() > sizeof "Status: 200",
         "the status and a reason");
    std::size_t types = 0, lengths = 0;
    for (std::size_t i = 0; i < head.headers.size(); ++i) {
        const auto [name, value] = head.headers[i];
        must(lines[i + 1] == std::string(name) + ": " + std::string(value), "the header as it was given");
        must(!name.empty() && name.find_first_of(" :\t") == name.npos, "a name that is a token");
        must(!same_name(name, "Status"), "one status only");
        types += same_name(name, "Content-Type");
        lengths += same_name(name, "Content-Length");
        must(facts.body_allowed || !same_name(name, "Transfer-Encoding"), "no coding of a body that is not");
    }
    must(facts.body_allowed ? types > 0 : types == 0, "R26: a type where there is a body");
    must(facts.body_allowed ? lengths <= 1 : lengths == 0, "R27: one length where there is a body");
    must(facts.content_length.has_value() == (lengths == 1), "the length is known");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    response_head head;
    head.status = static_cast<std::int16_t>(in.two_bytes());
    head.reason = in.bytes(in.byte());
    while (!in.done()) {
        const auto name = in.bytes(in.byte());
        head.headers.add(name, in.bytes(in.byte()));
    }

    head_facts facts;
    std::string why;
    if (const auto fault = check_head(head, facts, &why)) {
        must(fault.category() == sluice_category(), "an error of our own");
        must(!why.empty() && !has_control(why), "a reason fit for a log");
        must(check_head(head, facts) == fault, "the same without a reason");
        return 0;
    }
    must(head.status >= 200 && head.status <= 999, "a final status");
    must(facts.body_allowed == status_allows_body(head.status), "what the status says of a body");
    check_text(head, facts);
    must(!check_head(head, facts), "what was mended is good");
    return 0;
}
