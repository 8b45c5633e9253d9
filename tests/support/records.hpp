// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/record.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// FastCGI as a web server speaks it: builders for what it sends, readers for what it gets. The bytes are made here on
/// their own, not with the library's encoder, so that a fault there shows.
namespace sluice::test {

using id_type = std::uint16_t;
using pairs = std::vector<std::pair<std::string, std::string>>;

// What a web server sends.

/// One record; `padding` bytes of 0xee behind the content, which nobody may take for content.
std::string record(unsigned type, id_type id, std::string_view content, std::size_t padding = 0);

/// `content` in records of at most `piece` bytes each.
std::string records(unsigned type, id_type id, std::string_view content, std::size_t piece,
                    std::size_t padding = 0);

std::string begin_request(id_type id, bool keep = true, unsigned role = 1);
std::string name_values(const pairs& all);
/// The PARAMS stream with its end.
std::string params(id_type id, const pairs& all, std::size_t piece = 65535, std::size_t padding = 0);
std::string params_end(id_type id);
std::string stdin_data(id_type id, std::string_view body, std::size_t piece = 65535, std::size_t padding = 0);
std::string stdin_end(id_type id);
/// The file that a filter works on, with its end.
std::string file_data(id_type id, std::string_view file, std::size_t piece = 65535, std::size_t padding = 0);
std::string abort_request(id_type id);
std::string get_values(const std::vector<std::string>& names);

/// Variables of a good request, as small as they can be.
pairs variables(std::string_view method = "GET", std::string_view path = "/", const pairs& more = {});

/// A whole request without a body, and one with.
std::string get(id_type id = 1, bool keep = true, std::string_view path = "/");
std::string post(id_type id, bool keep, std::string_view body, bool with_length = true);

// What a web server gets.

struct wire_record {
    fcgi::record_type type{};
    id_type id = 0;
    std::string content;
    std::size_t padding = 0;

    bool operator==(const wire_record&) const = default;
};
std::ostream& operator<<(std::ostream&, const wire_record&);

struct wire_records {
    std::vector<wire_record> all;
    std::size_t left_over = 0; ///< bytes at the end that make no whole record
};

/// Throws std::runtime_error when the bytes cannot be records.
wire_records parse_records(std::string_view bytes);

/// What came for one request.
struct reply {
    std::string head; ///< up to and with the empty line
    std::string body;
    std::string errors;           ///< FCGI_STDERR
    std::size_t records = 0;      ///< STDOUT records with content
    std::size_t most_content = 0; ///< the largest of them
    bool out_ended = false;
    bool errors_ended = false;
    bool fault = false; ///< a record of an unknown type, which makes web servers fail the response
    int ends = 0;       ///< END_REQUEST records
    std::uint32_t app_status = 0;
    fcgi::protocol_status protocol_status{};

    /// Complete as the specification wants it, with a well-meant end.
    bool well() const noexcept { return out_ended && ends == 1 && app_status == 0 && !fault; }
    int status() const; ///< 0 without one
};

/// The records of request `id`, in order. Throws std::runtime_error when they break the protocol: content after the end
/// of its stream, anything after END_REQUEST, a stream's end twice. With `then` further END_REQUESTs of
/// the same id the last request that used it is told.
reply reply_to(id_type id, const wire_records& got, int then = 0);
reply reply_to(id_type id, std::string_view bytes, int then = 0);

// Cutting.

using pieces = std::vector<std::string_view>;

/// Calls `f` with `bytes` whole, cut in two at every place, and as single bytes.
void for_each_cut(std::string_view bytes, const std::function<void(const pieces&)>& f);

/// Where to cut a stream of records so that every kind of cut is among them: every place within 10 bytes of a record's edges
/// and of its content's end, and every `step`-th otherwise; with 0 and the end.
std::vector<std::size_t> cuts_of(std::string_view records, std::size_t step);

/// `n` bytes, no two neighbouring blocks alike, so that lost, doubled and swapped ones show.
std::string pattern(std::size_t n, unsigned seed = 1);

/// Where two strings differ first, for a message; "" when they are equal. (Printing megabytes helps nobody.)
std::string difference(std::string_view got, std::string_view wanted);

} // namespace sluice::test
