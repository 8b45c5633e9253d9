// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_head.hpp>

#include "script_head_text.hpp"

#include <algorithm>

namespace sluice::cgi {

void script_head::clear() noexcept
{
    what = kind::document;
    response.clear();
    location.clear();
    content_length.reset();
}

void script_head_parser::reset() noexcept
{
    state_ = result::need_more;
    bytes_ = fields_ = 0;
    begun_.clear();
    fault_.clear();
    forget_head();
}

void script_head_parser::reset(mode m) noexcept
{
    mode_ = m;
    reset();
}

void script_head_parser::forget_head() noexcept
{
    head_.clear();
    has_status_ = false;
    type_at_ = location_at_ = none;
}

script_head_parser::result script_head_parser::feed(std::string_view bytes, std::size_t& used)
{
    used = 0;
    while (state_ == result::need_more && used < bytes.size()) {
        std::string_view line = bytes.substr(used);
        const auto end = line.find('\n');
        const bool whole = end != line.npos;
        if (whole)
            line = line.substr(0, end + 1);
        if (line.size() > most_bytes_ - bytes_) {
            begun_.append(line.substr(0, most_bytes_ - bytes_));
            fail("the head is longer than limits::response_head, " + std::to_string(most_bytes_) +
                     " bytes; the line there begins",
                 begun_, {});
            break;
        }
        bytes_ += line.size();
        used += line.size();
        if (!whole) {
            begun_.append(line);
            break;
        }
        line.remove_suffix(1);
        if (!begun_.empty()) {
            begun_.append(line);
            line = begun_;
        }
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        take_line(line);
        begun_.clear();
    }
    return state_;
}

script_head_parser::result script_head_parser::end()
{
    if (state_ != result::need_more)
        return state_;
    if (bytes_ == 0)
        fail("the program ended without any output");
    else if (begun_.empty())
        fail("the output ended before the empty line that ends the head, after " + std::to_string(bytes_) +
             " bytes");
    else
        fail("the output ended inside the head, after " + std::to_string(bytes_) + " bytes, in the line",
             begun_, {});
    return state_;
}

void script_head_parser::take_line(std::string_view line)
{
    if (mode_ == mode::nph && !has_status_)
        take_status_line(line);
    else if (line.empty())
        take_end();
    else
        take_field(line);
}

// "HTTP/1.1 200 OK", with any version: programs repeat SERVER_PROTOCOL here, and "HTTP/2.0" is one.
void script_head_parser::take_status_line(std::string_view line)
{
    std::string_view rest = line;
    if (rest.starts_with("HTTP/")) {
        const auto space = rest.find(' ');
        const auto version = rest.substr(5, space == rest.npos ? space : space - 5);
        if (space != rest.npos && !version.empty() &&
            version.find_first_not_of("0123456789.") == version.npos)
            return take_status(text::trimmed(rest.substr(space)), line);
    }
    fail("a program of this name (nph-) begins with a status line of HTTP, and this is none:", line, {});
}

void script_head_parser::take_status(std::string_view said, std::string_view line)
{
    const bool has_code = said.size() >= 3 && text::is_digit(said[0]) && text::is_digit(said[1]) &&
                          text::is_digit(said[2]) && (said.size() == 3 || said[3] == ' ' || said[3] == '\t');
    if (!has_code)
        return fail("no status of three digits in", line, {});
    if (text::has_bad_control(said))
        return fail("control character in the status", line, {});
    has_status_ = true;
    head_.response.status = (said[0] - '0') * 100 + (said[1] - '0') * 10 + (said[2] - '0');
    head_.response.reason = text::trimmed(said.substr(3));
    std::replace(head_.response.reason.begin(), head_.response.reason.end(), '\t', ' ');
}

void script_head_parser::take_field(std::string_view line)
{
    // Section 6.3 has no continuation lines; RFC 9112 section 5.2 lets a gateway refuse them, and a line that is joined
    // here may have been read otherwise by whoever checked it before.
    if (line.front() == ' ' || line.front() == '\t')
        return fail("a header line that begins with white space (a continuation line?):", line, {});
    const auto colon = line.find(':');
    if (colon == line.npos) {
        const bool http = fields_ == 0 && line.starts_with("HTTP/");
        return fail(http ? "a status line of HTTP, which only a program named nph-… may write:"
                         : "no header (no colon) in",
                    line, {});
    }
    const auto name = line.substr(0, colon);
    if (!text::is_token(name))
        return fail("this is no header name:", name, {});
    auto value = text::trimmed(line.substr(colon + 1));
    if (text::has_bad_control(value))
        return fail("control character in the value of header", name, value);
    if (++fields_ > most_fields_)
        return fail("more header lines than limits::response_fields, " + std::to_string(most_fields_));

    if (value.find('\t') != value.npos) {
        untabbed_ = value; // R25 has no tabs
        std::replace(untabbed_.begin(), untabbed_.end(), '\t', ' ');
        value = untabbed_;
    }
    take_field(name, value);
}

void script_head_parser::fail(std::string_view what)
{
    state_ = result::failed;
    fault_ = what;
}

void script_head_parser::fail(std::string_view what, std::string_view name, std::string_view value)
{
    fail(what);
    fault_ += ' ';
    text::append_quoted(name, fault_);
    if (!value.empty()) {
        fault_ += ": ";
        text::append_quoted(value, fault_);
    }
}

} // namespace sluice::cgi
