// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The head of a part: its header lines, and the names in them.
#include <sluice/multipart_parser.hpp>

#include <sluice/detail/parameters.hpp>
#include <sluice/detail/text.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace sluice {
namespace {

/// What browsers encode in names, and nothing else.
std::string decode_name(std::string_view s)
{
    std::string out;
    for (std::size_t i = 0; i < s.size(); ++i) {
        const auto escape = s.substr(i, 3);
        const char c = text::equal_nocase(escape, "%22")   ? '"'
                       : text::equal_nocase(escape, "%0D") ? '\r'
                       : text::equal_nocase(escape, "%0A") ? '\n'
                                                           : '\0';
        out += c != '\0' ? c : s[i];
        if (c != '\0')
            i += 2;
    }
    return out;
}

bool has_other_control(std::string_view s) noexcept
{
    for (const char c : s) {
        if (c != '\t' && text::has_control({&c, 1}))
            return true;
    }
    return false;
}

std::string quoted(std::string_view s)
{
    std::string out;
    text::append_quoted(s, out);
    return out;
}

} // namespace

multipart_parser::event multipart_parser::parse_head()
{
    part_ = {};
    part_size_ = 0;
    auto rest = std::string_view(head_);
    while (rest.size() > 2) {
        const auto end = rest.find("\r\n");
        parse_line(rest.substr(0, end));
        if (state_ == state::failed)
            return event::failed;
        rest.remove_prefix(end + 2);
    }
    const auto disposition = part_.headers.find("Content-Disposition");
    if (disposition == part_.headers.size())
        return fail(errc::bad_form, "a part has no Content-Disposition");
    if (!parse_disposition(part_.headers[disposition].value))
        return fail(errc::bad_form, "a part's Content-Disposition is no form-data with a name: " +
                                        quoted(part_.headers[disposition].value));
    part_.content_type = part_.headers.get("Content-Type");
    const auto encoding = part_.headers.get("Content-Transfer-Encoding");
    if (!encoding.empty() && !text::equal_nocase(encoding, "binary") &&
        !text::equal_nocase(encoding, "8bit") && !text::equal_nocase(encoding, "7bit"))
        return fail(errc::unsupported_form, "a part has Content-Transfer-Encoding " + quoted(encoding));
    if (part_.is_file()) {
        // What a file is called is kept as a field's value is.
        take_room(part_.name.size() + part_.filename->size() + part_.content_type.size(), limits_.fields,
                  fields_size_, "all fields together are larger than {} bytes (form_limits::fields)");
        if (state_ == state::failed)
            return event::failed;
    } else {
        const auto n = part_.name.size();
        take_room(n, limits_.field, part_size_, "a field is larger than {} bytes (form_limits::field)");
        take_room(n, limits_.fields, fields_size_,
                  "all fields together are larger than {} bytes (form_limits::fields)");
        if (state_ == state::failed)
            return event::failed;
    }
    begin_matching(state::data);
    return event::part_begin;
}

void multipart_parser::parse_line(std::string_view line)
{
    const auto colon = std::min(line.find(':'), line.size());
    const auto name = line.substr(0, colon);
    if (colon == line.size() || !text::is_token(name)) // a folded one, too
        fail(errc::bad_form, "no header line of a part: " + quoted(line));
    else if (has_other_control(line))
        fail(errc::bad_form, "a control character in a header line of a part: " + quoted(line));
    else if (part_.headers.size() >= limits_.part_fields)
        fail(errc::body_too_large,
             fmt::format("a part has more than {} header lines (form_limits::part_fields)",
                         limits_.part_fields));
    else if (part_.headers.contains(name)) // which of the two would count?
        fail(errc::bad_form, "a header line of a part comes twice: " + quoted(name));
    else
        part_.headers.add(name, detail::trim_blanks(line.substr(colon + 1)));
}

bool multipart_parser::parse_disposition(std::string_view value)
{
    detail::value_with_parameters d;
    if (!detail::parse_parameters(value, d) || !text::equal_nocase(d.value, "form-data") ||
        !d.parameters.contains("name"))
        return false;
    part_.name = decode_name(d.parameters.get("name"));
    if (d.parameters.contains("filename"))
        part_.filename = decode_name(d.parameters.get("filename"));
    return true;
}

std::string safe_file_name(std::string_view filename)
{
    constexpr std::size_t most = 120;
    filename.remove_prefix(filename.find_last_of("/\\") + 1); // npos + 1 is 0
    std::string s;
    for (const char c : filename) {
        if (text::has_control({&c, 1}))
            continue;
        s += std::string_view("<>:\"|?*").find(c) != std::string_view::npos ? '_' : c;
    }
    if (s.size() > most) {
        std::size_t end = most;
        while (end > 0 && (static_cast<unsigned char>(s[end]) & 0xc0) == 0x80)
            --end; // not within a character of UTF-8
        s.resize(end);
    }
    const auto first = s.find_first_not_of(". ");
    if (first == s.npos)
        return "file";
    return s.substr(first, s.find_last_not_of(". ") + 1 - first);
}

} // namespace sluice
