// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/record.hpp>

#include <sluice/fcgi/errc.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>

#include <fastcgi.h>

namespace sluice::fcgi {

// Our names, libfcgi's numbers.
static_assert(static_cast<int>(record_type::begin_request) == FCGI_BEGIN_REQUEST);
static_assert(static_cast<int>(record_type::abort_request) == FCGI_ABORT_REQUEST);
static_assert(static_cast<int>(record_type::end_request) == FCGI_END_REQUEST);
static_assert(static_cast<int>(record_type::params) == FCGI_PARAMS);
static_assert(static_cast<int>(record_type::stdin_stream) == FCGI_STDIN);
static_assert(static_cast<int>(record_type::stdout_stream) == FCGI_STDOUT);
static_assert(static_cast<int>(record_type::stderr_stream) == FCGI_STDERR);
static_assert(static_cast<int>(record_type::data) == FCGI_DATA);
static_assert(static_cast<int>(record_type::get_values) == FCGI_GET_VALUES);
static_assert(static_cast<int>(record_type::get_values_result) == FCGI_GET_VALUES_RESULT);
static_assert(static_cast<int>(record_type::unknown_type) == FCGI_UNKNOWN_TYPE);
static_assert(static_cast<int>(role::responder) == FCGI_RESPONDER);
static_assert(static_cast<int>(role::authorizer) == FCGI_AUTHORIZER);
static_assert(static_cast<int>(role::filter) == FCGI_FILTER);
static_assert(static_cast<int>(protocol_status::cant_mpx_conn) == FCGI_CANT_MPX_CONN);
static_assert(static_cast<int>(protocol_status::overloaded) == FCGI_OVERLOADED);
static_assert(static_cast<int>(protocol_status::unknown_role) == FCGI_UNKNOWN_ROLE);
static_assert(header_size == FCGI_HEADER_LEN);

std::string_view name_of(record_type t) noexcept
{
    switch (t) {
    case record_type::begin_request: return "BEGIN_REQUEST";
    case record_type::abort_request: return "ABORT_REQUEST";
    case record_type::end_request: return "END_REQUEST";
    case record_type::params: return "PARAMS";
    case record_type::stdin_stream: return "STDIN";
    case record_type::stdout_stream: return "STDOUT";
    case record_type::stderr_stream: return "STDERR";
    case record_type::data: return "DATA";
    case record_type::get_values: return "GET_VALUES";
    case record_type::get_values_result: return "GET_VALUES_RESULT";
    case record_type::unknown_type: return "UNKNOWN_TYPE";
    }
    return "unknown";
}

void encode_header(const record_header& h, std::byte* to) noexcept
{
    to[0] = std::byte{FCGI_VERSION_1};
    to[1] = static_cast<std::byte>(h.type);
    to[2] = static_cast<std::byte>(h.id >> 8);
    to[3] = static_cast<std::byte>(h.id & 0xff);
    to[4] = static_cast<std::byte>(h.content_size >> 8);
    to[5] = static_cast<std::byte>(h.content_size & 0xff);
    to[6] = static_cast<std::byte>(h.padding);
    to[7] = std::byte{0};
}

error_code decode_header(std::span<const std::byte, header_size> bytes, record_header& h) noexcept
{
    const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    if (at(0) != FCGI_VERSION_1)
        return errc::bad_version;
    h.type = static_cast<record_type>(at(1));
    h.id = static_cast<std::uint16_t>(at(2) << 8 | at(3));
    h.content_size = static_cast<std::uint16_t>(at(4) << 8 | at(5));
    h.padding = static_cast<std::uint8_t>(at(6));
    return {};
}

void encode_end_request(std::uint16_t id, std::uint32_t app_status, protocol_status status,
                        std::byte* to) noexcept
{
    encode_header({record_type::end_request, id, 8, 0}, to);
    for (int i = 0; i < 4; ++i)
        to[8 + i] = static_cast<std::byte>(app_status >> (24 - 8 * i) & 0xff);
    to[12] = static_cast<std::byte>(status);
    std::fill_n(to + 13, 3, std::byte{0});
}

void append_record(record_type type, std::uint16_t id, std::string_view content, std::string& out)
{
    assert(content.size() <= max_content);
    const auto padding = padding_for(content.size());
    std::array<std::byte, header_size> header;
    encode_header({type, id, static_cast<std::uint16_t>(content.size()), padding}, header.data());
    out.append(reinterpret_cast<const char*>(header.data()), header.size());
    out += content;
    out.append(padding, '\0');
}

record_decoder::result record_decoder::next(std::span<const std::byte>& bytes, piece& out,
                                            error_code& ec) noexcept
{
    if (state_ == state::padding) {
        const auto n = std::min<std::size_t>(left_, bytes.size());
        bytes = bytes.subspan(n);
        left_ = static_cast<std::uint16_t>(left_ - n);
        if (left_ > 0)
            return result::need_more;
        state_ = state::header;
    }
    if (state_ == state::header) {
        if (have_ == 0 && bytes.size() >= header_size) {
            ec = decode_header(bytes.first<header_size>(), header_);
            bytes = bytes.subspan(header_size);
        } else {
            const auto n = std::min<std::size_t>(header_size - have_, bytes.size());
            if (n == 0)
                return result::need_more;
            std::memcpy(buffer_.data() + have_, bytes.data(), n);
            bytes = bytes.subspan(n);
            have_ = static_cast<std::uint8_t>(have_ + n);
            if (have_ < header_size)
                return result::need_more;
            have_ = 0;
            ec = decode_header(buffer_, header_);
        }
        if (ec)
            return result::failed;
        left_ = header_.content_size;
        first_ = true;
        state_ = state::content;
    }
    if (left_ > 0 && bytes.empty())
        return result::need_more;
    const auto n = std::min<std::size_t>(left_, bytes.size());
    out = {header_, bytes.first(n), first_, n == left_};
    bytes = bytes.subspan(n);
    left_ = static_cast<std::uint16_t>(left_ - n);
    first_ = false;
    if (left_ == 0) {
        left_ = header_.padding;
        state_ = left_ > 0 ? state::padding : state::header;
    }
    return result::have_piece;
}

} // namespace sluice::fcgi
