// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/text.hpp>
#include <sluice/environment.hpp>

#include "normalize_steps.hpp"

namespace sluice {
namespace {

/// True when `variable`, after its prefix, is the CGI spelling of the header `name` (RFC 3875 section 4.1.18).
bool spells(std::string_view variable, std::string_view name) noexcept
{
    constexpr std::string_view prefix = "HTTP_";
    if (variable.size() != prefix.size() + name.size() || !variable.starts_with(prefix))
        return false;
    variable.remove_prefix(prefix.size());
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i] == '-' ? '_' : text::upper(name[i]);
        if (variable[i] != c)
            return false;
    }
    return true;
}

} // namespace

std::string_view normalizing::scheme_of(std::string_view https, std::string_view request_scheme) noexcept
{
    const bool secure =
        https == "1" || text::equal_nocase(https, "on") || text::equal_nocase(request_scheme, "https");
    return secure ? "https" : "http";
}

std::string_view environment::header(std::string_view name) const
{
    if (text::equal_nocase(name, "content-type"))
        return get("CONTENT_TYPE");
    if (text::equal_nocase(name, "content-length"))
        return get("CONTENT_LENGTH");
    for (std::size_t i = 0; i < size(); ++i) {
        const field f = (*this)[i];
        if (spells(f.name, name))
            return f.value;
    }
    return {};
}

std::string_view environment::scheme() const noexcept
{
    return normalizing::scheme_of(get("HTTPS"), get("REQUEST_SCHEME"));
}

std::optional<std::uint64_t> environment::content_length() const noexcept
{
    return text::parse_number(get("CONTENT_LENGTH"));
}

std::optional<std::uint64_t> environment::data_length() const noexcept
{
    return text::parse_number(get("FCGI_DATA_LENGTH"));
}

} // namespace sluice
