// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>
#include <sluice/field_list.hpp>
#include <sluice/limits.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice {

/// Decodes application/x-www-form-urlencoded text as it comes: queries and forms (WHATWG URL, section 5.1).
///
/// `&` ends a pair and the first `=` its name; a pair of no bytes is none. `+` is a space, `%41` the byte 0x41; a `%` that two
/// hexadecimal digits do not follow stays as it is. The order is kept, and repeated names. What comes out is
/// bytes: of any value, NUL among them, and UTF-8 only if the client made it so.
///
/// Sans-I/O. Thread safety: none.
class urlencoded_parser {
public:
    explicit urlencoded_parser(const form_limits& l) noexcept : limits_(l) {}

    /// Takes all of `bytes`, cut anywhere. Errors: `body_too_large` over `parts`, `field` or `fields` of the limits;
    /// `fault()` says which. It stays.
    error_code feed(std::string_view bytes);

    /// The text has ended. Errors: as `feed`.
    error_code finish();

    /// The pairs that ended so far.
    field_list& fields() noexcept { return fields_; }
    const std::string& fault() const noexcept { return fault_; }

private:
    void take(char c);
    void end_pair();
    void over(const char* what, std::size_t most);

    form_limits limits_;
    field_list fields_;
    std::string pair_; ///< of the pair that has begun: name and value, decoded
    std::size_t name_size_ = 0;
    bool begun_ = false;
    bool in_value_ = false;
    char escape_[2] = {}; ///< `%`, and a digit, of which what follows decides
    std::size_t escape_size_ = 0;
    error_code error_;
    std::string fault_;
};

/// The pairs of a query, by the rules of `urlencoded_parser`.
///
///     const auto query = sluice::parse_query(req.env().query_string());
///     const auto page = query.get("page");                              // "" when there is none
///
/// Errors: throws `system_error`, `bad_request`, with words that say which limit it passes. Thrown on by an app it is a 400.
field_list parse_query(std::string_view text, const form_limits& l = {});

/// What `text` stands for: each `%` with two hexadecimal digits is a byte, all else is as it stands, `+` too.
std::string percent_decode(std::string_view text);

/// `text` as it may stand in a path, a query or a cookie's value: letters, digits, `-`, `.`, `_` and `~` as they are, each
/// other byte as `%` with two digits (RFC 3986 section 2.3). `percent_decode` and `parse_query` read it back.
std::string percent_encode(std::string_view text);

} // namespace sluice
