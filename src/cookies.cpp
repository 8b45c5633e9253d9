// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cookies.hpp>

#include <sluice/detail/text.hpp>
#include <sluice/errc.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

std::string_view trim(std::string_view s) noexcept
{
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t'))
        s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t'))
        s.remove_suffix(1);
    return s;
}

/// A cookie-octet of RFC 6265 section 4.1.1.
bool is_cookie_octet(char c) noexcept
{
    return c > ' ' && c < '\x7f' && c != '"' && c != ',' && c != ';' && c != '\\';
}

/// An av-octet: what the value of an attribute may have.
bool is_attribute_octet(char c) noexcept
{
    return c >= ' ' && c < '\x7f' && c != ';';
}

[[noreturn]] void refuse(const set_cookie& c, std::string_view why)
{
    std::string name;
    text::append_quoted(c.name, name);
    throw system_error(errc::bad_header_value, fmt::format("the cookie {}: {}", name, why));
}

template <class Predicate>
void check_bytes(const set_cookie& c, std::string_view what, std::string_view text, Predicate good)
{
    const auto bad = std::find_if_not(text.begin(), text.end(), good);
    if (bad != text.end())
        refuse(c, fmt::format("its {} has the byte 0x{:02x} at {}, which may not be there", what,
                              static_cast<unsigned char>(*bad), bad - text.begin()));
}

void check(const set_cookie& c)
{
    if (!text::is_token(c.name))
        refuse(c, "its name is no token");
    check_bytes(c, "value", c.value, is_cookie_octet);
    check_bytes(c, "path", c.path, is_attribute_octet);
    check_bytes(c, "domain", c.domain, is_attribute_octet);
    if (!c.path.empty() && c.path.front() != '/')
        refuse(c, "its path does not begin with '/'");
    // Browsers drop these without a word. They compare the prefixes without regard to case.
    const auto has_prefix = [&](std::string_view p) {
        return text::equal_nocase(std::string_view(c.name).substr(0, p.size()), p);
    };
    if (c.same_site == set_cookie::same_site_mode::none && !c.secure)
        refuse(c, "SameSite=None needs secure");
    if (has_prefix("__Secure-") && !c.secure)
        refuse(c, "a name that begins with __Secure- needs secure");
    if (has_prefix("__Host-") && (!c.secure || c.path != "/" || !c.domain.empty()))
        refuse(c, "a name that begins with __Host- needs secure, the path / and no domain");
}

std::string_view name_of(set_cookie::same_site_mode m) noexcept
{
    switch (m) {
    case set_cookie::same_site_mode::strict: return "Strict";
    case set_cookie::same_site_mode::lax: return "Lax";
    case set_cookie::same_site_mode::none: return "None";
    case set_cookie::same_site_mode::unsaid: break;
    }
    return "";
}

} // namespace

field_list parse_cookies(std::string_view header, const form_limits& l)
{
    field_list cookies;
    while (!header.empty()) {
        const auto end = std::min(header.find(';'), header.size());
        const auto pair = header.substr(0, end);
        header.remove_prefix(std::min(end + 1, header.size()));
        const auto equals = pair.find('=');
        if (equals == pair.npos)
            continue;
        const auto name = trim(pair.substr(0, equals));
        auto value = trim(pair.substr(equals + 1));
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
            value = value.substr(1, value.size() - 2);
        if (name.empty() || text::has_control(name) || text::has_control(value))
            continue;
        if (cookies.size() >= l.parts)
            throw system_error(errc::bad_request,
                               fmt::format("there are more than {} cookies (form_limits::parts)", l.parts));
        cookies.add(name, value);
    }
    return cookies;
}

std::string set_cookie::to_string() const
{
    check(*this);
    std::string s = name + '=' + value;
    if (!path.empty())
        s += "; Path=" + path;
    if (!domain.empty())
        s += "; Domain=" + domain;
    if (max_age)
        s += fmt::format("; Max-Age={}", std::max<std::int64_t>(0, max_age->count()));
    if (secure)
        s += "; Secure";
    if (http_only)
        s += "; HttpOnly";
    if (const auto mode = name_of(same_site); !mode.empty())
        s.append("; SameSite=").append(mode);
    return s;
}

set_cookie forget_cookie(std::string name, std::string path, std::string domain)
{
    set_cookie c{.name = std::move(name), .path = std::move(path), .domain = std::move(domain)};
    c.max_age = std::chrono::seconds(0);
    const std::string_view n(c.name);
    c.secure =
        text::equal_nocase(n.substr(0, 9), "__Secure-") || text::equal_nocase(n.substr(0, 7), "__Host-");
    return c;
}

} // namespace sluice
