// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/http_date.hpp>

#include "support/catch.hpp"

#include <limits>
#include <string>

using sluice::detail::format_http_date;
using sluice::detail::parse_http_date;

namespace {

constexpr std::time_t rfc_example = 784111777; // Sun, 06 Nov 1994 08:49:37 GMT
constexpr std::time_t in_2026 = 1795600000;
constexpr std::time_t day = 86400;

} // namespace

TEST_CASE("R29: a date of HTTP is written in one form and read in three")
{
    CHECK(format_http_date(rfc_example) == "Sun, 06 Nov 1994 08:49:37 GMT");
    CHECK(format_http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
    CHECK(format_http_date(-1) == "Wed, 31 Dec 1969 23:59:59 GMT");
    CHECK(format_http_date(1709164800) == "Thu, 29 Feb 2024 00:00:00 GMT");
    CHECK(format_http_date(std::numeric_limits<std::time_t>::max()) == "Fri, 31 Dec 9999 23:59:59 GMT");
    CHECK(format_http_date(std::numeric_limits<std::time_t>::min()) == "Sat, 01 Jan 0000 00:00:00 GMT");

    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", in_2026) == rfc_example);
    CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", in_2026) == rfc_example);
    CHECK(parse_http_date("Sun Nov  6 08:49:37 1994", in_2026) == rfc_example);
    CHECK(parse_http_date("Sat Nov 12 08:49:37 1994", in_2026) == rfc_example + 6 * day);
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:60 GMT", in_2026) == rfc_example + 23); // a leap second
}

TEST_CASE("R29: what is written is read again, over two leap cycles")
{
    for (std::time_t t = -300 * day; t < 800 * 365 * day; t += 11 * day + 3607) {
        const auto text = format_http_date(t);
        if (parse_http_date(text, in_2026) != t)
            FAIL(text);
    }
    SUCCEED();
}

TEST_CASE("R29: two digits of a year mean the one that is at most 50 years ahead")
{
    const auto year = [](std::string_view digits, std::time_t now) {
        const auto t = parse_http_date("Monday, 01-Jan-" + std::string(digits) + " 00:00:00 GMT", now);
        return t ? format_http_date(*t).substr(12, 4) : "none";
    };
    CHECK(year("26", in_2026) == "2026");
    CHECK(year("76", in_2026) == "2076");
    CHECK(year("77", in_2026) == "1977");
    CHECK(year("94", in_2026) == "1994");
    CHECK(year("00", in_2026) == "2000");
    CHECK(year("30", 4000000000) == "2130"); // in 2096
    CHECK(year("47", 4000000000) == "2047");
}

TEST_CASE("R29: what is no date of HTTP is none, cut or changed at any byte")
{
    for (const auto* text : {"",
                             "yesterday",
                             "784111777",
                             "Sun, 6 Nov 1994 08:49:37 GMT",
                             "Sun, 31 Feb 1994 08:49:37 GMT",
                             "Sun, 00 Nov 1994 08:49:37 GMT",
                             "Sun, 06 Nov 1994 24:00:00 GMT",
                             "Sun, 06 Nov 1994 08:60:00 GMT",
                             "Sun, 06 Nov 1994 08:49:61 GMT",
                             "Sun, 06 Nov 1994 08:49:37 CET",
                             "Sun, 06 nov 1994 08:49:37 GMT",
                             "sun, 06 Nov 1994 08:49:37 GMT",
                             "Sun, 06 Nov 94 08:49:37 GMT",
                             "Sunday, 06-Nov-1994 08:49:37 GMT",
                             "Sun Nov 06 08:49:37 94",
                             "Sun Nov  6 08:49:37 1994 GMT",
                             " Sun, 06 Nov 1994 08:49:37 GMT",
                             "Sun, 06 Nov 1994 08:49:37 GMT ",
                             "Sun, 06 Nov 1994 -8:49:37 GMT",
                             "Sun, 06 Nov 1994 08:49 GMT"})
    {
        CAPTURE(text);
        CHECK_FALSE(parse_http_date(text, in_2026));
    }
    for (const std::string good :
         {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"})
    {
        for (std::size_t i = 0; i < good.size(); ++i) {
            CAPTURE(good, i);
            CHECK_FALSE(parse_http_date(good.substr(0, i), in_2026));
            auto changed = good;
            changed[i] = '\x80';
            CHECK_FALSE(parse_http_date(changed, in_2026));
        }
    }
}
