// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>

namespace sluice::fcgi {

/// How a peer can break the FastCGI protocol. Each costs the peer its connection and nothing else.
enum class errc {
    bad_version = 1,      ///< A record whose version is not 1 (specification section 3.3).
    bad_begin_length,     ///< BEGIN_REQUEST whose content is not 8 bytes (section 5.1).
    bad_request_id,       ///< A record for a request that was never begun, or a request's record with id 0.
    duplicate_id,         ///< BEGIN_REQUEST for an id that is still in use.
    params_too_large,     ///< Names and values over `limits::params_bytes`.
    params_too_many,      ///< More pairs than `limits::params_count`.
    params_incomplete,    ///< PARAMS ended inside a pair.
    params_empty_name,    ///< A pair without a name.
    params_nul,           ///< A NUL byte in a name or value.
    data_after_end,       ///< Content of a stream after the stream's empty record.
    unexpected_record,    ///< A record that the request's state does not allow.
    request_idle,         ///< A request was begun and nothing came for `limits::request_idle`.
    management_too_large, ///< GET_VALUES, or its answer, longer than a sane one.
    closed_mid_record,    ///< The peer closed inside a record.
    closed_mid_request,   ///< The peer closed before the request, or for a client its answer, was complete.
    bad_end_length,      ///< END_REQUEST or UNKNOWN_TYPE whose content is not 8 bytes (sections 5.5 and 4.2).
    bad_protocol_status, ///< END_REQUEST with a protocolStatus the specification does not know (section 5.5).
};

/// The category of `fcgi::errc`; its name is "sluice.fcgi".
const boost::system::error_category& fcgi_category() noexcept;

inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), fcgi_category()};
}

} // namespace sluice::fcgi

template <>
struct boost::system::is_error_code_enum<sluice::fcgi::errc> : std::true_type {};
