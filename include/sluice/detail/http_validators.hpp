// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/environment.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::detail {

/// An entity tag without its quotes (RFC 9110 section 8.8.3).
struct entity_tag {
    std::string_view opaque;
    bool weak = false;
};

/// The tag that `s` is; nothing when it is none, or has something behind it.
std::optional<entity_tag> parse_entity_tag(std::string_view s) noexcept;

enum class tag_comparison {
    strong, ///< the same bytes: neither is weak (RFC 9110 section 8.8.3.2)
    weak,   ///< as good as the same
};

/// Whether `list`, an If-Match or If-None-Match field, names `tag`. What stands behind something that is no tag is
/// not looked at.
bool names_tag(std::string_view list, const entity_tag& tag, tag_comparison how) noexcept;

enum class precondition {
    holds,
    not_modified, ///< 304
    failed,       ///< 412
};

/// What the preconditions of a GET or HEAD say of a representation with these validators ("" for none), in the order of
/// RFC 9110 section 13.2.2. A date that is none is as if it were not there, and so is one beside a list of tags.
precondition check_preconditions(const environment& env, std::string_view etag,
                                 std::string_view last_modified);

} // namespace sluice::detail
