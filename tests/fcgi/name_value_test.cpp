// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/name_value.hpp>

#include <sluice/fcgi/errc.hpp>

#include "support/catch.hpp"

#include <string>
#include <utility>
#include <vector>

using namespace sluice;
using namespace std::string_literals;
using fcgi::name_value_decoder;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

constexpr name_value_decoder::bounds wide{1 << 20, 1000};

std::string encoded(const pairs& all)
{
    std::string wire;
    for (const auto& [name, value] : all)
        fcgi::encode_name_value(name, value, wire);
    return wire;
}

std::size_t text_size(const pairs& all)
{
    std::size_t n = 0;
    for (const auto& [name, value] : all)
        n += name.size() + value.size();
    return n;
}

pairs decoded(const field_list& list)
{
    pairs all;
    for (const field f : list)
        all.emplace_back(f.name, f.value);
    return all;
}

struct vector {
    const char* what;
    pairs all;
};

const std::vector<vector>& vectors()
{
    static const std::vector<vector> all = {
        {"nothing", {}},
        {"one pair", {{"NAME", "value"}}},
        {"no value", {{"NAME", ""}}},
        {"shortest", {{"N", ""}, {"M", "v"}}},
        {"repeated", {{"A", "1"}, {"A", "2"}, {"B", ""}, {"A", ""}}},
        {"127 and 128 bytes: one byte of length becomes four",
         {{std::string(127, 'n'), std::string(128, 'v')},
          {std::string(128, 'n'), std::string(127, 'v')},
          {std::string(128, 'm'), std::string(128, 'v')}}},
        {"lengths with zero bytes in them",
         {{std::string(256, 'n'), std::string(512, 'v')}, {"A", ""}, {"B", "b"}}},
        {"values that look like lengths", {{"A", "\x01\x01\x80\xff"}, {"\xff\x80", "\x7f"}}},
        {"as a server sends it",
         {{"REQUEST_METHOD", "GET"},
          {"SCRIPT_NAME", "/app"},
          {"CONTENT_TYPE", ""},
          {"HTTP_COOKIE", std::string(300, 'c')}}},
    };
    return all;
}

/// Feeds the pieces one by one; the first error ends it.
error_code feed(name_value_decoder& decoder, const std::vector<std::string_view>& pieces, field_list& out,
                const name_value_decoder::bounds& limit = wide)
{
    for (const std::string_view piece : pieces) {
        // A copy of its own, so that a sanitizer sees any byte read past the piece.
        const std::vector<char> own(piece.begin(), piece.end());
        if (const error_code fault = decoder.feed({own.data(), own.size()}, limit, out))
            return fault;
    }
    return {};
}

std::vector<std::string_view> bytes_of(const std::string& wire)
{
    std::vector<std::string_view> pieces;
    for (std::size_t i = 0; i < wire.size(); ++i)
        pieces.push_back(std::string_view(wire).substr(i, 1));
    return pieces;
}

/// The wire image is refused with this error, however it is cut, and no more than `most` pairs came out.
void check_refused(const std::string& wire, fcgi::errc expected, const name_value_decoder::bounds& limit,
                   std::size_t most)
{
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        CAPTURE(cut);
        const std::string_view all = wire;
        name_value_decoder decoder;
        field_list out;
        CHECK(feed(decoder, {all.substr(0, cut), all.substr(cut)}, out, limit) == expected);
        CHECK(out.size() <= most);
    }
    name_value_decoder decoder;
    field_list out;
    CHECK(feed(decoder, bytes_of(wire), out, limit) == expected);
    CHECK(out.size() <= most);
}

} // namespace

TEST_CASE("name_value: lengths are encoded as the specification says (section 3.4)")
{
    CHECK(encoded({{"NAME", "value"}}) == "\x04\x05NAMEvalue"s);
    CHECK(encoded({{"N", ""}}) == "\x01\0N"s);
    CHECK(encoded({{std::string(127, 'n'), "v"}}) == "\x7f\x01"s + std::string(127, 'n') + "v");
    CHECK(encoded({{std::string(128, 'n'), "v"}}) == "\x80\0\0\x80\x01"s + std::string(128, 'n') + "v");
    CHECK(encoded({{"N", std::string(0x012345, 'v')}}) ==
          "\x01\x80\x01\x23\x45N"s + std::string(0x012345, 'v'));
}

TEST_CASE("name_value: every vector, cut at every place")
{
    for (const vector& v : vectors()) {
        CAPTURE(std::string(v.what));
        const std::string wire = encoded(v.all);
        for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
            CAPTURE(cut);
            const std::string_view all = wire;
            name_value_decoder decoder;
            field_list out;
            REQUIRE_FALSE(feed(decoder, {all.substr(0, cut), all.substr(cut)}, out));
            REQUIRE(decoder.complete());
            REQUIRE(decoded(out) == v.all);
        }
    }
}

TEST_CASE("name_value: every vector, cut at every two places")
{
    for (const vector& v : vectors()) {
        CAPTURE(std::string(v.what));
        const std::string wire = encoded(v.all);
        if (wire.size() > 150)
            continue;
        const std::string_view all = wire;
        for (std::size_t first = 0; first <= wire.size(); ++first) {
            for (std::size_t second = first; second <= wire.size(); ++second) {
                CAPTURE(first, second);
                name_value_decoder decoder;
                field_list out;
                REQUIRE_FALSE(
                    feed(decoder,
                         {all.substr(0, first), all.substr(first, second - first), all.substr(second)}, out));
                REQUIRE(decoder.complete());
                REQUIRE(decoded(out) == v.all);
            }
        }
    }
}

TEST_CASE("name_value: every vector, a byte at a time - complete() only between pairs")
{
    for (const vector& v : vectors()) {
        CAPTURE(std::string(v.what));
        std::vector<std::size_t> ends = {0};
        std::string wire;
        for (const auto& [name, value] : v.all) {
            fcgi::encode_name_value(name, value, wire);
            ends.push_back(wire.size());
        }
        name_value_decoder decoder;
        field_list out;
        std::size_t pairs_done = 0;
        for (std::size_t i = 0; i < wire.size(); ++i) {
            CAPTURE(i);
            REQUIRE(decoder.complete() == (ends[pairs_done] == i));
            REQUIRE_FALSE(decoder.feed(std::string_view(wire).substr(i, 1), wide, out));
            if (ends[pairs_done + 1] == i + 1)
                ++pairs_done;
            REQUIRE(out.size() == pairs_done);
        }
        CHECK(decoder.complete());
        CHECK(decoded(out) == v.all);
    }
}

TEST_CASE("name_value: four bytes of length may hold a small one")
{
    const std::string wire = "\x80\0\0\x04\x80\0\0\x01NAMEv"s + "\x80\0\0\x01\0X"s + "\x01\x80\0\0\0Y"s;
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        CAPTURE(cut);
        name_value_decoder decoder;
        field_list out;
        REQUIRE_FALSE(
            feed(decoder, {std::string_view(wire).substr(0, cut), std::string_view(wire).substr(cut)}, out));
        CHECK(decoded(out) == pairs{{"NAME", "v"}, {"X", ""}, {"Y", ""}});
    }
}

TEST_CASE("name_value: bytes of names and values up to the limit, and not one more")
{
    for (const vector& v : vectors()) {
        CAPTURE(std::string(v.what));
        if (v.all.empty())
            continue;
        const std::string wire = encoded(v.all);
        const std::size_t exact = text_size(v.all);

        name_value_decoder decoder;
        field_list out;
        CHECK_FALSE(feed(decoder, {wire}, out, {exact, 1000}));
        CHECK(decoded(out) == v.all);
        check_refused(wire, fcgi::errc::params_too_large, {exact - 1, 1000}, v.all.size() - 1);
    }
}

TEST_CASE("name_value: pairs up to the limit, and not one more")
{
    for (const vector& v : vectors()) {
        CAPTURE(std::string(v.what));
        if (v.all.empty())
            continue;
        const std::string wire = encoded(v.all);
        name_value_decoder decoder;
        field_list out;
        CHECK_FALSE(feed(decoder, {wire}, out, {wide.bytes, v.all.size()}));
        CHECK(decoded(out) == v.all);
        check_refused(wire, fcgi::errc::params_too_many, {wide.bytes, v.all.size() - 1}, v.all.size() - 1);
    }
}

TEST_CASE("name_value: a length over the limit is refused before its text comes")
{
    struct {
        const char* what;
        std::string lengths;
    } const cases[] = {
        {"name", "\x80\0\0\x65\x01"s},
        {"value", "\x01\x80\0\0\x64"s},
        {"both", "\x33\x32"s},
        {"longest name", "\xff\xff\xff\xff\0"s},
        {"longest value", "\x01\xff\xff\xff\xff"s},
        {"both longest", "\xff\xff\xff\xff\xff\xff\xff\xff"s},
    };
    for (const auto& c : cases) {
        CAPTURE(std::string(c.what));
        check_refused(c.lengths, fcgi::errc::params_too_large, {100, 10}, 0);
        // Also as the second pair, when the first has used some of the room.
        check_refused("\x01\0A"s + c.lengths, fcgi::errc::params_too_large, {101, 10}, 1);
    }
}

TEST_CASE("name_value: what is held of a pair is bounded by the limit")
{
    // The second pair is announced with just what is left, comes a byte at a time, and is then one too many.
    const std::string wire = "\x01\0A\x32\x31"s + std::string(0x32 + 0x31, 'x') + "\x01\0B"s;
    name_value_decoder decoder;
    field_list out;
    CHECK(feed(decoder, bytes_of(wire), out, {100, 10}) == fcgi::errc::params_too_large);
    CHECK(out.size() == 2);
    CHECK(out.text_size() == 100);
}

TEST_CASE("name_value: a limit that shrinks below what came is over, not endless")
{
    name_value_decoder decoder;
    field_list out;
    REQUIRE_FALSE(decoder.feed("\x04\x05NAMEvalue", {100, 10}, out));
    CHECK(decoder.feed("\x01\x01NV", {5, 10}, out) == fcgi::errc::params_too_large);
    CHECK(decoder.feed("\x01\x01NV", {100, 0}, out) == fcgi::errc::params_too_many);
}

TEST_CASE("name_value: a pair without a name is refused")
{
    check_refused("\0\x05value"s, fcgi::errc::params_empty_name, wide, 0);
    check_refused("\0\0"s, fcgi::errc::params_empty_name, wide, 0);
    check_refused("\x01\x01NV\0\0"s, fcgi::errc::params_empty_name, wide, 1);
    check_refused("\x80\0\0\0\x01V"s, fcgi::errc::params_empty_name, wide, 0);
}

TEST_CASE("name_value: a NUL byte is refused wherever it stands in name or value")
{
    // Pairs before and after it have zero bytes in their lengths, which are none of its business.
    const std::string before = encoded({{"A", ""}, {std::string(256, 'n'), "v"}, {"B", ""}});
    const std::string after = encoded({{"C", ""}});
    const std::string name = "SOME_NAME";
    const std::string value = "some value";
    for (std::size_t at = 0; at < name.size() + value.size(); ++at) {
        CAPTURE(at);
        std::string n = name;
        std::string v = value;
        (at < n.size() ? n[at] : v[at - n.size()]) = '\0';
        check_refused(before + encoded({{n, v}}) + after, fcgi::errc::params_nul, wide, 3);
        check_refused(encoded({{n, v}}) + after, fcgi::errc::params_nul, wide, 0);
    }
}

TEST_CASE("name_value: reset makes it fresh, after success and after an error")
{
    name_value_decoder decoder;
    field_list out;
    const name_value_decoder::bounds limit{9, 1};
    for (int again = 0; again < 3; ++again) {
        CAPTURE(again);
        CHECK_FALSE(decoder.feed("\x04\x05NAMEvalue", limit, out));
        CHECK(decoder.feed("\x01\x01NV", limit, out));
        decoder.reset();
        CHECK_FALSE(decoder.feed("\x04\x05NAMEva", limit, out)); // left half read
        CHECK_FALSE(decoder.complete());
        decoder.reset();
        CHECK(decoder.complete());
    }
    CHECK(decoded(out) == pairs(3, {"NAME", "value"}));
}
