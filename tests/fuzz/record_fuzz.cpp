// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The record decoder: however a stream is cut, the same records come out, and they are the ones that went in.
//
// An input: how many sizes of pieces, the sizes, the stream.
#include "fuzz/fuzz.hpp"
#include "support/records.hpp"

#include <sluice/fcgi/errc.hpp>
#include <sluice/fcgi/record.hpp>

#include <array>
#include <string>
#include <vector>

using namespace sluice;
using fuzz::must;

namespace {

struct decoded {
    struct one {
        fcgi::record_header header;
        std::string content;
        bool whole = false;
    };
    std::vector<one> records;
    error_code fault;
    bool at_boundary = false;
};

decoded decode(std::string_view stream, fuzz::cuts cut)
{
    decoded all;
    fcgi::record_decoder decoder;
    while (!stream.empty()) {
        const auto piece = cut.next(stream);
        // A copy of its own: a sanitizer sees what is read past it.
        const std::vector<char> copy(piece.begin(), piece.end());
        auto bytes = std::as_bytes(std::span(copy));
        for (;;) {
            fcgi::record_decoder::piece p;
            const auto before = bytes.size();
            const auto result = decoder.next(bytes, p, all.fault);
            must(bytes.size() <= before, "the decoder only takes");
            if (result == fcgi::record_decoder::result::failed) {
                must(all.fault == make_error_code(fcgi::errc::bad_version), "the only fault is the version");
                return all;
            }
            must(!all.fault, "no fault without failing");
            if (result == fcgi::record_decoder::result::need_more) {
                must(bytes.empty(), "a decoder that needs more has taken all");
                break;
            }
            if (p.first)
                all.records.push_back({p.header, {}, false});
            must(!all.records.empty() && !all.records.back().whole,
                 "a piece belongs to the record begun last");
            auto& record = all.records.back();
            record.content.append(reinterpret_cast<const char*>(p.content.data()), p.content.size());
            record.whole = p.last;
            must(record.content.size() <= p.header.content_size, "no more content than announced");
            must(p.last == (record.content.size() == p.header.content_size), "the last piece ends it");
        }
    }
    all.at_boundary = decoder.at_boundary();
    return all;
}

void must_be_equal(const decoded& a, const decoded& b)
{
    must(a.fault == b.fault, "the same fault");
    must(a.at_boundary == b.at_boundary, "the same end");
    must(a.records.size() == b.records.size(), "as many records");
    for (std::size_t i = 0; i < a.records.size(); ++i) {
        const auto &one = a.records[i], &other = b.records[i];
        must(one.header.type == other.header.type && one.header.id == other.header.id &&
                 one.header.content_size == other.header.content_size &&
                 one.header.padding == other.header.padding,
             "the same header");
        must(one.content == other.content && one.whole == other.whole, "the same content");
    }
}

// Another reader of the same bytes, made from the specification for the tests of the session.
void compare_with_the_tests_reader(const decoded& all, std::string_view stream)
{
    if (all.fault)
        return;
    const auto read = test::parse_records(stream);
    // That one wants padding too.
    must(all.records.size() - read.all.size() <= 1, "as many records as another reader finds");
    for (std::size_t i = 0; i < read.all.size(); ++i)
        must(read.all[i].content == all.records[i].content &&
                 read.all[i].type == all.records[i].header.type &&
                 read.all[i].id == all.records[i].header.id &&
                 read.all[i].padding == all.records[i].header.padding,
             "the records that another reader finds");
    must(all.at_boundary == (read.left_over == 0), "a boundary where another reader has nothing left");
}

void encode_again(const decoded& all)
{
    std::string again;
    for (const auto& record : all.records)
        if (record.whole)
            fcgi::append_record(record.header.type, record.header.id, record.content, again);
    must(again.size() % 8 == 0, "records are padded to 8 bytes");
    const auto twice = decode(again, fuzz::cuts({}));
    must(!twice.fault && twice.at_boundary, "what is encoded decodes");
    std::size_t i = 0;
    for (const auto& record : all.records) {
        if (!record.whole)
            continue;
        must(i < twice.records.size() && twice.records[i].content == record.content &&
                 twice.records[i].header.type == record.header.type &&
                 twice.records[i].header.id == record.header.id && twice.records[i].whole,
             "encoding and decoding give the same records");
        ++i;
    }
}

void encode_header_again(std::string_view stream)
{
    if (stream.size() < fcgi::header_size)
        return;
    const auto bytes = std::as_bytes(std::span(stream.data(), fcgi::header_size)).first<fcgi::header_size>();
    fcgi::record_header header;
    if (fcgi::decode_header(bytes, header))
        return;
    std::array<std::byte, fcgi::header_size> again;
    fcgi::encode_header(header, again.data());
    must(std::equal(bytes.begin(), bytes.end() - 1, again.begin()), "a header but for its reserved byte");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const fuzz::cuts cut(in.bytes(in.byte() % 16u));
    const auto stream = in.rest();
    const auto whole = decode(stream, fuzz::cuts({}));
    must_be_equal(whole, decode(stream, cut));
    must_be_equal(whole, decode(stream, fuzz::cuts(std::string_view("\0", 1))));
    compare_with_the_tests_reader(whole, stream);
    encode_again(whole);
    encode_header_again(stream);
    return 0;
}
