// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/http_range.hpp>

#include "support/catch.hpp"

#include <string>

using sluice::detail::byte_range;
using sluice::detail::parse_range;

TEST_CASE("R29: a Range header is honoured where it asks for one range of bytes")
{
    using kind = byte_range::kind;
    struct row {
        const char* value;
        std::uint64_t size;
        kind what;
        std::uint64_t first = 0, length = 0;
    };
    const row rows[] = {
        {"bytes=0-0", 1000, kind::part, 0, 1},
        {"bytes=0-999", 1000, kind::part, 0, 1000},
        {"bytes=0-1000", 1000, kind::part, 0, 1000},
        {"bytes=500-", 1000, kind::part, 500, 500},
        {"bytes=999-", 1000, kind::part, 999, 1},
        {"bytes=999-2000", 1000, kind::part, 999, 1},
        {"bytes=-1", 1000, kind::part, 999, 1},
        {"bytes=-1000", 1000, kind::part, 0, 1000},
        {"bytes=-2000", 1000, kind::part, 0, 1000},
        {"bytes=007-009", 1000, kind::part, 7, 3},
        {"BYTES=1-2", 1000, kind::part, 1, 2},
        {" bytes= 1-2\t", 1000, kind::part, 1, 2},
        // More than 64 bits hold is more than any file has.
        {"bytes=5-18446744073709551615", 1000, kind::part, 5, 995},
        {"bytes=5-18446744073709551616", 1000, kind::part, 5, 995},
        {"bytes=5-99999999999999999999999", 1000, kind::part, 5, 995},
        {"bytes=-18446744073709551616", 1000, kind::part, 0, 1000},
        {"bytes=0-", UINT64_MAX, kind::part, 0, UINT64_MAX},
        {"bytes=0-18446744073709551615", UINT64_MAX, kind::part, 0, UINT64_MAX},
        // The grammar holds, and there are no such bytes.
        {"bytes=1000-", 1000, kind::unsatisfiable},
        {"bytes=1000-1000", 1000, kind::unsatisfiable},
        {"bytes=18446744073709551616-", 1000, kind::unsatisfiable},
        {"bytes=99999999999999999999-99999999999999999999", 1000, kind::unsatisfiable},
        {"bytes=-0", 1000, kind::unsatisfiable},
        {"bytes=0-0", 0, kind::unsatisfiable},
        {"bytes=0-", 0, kind::unsatisfiable},
        {"bytes=-1", 0, kind::whole},
        // Not honoured.
        {"", 1000, kind::whole},
        {"bytes", 1000, kind::whole},
        {"bytes=", 1000, kind::whole},
        {"bytes=-", 1000, kind::whole},
        {"bytes=5", 1000, kind::whole},
        {"bytes=5-4", 1000, kind::whole},
        {"bytes=0-1,3-4", 1000, kind::whole},
        {"bytes=0-1,", 1000, kind::whole},
        {"bytes=0 - 1", 1000, kind::whole},
        {"bytes=+1-2", 1000, kind::whole},
        {"bytes=--1", 1000, kind::whole},
        {"bytes=-1-2", 1000, kind::whole},
        {"bytes=1-2-3", 1000, kind::whole},
        {"bytes=0x1-2", 1000, kind::whole},
        {"bytes =1-2", 1000, kind::whole},
        {"lines=1-2", 1000, kind::whole},
        {"=1-2", 1000, kind::whole},
        {"1-2", 1000, kind::whole},
    };
    for (const auto& r : rows) {
        CAPTURE(r.value, r.size);
        const auto got = parse_range(r.value, r.size);
        CHECK(got.what == r.what);
        CHECK(got.first == r.first);
        CHECK(got.size == r.length);
    }
}

TEST_CASE("R29: whatever a Range header says, a part is within the file")
{
    // All texts of up to six characters after the unit, of those that the grammar knows and one that it does not.
    constexpr std::string_view letters = "019-, x";
    std::string value = "bytes=";
    const auto try_all = [&](auto&& self, int more) -> void {
        for (const std::uint64_t size : {0u, 1u, 10u, 19u}) {
            const auto got = parse_range(value, size);
            const bool part = got.what == byte_range::kind::part;
            const bool sound = part ? got.size > 0 && got.first < size && got.size <= size - got.first
                                    : got.first == 0 && got.size == 0;
            if (!sound)
                FAIL(value << " of " << size);
        }
        if (more == 0)
            return;
        for (const char c : letters) {
            value += c;
            self(self, more - 1);
            value.pop_back();
        }
    };
    try_all(try_all, 6);
    SUCCEED();
}
