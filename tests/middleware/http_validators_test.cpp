// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/http_validators.hpp>

#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::detail;

TEST_CASE("entity tags (RFC 9110 8.8.3)")
{
    for (const char* const tag :
         {"\"\"", "\"x\"", "W/\"x\"", "\"a,b c\"+", "w/\"x\"", "\"x", "x\"", "x", "", "W/", "W/x", "\"x\" ",
          " \"x\"", "\"a b\"", "\"a\tb\"", "\"\x7f\"", "\"\xc3\xa9\"", "\"a\"b\""})
    {
        CAPTURE(tag);
        const std::string_view s(tag);
        const bool good = s == "\"\"" || s == "\"x\"" || s == "W/\"x\"" || s == "\"\xc3\xa9\"";
        const auto parsed = parse_entity_tag(s);
        REQUIRE(parsed.has_value() == good);
        if (good) {
            CHECK(parsed->weak == s.starts_with('W'));
            CHECK(parsed->opaque == s.substr(parsed->weak ? 3 : 1, s.size() - (parsed->weak ? 4 : 2)));
        }
    }
}

TEST_CASE("lists of entity tags, and both comparisons (RFC 9110 8.8.3.2, 13.1.1, 13.1.2)")
{
    const struct {
        const char* list;
        bool weakly, strongly; // for "x"
    } rows[] = {
        {"\"x\"", true, true},
        {"W/\"x\"", true, false},
        {"\"a\", \"x\"", true, true},
        {"\"a\" ,\t, W/\"b\",\"x\" ", true, true},
        {"W/\"x\", \"x\"", true, true},
        {",\"x\"", true, true},
        {"\"a,\", \"x\"", true, true},
        {"\"a\"", false, false},
        {"\"X\"", false, false},
        {"\"xx\"", false, false},
        {"x", false, false},
        {"", false, false},
        {",,", false, false},
        {"\"x", false, false},
        {"junk, \"x\"", false, false},
        {"\"a\" \"x\"", false, false},
        {"\"a\"junk, \"x\"", false, false},
        {"\"x\"junk", false, false},
        {"\"x\" junk, \"a\"", false, false},
        {"*", false, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.list);
        CHECK(names_tag(row.list, {"x", false}, tag_comparison::weak) == row.weakly);
        CHECK(names_tag(row.list, {"x", false}, tag_comparison::strong) == row.strongly);
        CHECK(names_tag(row.list, {"x", true}, tag_comparison::weak) == row.weakly);
        CHECK_FALSE(names_tag(row.list, {"x", true}, tag_comparison::strong));
    }
}

TEST_CASE("preconditions in their order (RFC 9110 13.2.2)")
{
    constexpr auto holds = precondition::holds, not_modified = precondition::not_modified,
                   failed = precondition::failed;
    const char* const before = "Sun, 06 Nov 1994 08:49:36 GMT";
    const char* const then = "Sun, 06 Nov 1994 08:49:37 GMT"; // it was changed
    const char* const after = "Sun, 06 Nov 1994 08:49:38 GMT";
    const struct {
        std::initializer_list<field> headers;
        const char *etag, *modified;
        precondition result;
    } rows[] = {
        {{}, "\"x\"", then, holds},
        {{{"HTTP_IF_NONE_MATCH", "\"x\""}}, "\"x\"", then, not_modified},
        {{{"HTTP_IF_NONE_MATCH", "\"x\""}}, "W/\"x\"", then, not_modified},
        {{{"HTTP_IF_NONE_MATCH", "\"a\", W/\"x\""}}, "\"x\"", then, not_modified},
        {{{"HTTP_IF_NONE_MATCH", "\"a\""}}, "\"x\"", then, holds},
        {{{"HTTP_IF_NONE_MATCH", "*"}}, "\"x\"", then, not_modified},
        {{{"HTTP_IF_NONE_MATCH", "*"}}, "", "", not_modified},
        {{{"HTTP_IF_NONE_MATCH", "\"x\""}}, "", then, holds},
        {{{"HTTP_IF_NONE_MATCH", "\"x\""}}, "x", then, holds}, // the app's is no tag
        {{{"HTTP_IF_MODIFIED_SINCE", before}}, "", then, holds},
        {{{"HTTP_IF_MODIFIED_SINCE", then}}, "", then, not_modified},
        {{{"HTTP_IF_MODIFIED_SINCE", after}}, "", then, not_modified},
        {{{"HTTP_IF_MODIFIED_SINCE", then}}, "\"x\"", "", holds},
        {{{"HTTP_IF_MODIFIED_SINCE", "yesterday"}}, "", then, holds},
        {{{"HTTP_IF_MODIFIED_SINCE", then}}, "", "yesterday", holds},
        {{{"HTTP_IF_NONE_MATCH", "\"a\""}, {"HTTP_IF_MODIFIED_SINCE", after}}, "\"x\"", then, holds},
        {{{"HTTP_IF_NONE_MATCH", "\"x\""}, {"HTTP_IF_MODIFIED_SINCE", before}}, "\"x\"", then, not_modified},
        {{{"HTTP_IF_MATCH", "\"x\""}}, "\"x\"", then, holds},
        {{{"HTTP_IF_MATCH", "\"a\""}}, "\"x\"", then, failed},
        {{{"HTTP_IF_MATCH", "W/\"x\""}}, "\"x\"", then, failed},
        {{{"HTTP_IF_MATCH", "\"x\""}}, "W/\"x\"", then, failed},
        {{{"HTTP_IF_MATCH", "\"x\""}}, "", then, failed},
        {{{"HTTP_IF_MATCH", "*"}}, "", "", holds},
        {{{"HTTP_IF_MATCH", "junk"}}, "\"x\"", then, failed},
        {{{"HTTP_IF_UNMODIFIED_SINCE", before}}, "\"x\"", then, failed},
        {{{"HTTP_IF_UNMODIFIED_SINCE", then}}, "\"x\"", then, holds},
        {{{"HTTP_IF_UNMODIFIED_SINCE", before}}, "\"x\"", "", holds},
        {{{"HTTP_IF_UNMODIFIED_SINCE", "never"}}, "\"x\"", then, holds},
        {{{"HTTP_IF_MATCH", "\"x\""}, {"HTTP_IF_UNMODIFIED_SINCE", before}}, "\"x\"", then, holds},
        {{{"HTTP_IF_MATCH", "\"x\""}, {"HTTP_IF_NONE_MATCH", "\"x\""}}, "\"x\"", then, not_modified},
        {{{"HTTP_IF_MATCH", "\"a\""}, {"HTTP_IF_NONE_MATCH", "\"x\""}}, "\"x\"", then, failed},
    };
    for (std::size_t i = 0; i < std::size(rows); ++i) {
        CAPTURE(i);
        environment env;
        for (const field& f : rows[i].headers)
            env.add(f.name, f.value);
        CHECK(check_preconditions(env, rows[i].etag, rows[i].modified) == rows[i].result);
    }
}
