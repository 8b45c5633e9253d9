// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/preferences.hpp>

#include <sluice/detail/text.hpp>

namespace sluice::detail {

namespace {

constexpr int full = 1000;

std::string_view trimmed(std::string_view s) noexcept
{
    const auto first = s.find_first_not_of(" \t");
    return first == s.npos ? std::string_view() : s.substr(first, s.find_last_not_of(" \t") - first + 1);
}

/// What is before the next `separator` that is in no quoted string; takes it and the separator off `rest`.
std::string_view next_part(std::string_view& rest, char separator) noexcept
{
    bool quoted = false;
    std::size_t i = 0;
    for (; i < rest.size() && (quoted || rest[i] != separator); ++i) {
        if (quoted && rest[i] == '\\' && i + 1 < rest.size())
            ++i;
        else if (rest[i] == '"')
            quoted = !quoted;
    }
    const auto part = rest.substr(0, i);
    rest.remove_prefix(i < rest.size() ? i + 1 : i);
    return trimmed(part);
}

/// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
std::optional<int> parse_weight(std::string_view s) noexcept
{
    if (s.empty() || s.size() > 5 || (s[0] != '0' && s[0] != '1') || (s.size() > 1 && s[1] != '.'))
        return std::nullopt;
    int value = (s[0] - '0') * full;
    int unit = full / 10;
    for (const char c : s.substr(s.size() > 1 ? 2 : 1)) {
        if (!text::is_digit(c))
            return std::nullopt;
        value += (c - '0') * unit;
        unit /= 10;
    }
    return value <= full ? std::optional(value) : std::nullopt;
}

} // namespace

std::optional<int> weight_of(std::string_view list, std::string_view name) noexcept
{
    while (!list.empty()) {
        auto element = next_part(list, ',');
        if (!text::equal_nocase(next_part(element, ';'), name))
            continue;
        std::optional<int> weight = full;
        while (!element.empty()) {
            const auto parameter = next_part(element, ';');
            if (parameter.size() >= 2 && text::lower(parameter[0]) == 'q' && parameter[1] == '=')
                weight = parse_weight(parameter.substr(2));
        }
        if (weight)
            return weight;
    }
    return std::nullopt;
}

bool prefers_coding(std::string_view accept_encoding, std::string_view coding) noexcept
{
    auto weight = weight_of(accept_encoding, coding);
    if (!weight)
        weight = weight_of(accept_encoding, "*");
    return weight.value_or(0) > 0 && *weight >= weight_of(accept_encoding, "identity").value_or(0);
}

bool prefers_html(std::string_view accept) noexcept
{
    const auto of = [&](std::string_view type) {
        for (const auto range : {type, std::string_view("text/*"), std::string_view("*/*")}) {
            if (const auto weight = weight_of(accept, range))
                return *weight;
        }
        return 0;
    };
    // "*/*" alone is what programs send, to whom plain text is more use.
    const auto html = of("text/html");
    return html > 0 && html >= of("text/plain") && accept.find("html") != accept.npos;
}

} // namespace sluice::detail
