// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>

// Dates in HTTP's headers (RFC 9110 section 5.6.7): seconds since 1970 in UTC, whatever the locale.
namespace sluice::detail {

/// As `Sun, 06 Nov 1994 08:49:37 GMT`. Precondition: in the years 0 to 9999; what is outside is moved to the next of them.
std::string format_http_date(std::time_t when);

/// Any of the three forms that a recipient must take: that above, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`. A year of two digits is the one that is at most 50 years after `now`. A name of a day that is not
/// the date's passes, a date that no calendar has does not: nothing then.
std::optional<std::time_t> parse_http_date(std::string_view text, std::time_t now);

} // namespace sluice::detail
