// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/parameters.hpp>

#include <sluice/detail/text.hpp>

#include <algorithm>
#include <string>

namespace sluice::detail {
namespace {

// Each is compared with all before it. Content-Disposition has three in use.
constexpr std::size_t most_parameters = 16;

/// Takes quoted text off the front of `s`, which begins behind the opening quote. False when it does not end.
bool take_quoted(std::string_view& s, std::string& to)
{
    for (std::size_t i = 0; i < s.size(); ++i) {
        const bool escape = s[i] == '\\' && i + 1 < s.size() && (s[i + 1] == '"' || s[i + 1] == '\\');
        if (escape) {
            ++i;
        } else if (s[i] == '"') {
            s.remove_prefix(i + 1);
            return true;
        }
        to += s[i];
    }
    return false;
}

} // namespace

std::string_view trim_blanks(std::string_view s) noexcept
{
    constexpr std::string_view blanks = " \t";
    s.remove_prefix(std::min(s.find_first_not_of(blanks), s.size()));
    return s.substr(0, s.find_last_not_of(blanks) + 1);
}

bool parse_parameters(std::string_view text, value_with_parameters& to)
{
    const auto end = std::min(text.find(';'), text.size());
    to.value = trim_blanks(text.substr(0, end));
    to.parameters.clear();
    if (to.value.empty())
        return false;
    auto rest = text.substr(end);
    std::string value;
    while (!rest.empty()) {
        rest = trim_blanks(rest.substr(1)); // behind the `;`
        if (rest.empty() || rest.front() == ';')
            continue;
        const auto equals = rest.find('=');
        if (equals == rest.npos)
            return false;
        const auto name = rest.substr(0, equals);
        rest.remove_prefix(equals + 1);
        value.clear();
        if (rest.starts_with('"')) {
            rest.remove_prefix(1);
            if (!take_quoted(rest, value))
                return false;
            rest = trim_blanks(rest);
            if (!rest.empty() && rest.front() != ';')
                return false;
        } else {
            const auto size = std::min(rest.find(';'), rest.size());
            value = trim_blanks(rest.substr(0, size));
            if (value.empty() || value.find('"') != value.npos)
                return false;
            rest.remove_prefix(size);
        }
        if (to.parameters.size() == most_parameters || !text::is_token(name) || to.parameters.contains(name))
            return false;
        to.parameters.add(name, value);
    }
    return true;
}

} // namespace sluice::detail
