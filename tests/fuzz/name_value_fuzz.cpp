// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The decoder of name-value pairs: however a stream is cut, the same fields come out or the same fault, and the limits hold.
//
// An input: the limits (two bytes for the size, one for the count), how many sizes of pieces, the sizes, the stream.
#include "fuzz/fuzz.hpp"
#include "fuzz/name_value_oracle.hpp"

#include <string>
#include <vector>

using namespace sluice;
using fuzz::must;

namespace {

struct decoded {
    field_list fields;
    error_code fault;
    bool complete = false;
};

void decode(fcgi::name_value_decoder& decoder, std::string_view stream,
            const fcgi::name_value_decoder::bounds& limit, fuzz::cuts cut, decoded& all)
{
    while (!stream.empty() && !all.fault) {
        const auto piece = cut.next(stream);
        // A copy of its own: a sanitizer sees what is read past it or later.
        const std::vector<char> copy(piece.begin(), piece.end());
        all.fault = decoder.feed({copy.data(), copy.size()}, limit, all.fields);
    }
    all.complete = decoder.complete();
}

void must_be_as(const decoded& all, const fuzz::name_value_oracle& wanted)
{
    must(all.fault.failed() == wanted.fault.has_value(), "a fault where there is one");
    if (wanted.fault)
        must(all.fault == make_error_code(*wanted.fault), "the right fault");
    else
        must(all.complete == wanted.complete(), "complete where no pair is half read");
    must(all.fields.size() == wanted.fields.size(), "as many fields");
    for (std::size_t i = 0; i < all.fields.size(); ++i)
        must(all.fields[i].name == wanted.fields[i].first && all.fields[i].value == wanted.fields[i].second,
             "the same fields");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    const fcgi::name_value_decoder::bounds limit{in.two_bytes(), in.byte()};
    const fuzz::cuts cut(in.bytes(in.byte() % 16u));
    const auto stream = in.rest();
    fuzz::name_value_oracle wanted(limit);
    wanted.feed(stream);

    fcgi::name_value_decoder decoder;
    for (const auto& c : {fuzz::cuts({}), cut, fuzz::cuts(std::string_view("\0", 1))}) {
        decoded all;
        decoder.reset(); // the same one again, as a session uses it
        decode(decoder, stream, limit, c, all);
        must_be_as(all, wanted);
        must(all.fields.text_size() <= 2 * stream.size(), "no more text than came, and what was held of it");
        std::size_t bytes = 0;
        for (const field& f : all.fields)
            bytes += f.name.size() + f.value.size();
        must(bytes <= limit.bytes && all.fields.size() <= limit.count, "the limits hold");
    }

    std::string again;
    for (const auto& [name, value] : wanted.fields)
        fcgi::encode_name_value(name, value, again);
    decoded twice;
    decoder.reset();
    decode(decoder, again, limit, cut, twice);
    must(!twice.fault && twice.complete, "what is encoded decodes");
    must_be_as(twice, [&] {
        fuzz::name_value_oracle o(limit);
        o.feed(again);
        must(o.fields == wanted.fields, "encoding and decoding give the same fields");
        return o;
    }());
    return 0;
}
