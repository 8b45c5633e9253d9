// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/hop_by_hop.hpp>
#include <sluice/detail/text.hpp>
#include <sluice/response.hpp>

#include <string>

namespace sluice {
namespace {

error_code refuse(errc e, std::string* why, std::string_view words, std::string_view name = {},
                  std::string_view value = {})
{
    if (why != nullptr) {
        why->assign(words);
        if (!name.empty() || e == errc::bad_header_name) {
            *why += ' ';
            text::append_quoted(name, *why);
        }
        if (!value.empty()) {
            *why += ": ";
            text::append_quoted(value, *why);
        }
    }
    return e;
}

/// In any case, but first as nearly all write it.
bool is_named(std::string_view name, std::string_view usual) noexcept
{
    return name == usual || text::equal_nocase(name, usual);
}

bool is_header_name(std::string_view name) noexcept
{
    if (name == "Content-Type" || name == "Content-Length")
        return true; // nearly all responses have these, and nothing else
    return text::is_token(name) && name.back() != '-' && name.back() != '_';
}

} // namespace

void response_head::clear() noexcept
{
    status = 200;
    reason.clear();
    headers.clear();
}

bool status_allows_body(int status) noexcept
{
    return status >= 200 && status != 204 && status != 205 && status != 304;
}

error_code check_head(response_head& head, head_facts& facts, std::string* why)
{
    if (head.status < 200 || head.status > 999)
        return refuse(errc::bad_status, why,
                      "the status is no final status of 200-999:", std::to_string(head.status));
    if (text::has_control(head.reason))
        return refuse(errc::bad_header_value, why, "control character in the reason phrase", head.reason);

    facts.body_allowed = status_allows_body(head.status);
    facts.content_length.reset();
    bool has_type = false;
    bool describes_body = false;
    bool for_connection = false;

    for (std::size_t i = 0; i < head.headers.size(); ++i) {
        const auto [name, value] = head.headers[i];
        if (!is_header_name(name))
            return refuse(errc::bad_header_name, why, "this is no header name:", name);
        if (text::has_control(value))
            return refuse(errc::bad_header_value, why, "control character in the value of header", name,
                          value);

        for_connection |= detail::is_hop_by_hop(name);
        switch (name.size()) {
        case 6:
            if (is_named(name, "Status"))
                return refuse(errc::bad_header_name, why, "the status is set as a number, not as header",
                              name);
            break;
        case 12:
            if (is_named(name, "Content-Type")) {
                describes_body = true;
                if (has_type && facts.body_allowed)
                    return refuse(errc::bad_header_value, why, "a second header", name, value);
                has_type = !value.empty();
            }
            break;
        case 14:
            if (is_named(name, "Content-Length")) {
                describes_body = true;
                if (!facts.body_allowed)
                    break;
                if (facts.content_length)
                    return refuse(errc::bad_header_value, why, "a second header", name, value);
                facts.content_length = text::parse_number(value);
                if (!facts.content_length)
                    return refuse(errc::bad_header_value, why, "no number of bytes in header", name, value);
            }
            break;
        case 17:
            if (!is_named(name, "Transfer-Encoding"))
                break;
            describes_body = true;
            // Who says chunked may have written chunks, and nobody would take them apart again.
            if (facts.body_allowed)
                return refuse(errc::bad_header_name, why, "the web server chooses it, not the app:", name,
                              value);
            break;
        default: break;
        }
    }

    if (facts.body_allowed && !has_type)
        return refuse(errc::missing_content_type, why, "no Content-Type in a response of status",
                      std::to_string(head.status));
    if (for_connection) { // many an example of an event stream has one
        for (const std::string_view name :
             {"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade"})
            head.headers.erase(name);
    }
    if (!facts.body_allowed && describes_body) {
        for (const std::string_view name : {"Content-Type", "Content-Length", "Transfer-Encoding"})
            head.headers.erase(name);
    }
    return {};
}

} // namespace sluice
