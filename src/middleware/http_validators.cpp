// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/http_validators.hpp>

#include <sluice/detail/http_date.hpp>

#include <algorithm>
#include <ctime>

namespace sluice::detail {

namespace {

constexpr bool is_tag_char(char c) noexcept
{
    const auto u = static_cast<unsigned char>(c);
    return u == 0x21 || (u >= 0x23 && u != 0x7f);
}

/// Takes a tag off the front of `s`.
std::optional<entity_tag> take_tag(std::string_view& s) noexcept
{
    entity_tag tag;
    auto rest = s;
    if (rest.starts_with("W/")) {
        tag.weak = true;
        rest.remove_prefix(2);
    }
    if (!rest.starts_with('"'))
        return std::nullopt;
    rest.remove_prefix(1);
    const auto end = std::find_if_not(rest.begin(), rest.end(), is_tag_char);
    if (end == rest.end() || *end != '"')
        return std::nullopt;
    tag.opaque = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
    s = rest.substr(tag.opaque.size() + 1);
    return tag;
}

std::string_view without_leading(std::string_view s, std::string_view characters) noexcept
{
    const auto first = s.find_first_not_of(characters);
    return first == s.npos ? std::string_view() : s.substr(first);
}

bool is_any(std::string_view list) noexcept
{
    return list.starts_with('*') && without_leading(list.substr(1), " \t").empty();
}

} // namespace

std::optional<entity_tag> parse_entity_tag(std::string_view s) noexcept
{
    const auto tag = take_tag(s);
    return s.empty() ? tag : std::nullopt;
}

bool names_tag(std::string_view list, const entity_tag& tag, tag_comparison how) noexcept
{
    for (;;) {
        list = without_leading(list, " \t,");
        const auto named = take_tag(list);
        if (!named)
            return false;
        list = without_leading(list, " \t");
        if (!list.empty() && !list.starts_with(','))
            return false; // no tag is what has something else behind it
        if (named->opaque == tag.opaque && (how == tag_comparison::weak || (!named->weak && !tag.weak)))
            return true;
    }
}

precondition check_preconditions(const environment& env, std::string_view etag,
                                 std::string_view last_modified)
{
    const auto tag = parse_entity_tag(etag);
    const auto names = [&](std::string_view list, tag_comparison how) {
        return is_any(list) || (tag && names_tag(list, *tag, how));
    };
    const auto now = std::time(nullptr);
    const auto modified = parse_http_date(last_modified, now);
    const auto modified_since = [&](std::string_view field) -> std::optional<bool> {
        const auto date = parse_http_date(field, now);
        return modified && date ? std::optional(*modified > *date) : std::nullopt;
    };

    if (const auto list = env.header("If-Match"); !list.empty()) {
        if (!names(list, tag_comparison::strong))
            return precondition::failed;
    } else if (modified_since(env.header("If-Unmodified-Since")).value_or(false)) {
        return precondition::failed;
    }
    if (const auto list = env.header("If-None-Match"); !list.empty())
        return names(list, tag_comparison::weak) ? precondition::not_modified : precondition::holds;
    return modified_since(env.header("If-Modified-Since")).value_or(true) ? precondition::holds
                                                                          : precondition::not_modified;
}

} // namespace sluice::detail
