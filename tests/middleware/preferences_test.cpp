// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/preferences.hpp>

#include "support/catch.hpp"

using namespace sluice::detail;

TEST_CASE("weights of a list of preferences (RFC 9110 12.4.2)")
{
    const struct {
        const char* list;
        int weight; // -1: not listed
    } rows[] = {
        {"gzip", 1000},
        {"GZip", 1000},
        {"gzip;q=1", 1000},
        {"gzip;q=1.000", 1000},
        {"gzip;q=0.5", 500},
        {"gzip ; q=0.25", 250},
        {"gzip;Q=0.001", 1},
        {"gzip;q=0.", 0},
        {"gzip;q=0", 0},
        {"gzip;q=0.000", 0},
        {"br, gzip ;\tq=0.8 ,deflate", 800},
        {",, ,gzip", 1000},
        {"gzip;level=1;q=0.3", 300},
        {"gzip;x=\"a,b;q=0\";q=0.4", 400},
        {"x=\"gzip\", gzip;q=0.2", 200},
        {"a;x=\"\\\", gzip;q=0.1\", gzip", 1000}, // an escaped quote
        {"gzip;q=0.3, gzip;q=0.9", 300},
        // No weights: as if it were not there.
        {"gzip;q=", -1},
        {"gzip;q=2", -1},
        {"gzip;q=1.5", -1},
        {"gzip;q=1.001", -1},
        {"gzip;q=0.1234", -1},
        {"gzip;q=.5", -1},
        {"gzip;q=-1", -1},
        {"gzip;q=0,5", 0}, // a comma ends the element
        {"gzip;q=0.x", -1},
        {"gzip;q=x, gzip", 1000},
        {"", -1},
        {"gzipp", -1},
        {"xgzip, gzi", -1},
        {"br;x=gzip", -1},
        {"\"gzip", -1},
        {"gzip;x=\"", 1000},
        {";;;,;,", -1},
    };
    for (const auto& row : rows) {
        CAPTURE(row.list);
        CHECK(weight_of(row.list, "gzip").value_or(-1) == row.weight);
    }
}

TEST_CASE("codings a client takes (RFC 9110 12.5.3)")
{
    for (const char* const yes : {"gzip", "gzip, deflate, br", "*", "br, *;q=0.1", "gzip;q=0.001",
                                  "identity;q=0.5, gzip", "identity;q=0.5, gzip;q=0.5", "deflate;q=0, *"})
    {
        CAPTURE(yes);
        CHECK(prefers_coding(yes, "gzip"));
    }
    for (const char* const no : {"", "br", "identity", "gzip;q=0", "*;q=0", "gzip;q=0, *", "*, gzip;q=0.0",
                                 "identity;q=1, gzip;q=0.5", "identity, *;q=0.5", "gzip;q=nonsense"})
    {
        CAPTURE(no);
        CHECK_FALSE(prefers_coding(no, "gzip"));
    }
}

TEST_CASE("who would rather read HTML (RFC 9110 12.5.1)")
{
    for (const char* const yes :
         {"text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
          "text/plain;q=0.5, text/html", "text/html;level=1, text/plain"})
    {
        CAPTURE(yes);
        CHECK(prefers_html(yes));
    }
    for (const char* const no : {"", "*/*", "text/*", "text/plain", "application/json", "text/html;q=0",
                                 "text/html;q=0.4, text/plain", "text/html;q=0.5, */*"})
    {
        CAPTURE(no);
        CHECK_FALSE(prefers_html(no));
    }
}
