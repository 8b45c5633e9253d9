// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>

#include <sluice/role.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::fcgi {

/// Record types (FastCGI specification section 8).
enum class record_type : std::uint8_t {
    begin_request = 1,
    abort_request = 2,
    end_request = 3,
    params = 4,
    stdin_stream = 5,
    stdout_stream = 6,
    stderr_stream = 7,
    data = 8,
    get_values = 9,
    get_values_result = 10,
    unknown_type = 11,
};

using sluice::role;

/// How a request ended on the protocol's level (section 5.5).
enum class protocol_status : std::uint8_t {
    request_complete = 0,
    cant_mpx_conn = 1,
    overloaded = 2,
    unknown_role = 3
};

std::string_view name_of(record_type t) noexcept;

/// Bytes of a record's header, and of the bodies of BEGIN_REQUEST and END_REQUEST.
inline constexpr std::size_t header_size = 8;

/// Most content one record can carry.
inline constexpr std::size_t max_content = 65535;

/// A record's header (section 3.3).
struct record_header {
    record_type type{};
    std::uint16_t id = 0;
    std::uint16_t content_size = 0;
    std::uint8_t padding = 0;
};

/// Padding that makes a record's size a multiple of 8, as the specification recommends.
constexpr std::uint8_t padding_for(std::size_t content_size) noexcept
{
    return static_cast<std::uint8_t>((8 - content_size % 8) % 8);
}

/// Writes the 8 bytes of a header to `to`.
void encode_header(const record_header& h, std::byte* to) noexcept;

/// Reads a header from 8 bytes. Errors: `bad_version`.
error_code decode_header(std::span<const std::byte, header_size> bytes, record_header& h) noexcept;

/// Writes a whole END_REQUEST record, 16 bytes, to `to`.
void encode_end_request(std::uint16_t id, std::uint32_t app_status, protocol_status status,
                        std::byte* to) noexcept;

/// Appends a whole record with padding. Precondition: content.size() <= max_content.
void append_record(record_type type, std::uint16_t id, std::string_view content, std::string& out);

/// Cuts a stream of bytes into records, whatever pieces it comes in.
///
/// Content is handed on as it arrives, not collected: `next` gives a part of a record's content, and says
/// whether it is the record's last.
class record_decoder {
public:
    struct piece {
        record_header header;
        std::span<const std::byte> content; ///< a view into the bytes given to `next`
        bool first = false;                 ///< the record begins here
        bool last = false;                  ///< its content ends here; padding may follow
    };

    enum class result { need_more, have_piece, failed };

    /// Consumes from the front of `bytes`. After `failed` (`ec` says why) the decoder is not used again.
    result next(std::span<const std::byte>& bytes, piece& out, error_code& ec) noexcept;

    /// True between records: the stream may end here.
    bool at_boundary() const noexcept { return have_ == 0 && state_ == state::header; }

private:
    enum class state : std::uint8_t { header, content, padding };

    state state_ = state::header;
    bool first_ = false;
    std::uint8_t have_ = 0;  ///< bytes of the header in `buffer_`
    std::uint16_t left_ = 0; ///< of content or padding
    record_header header_;
    std::array<std::byte, header_size> buffer_;
};

} // namespace sluice::fcgi
