// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "normalize_steps.hpp"
#include <sluice/detail/text.hpp>

#include <algorithm>

namespace sluice::normalizing {
namespace {

bool is_port(std::string_view s) noexcept
{
    return !s.empty() && s.size() <= 5 && std::all_of(s.begin(), s.end(), text::is_digit);
}

} // namespace

host_and_port split_host(std::string_view authority) noexcept
{
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos)
        return {authority, {}};
    const std::string_view host = authority.substr(0, colon);
    const std::string_view port = authority.substr(colon + 1);
    // More colons than one belong to an IPv6 address, which takes a port only when it is in brackets.
    const bool host_ends_here = host.ends_with(']') || host.find(':') == std::string_view::npos;
    if (!host_ends_here || !(port.empty() || is_port(port)))
        return {authority, {}};
    return {host, port};
}

bool is_plain_host(std::string_view host) noexcept
{
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        return std::all_of(host.begin(), host.end(),
                           [](char c) { return c == ':' || c == '.' || text::hex_value(c) >= 0; });
    }
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return text::is_alnum(c) || c == '-' || c == '.' || c == '_';
    });
}

} // namespace sluice::normalizing
