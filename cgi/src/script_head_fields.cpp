// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_head.hpp>

#include "script_head_text.hpp"

#include <sluice/detail/hop_by_hop.hpp>

// What each header means, and all of them together.

namespace sluice::cgi {
namespace {

/// A path with or without a query. Clients take `//host/x` for another host, and a fragment is theirs alone.
bool is_local(std::string_view location) noexcept
{
    return location.starts_with('/') && !location.starts_with("//") && location.find('#') == location.npos;
}

} // namespace

// A program must not repeat Status, Location and Content-Type (section 6.3). Of those that do, Apache's
// ap_scan_script_header_err takes the last; lighttpd takes the last Status and sends the others twice; fcgiwrap passes
// all on, and nginx behind it takes the first Status. Here the last counts: a program that sets a header and then
// thinks better of it was most likely tried with Apache.
void script_head_parser::take_field(std::string_view name, std::string_view value)
{
    if (sluice::detail::is_hop_by_hop(name))
        return;
    switch (name.size()) {
    case 6:
        if (!text::equal_nocase(name, "Status"))
            break;
        // CGI.pm writes both; the client of an unparsed head would go by the status line.
        if (mode_ == mode::parsed)
            take_status(value, value);
        return;
    case 8:
        if (!text::equal_nocase(name, "Location"))
            break;
        if (value.empty())
            return fail("a header without a value:", name, {});
        return keep_last(location_at_, name, value);
    case 12:
        if (!text::equal_nocase(name, "Content-Type"))
            break;
        return keep_last(type_at_, name, value);
    case 14:
        if (!text::equal_nocase(name, "Content-Length"))
            break;
        return take_content_length(name, value);
    case 17:
        if (!text::equal_nocase(name, "Transfer-Encoding"))
            break;
        // Whoever says chunked has written chunks: Apache sends them as they are, lighttpd decodes them. Without the
        // header they would be taken for the document itself.
        if (!text::equal_nocase(value, "identity"))
            fail("the body would be in a transfer coding, which is the web server's to apply:", name, value);
        return;
    default: break;
    }
    head_.response.headers.add(name, value);
}

void script_head_parser::keep_last(std::size_t& at, std::string_view name, std::string_view value)
{
    auto& headers = head_.response.headers;
    if (at != none)
        return headers.set_at(at, value);
    at = headers.size();
    headers.add(name, value);
}

void script_head_parser::take_content_length(std::string_view name, std::string_view value)
{
    const auto length = text::parse_number(value);
    if (!length)
        return fail("no number of bytes in header", name, value);
    if (head_.content_length && *head_.content_length != *length)
        return fail("a second header that differs from the first:", name, value);
    if (!head_.content_length)
        head_.response.headers.add(name, value);
    head_.content_length = length;
}

void script_head_parser::take_end()
{
    response_head& response = head_.response;
    if (mode_ == mode::nph && response.status >= 100 && response.status < 200 && response.status != 101)
        return forget_head(); // an interim response; the final one follows
    if (mode_ == mode::parsed && fields_ == 0)
        return fail("the output begins with an empty line, without any header");

    if (location_at_ != none)
        head_.location = response.headers[location_at_].value;
    if (is_local_redirect()) {
        head_.what = script_head::kind::local_redirect;
        response.headers.erase_at(location_at_);
        state_ = result::done;
        return;
    }
    if (location_at_ != none && !has_status_)
        response.status = 302; // section 6.2.3
    if (location_at_ != none && response.status >= 300 && response.status <= 399)
        head_.what = script_head::kind::client_redirect;

    // Section 6.3.1 wants a Content-Type with every document. Apache, lighttpd and fcgiwrap pass one without on as it
    // is, and so redirects and errors without a document come without a type too (git http-backend's 404), where R26
    // asks for one. Plain text is what `echo` wrote, was Apache's default for long, and is run by no browser.
    if (status_allows_body(response.status)) {
        if (type_at_ == none)
            response.headers.add("Content-Type", "text/plain");
        else if (response.headers[type_at_].value.empty())
            response.headers.set_at(type_at_, "text/plain");
    }

    head_facts facts;
    std::string why;
    if (check_head(response, facts, &why))
        return fail(why);
    head_.content_length = facts.content_length;
    if (const auto size = size_sent(); size > most_bytes_)
        return fail("the head would go out with " + std::to_string(size) +
                    " bytes, limits::response_head is " + std::to_string(most_bytes_));
    state_ = result::done;
}

// Section 6.2.2 allows a local Location nothing beside it but extensions (X-CGI-…, section 6.3.5). Apache goes there
// whatever else is said, unless that is a Status other than 200; lighttpd does not unless told (cgi.local-redir). With
// a Set-Cookie, a type or a document beside it the client is sent there, so that nothing of that is lost; a program
// that gives a Status means the client (CGI.pm's redirect).
bool script_head_parser::is_local_redirect() const noexcept
{
    if (mode_ == mode::nph || has_status_ || !is_local(head_.location))
        return false;
    const auto& headers = head_.response.headers;
    for (std::size_t i = 0; i < headers.size(); ++i) {
        if (i != location_at_ && !text::starts_nocase(headers[i].name, "X-CGI-"))
            return false;
    }
    return true;
}

/// What `serialize_cgi_head` will make of it: more than was read when that had bare LF and no spaces.
std::size_t script_head_parser::size_sent() const noexcept
{
    const response_head& response = head_.response;
    std::size_t reason = response.reason.size();
    if (reason == 0)
        reason = reason_phrase(response.status).size();
    if (reason == 0)
        reason = std::string_view("Unknown").size();
    std::size_t size = std::string_view("Status: 200 \r\n\r\n").size() + reason;
    for (const field& f : response.headers)
        size += f.name.size() + f.value.size() + std::string_view(": \r\n").size();
    return size;
}

} // namespace sluice::cgi
