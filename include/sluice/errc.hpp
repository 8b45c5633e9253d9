// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

namespace sluice {

using boost::system::error_code;
using boost::system::system_error;

/// What can go wrong between an app and its client.
///
/// Two kinds, never mixed: the *client's or transport's* doing, which an app meets in the course of
/// normal service, and the app's own *misuse*, which is a bug to mend in the app.
enum class errc {
    // The client's or the transport's doing.
    client_gone = 1, ///< The client has left, or the connection to the web server broke.
    write_stalled,   ///< The client took nothing for `write_stall` or `linger`.
    shutting_down,   ///< The process is ending and the drain time is over.
    body_incomplete, ///< Fewer body bytes came than CONTENT_LENGTH announced.
    body_too_large,  ///< The request body is larger than `limits::request_body`.
    bad_request,     ///< The request environment breaks a rule; the client gets a 400.

    // The app's own misuse.
    already_responded,    ///< The responder was called a second time; the first response goes on.
    no_response,          ///< The app ended without any response; the client gets a 500.
    already_finished,     ///< A write after `finish()`.
    operation_pending,    ///< A second operation was started while one of its kind was waiting.
    aborted,              ///< The app aborted this response, or dropped its writer.
    length_exceeded,      ///< A write past the announced Content-Length; nothing of it was sent.
    length_short,         ///< Fewer bytes than the announced Content-Length when the response ended.
    bad_status,           ///< A status outside 100–999, or an interim one (1xx) as the final answer.
    bad_header_name,      ///< A header name that is no token, ends in '-' or '_', or is "Status".
    bad_header_value,     ///< A header value or reason phrase with a control character.
    missing_content_type, ///< A response with a body needs a Content-Type.
};

/// The category of `errc`; its name is "sluice".
const boost::system::error_category& sluice_category() noexcept;

inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), sluice_category()};
}

} // namespace sluice

template <>
struct boost::system::is_error_code_enum<sluice::errc> : std::true_type {};
