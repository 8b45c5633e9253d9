// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/record.hpp>

#include <sluice/fcgi/errc.hpp>

#include "support/catch.hpp"
#include "support/records.hpp"

#include <algorithm>
#include <set>

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;
using fcgi::record_decoder;
using fcgi::record_header;
using fcgi::record_type;

namespace {

std::span<const std::byte> bytes_of(std::string_view s)
{
    return std::as_bytes(std::span(s.data(), s.size()));
}

std::string text_of(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What a decoder made of the bytes it was fed.
struct decoded {
    std::vector<wire_record> all;
    error_code fault;
    bool open = false; ///< the last record's content is not complete
};

/// Feeds one piece from memory of its own, so that a sanitizer sees any byte read past it.
void feed(record_decoder& decoder, std::string_view piece, decoded& got)
{
    const std::vector<char> own(piece.begin(), piece.end());
    std::span<const std::byte> left = bytes_of({own.data(), own.size()});
    const auto begin = left.data();
    for (;;) {
        record_decoder::piece p;
        switch (decoder.next(left, p, got.fault)) {
        case record_decoder::result::need_more:
            REQUIRE(left.empty()); // all that was given is taken
            REQUIRE_FALSE(got.fault);
            return;
        case record_decoder::result::failed: REQUIRE(got.fault); return;
        case record_decoder::result::have_piece: break;
        }
        REQUIRE(p.first == !got.open);
        if (p.first)
            got.all.push_back({p.header.type, p.header.id, {}, p.header.padding});
        REQUIRE((p.content.empty() ||
                 (p.content.data() >= begin && p.content.data() + p.content.size() <= begin + own.size())));
        got.all.back().content += text_of(p.content);
        got.open = !p.last;
        REQUIRE(p.last == (got.all.back().content.size() == p.header.content_size));
    }
}

struct vector {
    const char* what;
    std::vector<wire_record> all;
};

const std::vector<vector>& vectors()
{
    static const std::vector<vector> all = {
        {"nothing", {}},
        {"one record without content", {{record_type::params, 1, "", 0}}},
        {"no content, but padding",
         {{record_type::stdin_stream, 1, "", 8}, {record_type::stdin_stream, 1, "x", 0}}},
        {"most padding",
         {{record_type::stdin_stream, 1, "abc", 255}, {record_type::abort_request, 1, "", 255}}},
        {"ids and types at their ends",
         {{record_type::get_values, 0, "q", 7},
          {record_type::params, 255, "p", 0},
          {record_type::params, 256, "q", 1},
          {static_cast<record_type>(255), 65535, "unknown", 1},
          {static_cast<record_type>(0), 1, "", 0}}},
        {"content that looks like a header", {{record_type::stdin_stream, 1, record(5, 2, "x", 3), 5}}},
        {"a request",
         {{record_type::begin_request, 1, "\0\1\0\0\0\0\0\0"s, 0},
          {record_type::params, 1, pattern(40), 0},
          {record_type::params, 1, "", 0},
          {record_type::stdin_stream, 1, pattern(11), 5},
          {record_type::stdin_stream, 1, "", 0}}},
    };
    return all;
}

std::string encoded(const std::vector<wire_record>& all)
{
    std::string wire;
    for (const auto& r : all)
        wire += record(static_cast<unsigned>(r.type), r.id, r.content, r.padding);
    return wire;
}

} // namespace

TEST_CASE("records: every vector at every cut")
{
    for (const auto& v : vectors()) {
        INFO(v.what);
        for_each_cut(encoded(v.all), [&](const pieces& cut) {
            record_decoder decoder;
            decoded got;
            CHECK(decoder.at_boundary());
            for (const auto piece : cut) {
                INFO("first piece of " << cut.front().size() << " bytes");
                feed(decoder, piece, got);
            }
            CHECK(got.all == v.all);
            CHECK(decoder.at_boundary());
        });
    }
}

TEST_CASE("records: a stream may end between records and nowhere else")
{
    for (const auto& v : vectors()) {
        INFO(v.what);
        const auto wire = encoded(v.all);
        std::set<std::size_t> boundaries{0};
        for (std::size_t at = 0; const auto& r : v.all)
            boundaries.insert(at += 8 + r.content.size() + r.padding);
        for (std::size_t n = 0; n <= wire.size(); ++n) {
            INFO(n << " bytes");
            record_decoder decoder;
            decoded got;
            feed(decoder, std::string_view(wire).substr(0, n), got);
            CHECK(decoder.at_boundary() == boundaries.contains(n));
        }
    }
}

TEST_CASE("records: the largest content, in pieces of many sizes")
{
    const wire_record largest{record_type::stdin_stream, 7, pattern(65535), 1};
    const auto wire = encoded({largest, {record_type::stdin_stream, 7, "", 0}});
    for (const std::size_t size : {1u, 7u, 8u, 9u, 4096u, 65535u, 65543u, 65544u}) {
        INFO("pieces of " << size);
        record_decoder decoder;
        decoded got;
        for (std::size_t at = 0; at < wire.size(); at += size)
            feed(decoder, std::string_view(wire).substr(at, size), got);
        REQUIRE(got.all.size() == 2);
        CHECK(got.all[0] == largest);
        CHECK(got.all[1].content.empty());
    }
}

TEST_CASE("records: every version but 1 is refused, whole or cut")
{
    for (int version = 0; version < 256; ++version) {
        auto wire = record(1, 1, "\0\1\0\0\0\0\0\0"s);
        wire[0] = static_cast<char>(version);
        for_each_cut(wire, [&](const pieces& cut) {
            record_decoder decoder;
            decoded got;
            for (const auto piece : cut)
                if (!got.fault)
                    feed(decoder, piece, got);
            INFO("version " << version << ", first piece of " << cut.front().size() << " bytes");
            CHECK(got.fault == (version == 1 ? error_code() : make_error_code(fcgi::errc::bad_version)));
            CHECK(got.all.size() == (version == 1 ? 1u : 0u));
        });
    }
}

TEST_CASE("records: a record after good ones is refused for its version")
{
    auto wire = record(4, 1, "abc", 5) + record(4, 1, "");
    const auto good = wire.size();
    wire += "GET / HTTP/1.1\r\n";
    for_each_cut(wire, [&](const pieces& cut) {
        record_decoder decoder;
        decoded got;
        std::size_t before = 0;
        for (const auto piece : cut) {
            if (!got.fault)
                feed(decoder, piece, got);
            before += piece.size();
            if (before < good + 8)
                CHECK_FALSE(got.fault);
        }
        CHECK(got.fault == fcgi::errc::bad_version);
        CHECK(got.all.size() == 2);
    });
}

TEST_CASE("records: headers round trip")
{
    for (const unsigned type : {0u, 1u, 5u, 6u, 11u, 12u, 255u})
        for (const unsigned id : {0u, 1u, 255u, 256u, 4660u, 65535u})
            for (const unsigned size : {0u, 1u, 255u, 256u, 65535u})
                for (const unsigned padding : {0u, 1u, 7u, 255u}) {
                    const record_header h{static_cast<record_type>(type), static_cast<std::uint16_t>(id),
                                          static_cast<std::uint16_t>(size),
                                          static_cast<std::uint8_t>(padding)};
                    std::array<std::byte, fcgi::header_size> wire;
                    wire.fill(std::byte{0xaa});
                    fcgi::encode_header(h, wire.data());
                    auto wanted = record(type, static_cast<id_type>(id), {}, 0);
                    wanted[4] = static_cast<char>(size >> 8);
                    wanted[5] = static_cast<char>(size);
                    wanted[6] = static_cast<char>(padding);
                    CHECK(text_of(wire) == wanted);

                    record_header back;
                    REQUIRE_FALSE(fcgi::decode_header(wire, back));
                    CHECK(back.type == h.type);
                    CHECK(back.id == h.id);
                    CHECK(back.content_size == h.content_size);
                    CHECK(back.padding == h.padding);
                }
}

TEST_CASE("records: append_record and the decoder round trip, padded to 8 bytes")
{
    std::string wire = "before";
    std::vector<wire_record> wanted;
    for (const std::size_t size : {0u, 1u, 2u, 7u, 8u, 9u, 255u, 256u, 4095u, 65535u}) {
        const auto content = pattern(size);
        fcgi::append_record(record_type::stdout_stream, 515, content, wire);
        CHECK((wire.size() - 6) % 8 == 0);
        wanted.push_back({record_type::stdout_stream, 515, content, (8 - size % 8) % 8});
    }
    record_decoder decoder;
    decoded got;
    feed(decoder, std::string_view(wire).substr(6), got);
    CHECK(got.all == wanted);
    CHECK(decoder.at_boundary());
    CHECK(parse_records(std::string_view(wire).substr(6)).all == wanted);
}

TEST_CASE("records: padding makes a record's size a multiple of 8 and is never 8")
{
    for (std::size_t size = 0; size <= 64; ++size) {
        CHECK((size + fcgi::padding_for(size)) % 8 == 0);
        CHECK(fcgi::padding_for(size) < 8);
    }
    CHECK(fcgi::padding_for(65535) == 1);
}

TEST_CASE("records: END_REQUEST byte for byte")
{
    std::array<std::byte, 18> memory;
    memory.fill(std::byte{0x77});
    fcgi::encode_end_request(0x1234, 0x89abcdef, fcgi::protocol_status::unknown_role, memory.data() + 1);
    CHECK(text_of(memory) == "\x77\x01\x03\x12\x34\x00\x08\x00\x00\x89\xab\xcd\xef\x03\x00\x00\x00\x77"s);
}

TEST_CASE("records: each type has the name of the specification")
{
    const std::vector<std::string> names = {
        "BEGIN_REQUEST", "ABORT_REQUEST", "END_REQUEST",       "PARAMS",      "STDIN", "STDOUT", "STDERR",
        "DATA",          "GET_VALUES",    "GET_VALUES_RESULT", "UNKNOWN_TYPE"};
    for (std::size_t i = 0; i < names.size(); ++i)
        CHECK(fcgi::name_of(static_cast<record_type>(i + 1)) == names[i]);
    for (const int other : {0, 12, 255})
        CHECK(fcgi::name_of(static_cast<record_type>(other)) == "unknown");
}

TEST_CASE("errors: each has a text of its own that says FastCGI or names the web server")
{
    std::set<std::string> texts;
    for (int code = 1; code <= static_cast<int>(fcgi::errc::closed_mid_request); ++code) {
        const error_code ec = static_cast<fcgi::errc>(code);
        CHECK(ec.category() == fcgi::fcgi_category());
        CHECK(std::string(ec.category().name()) == "sluice.fcgi");
        const auto text = ec.message();
        INFO(text);
        CHECK((text.find("FastCGI") != text.npos || text.find("web server") != text.npos));
        CHECK(texts.insert(text).second);
    }
    CHECK(error_code(9999, fcgi::fcgi_category()).message().find("unknown") != std::string::npos);
}
