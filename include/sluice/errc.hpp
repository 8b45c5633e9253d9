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
    client_gone = 1,  ///< The client has left, or the connection to the web server broke.
    write_stalled,    ///< The client took nothing for `write_stall` or `linger`.
    shutting_down,    ///< The process is ending and the drain time is over.
    body_incomplete,  ///< Fewer body bytes came than CONTENT_LENGTH announced.
    body_too_large,   ///< The request body, or a part of it, is larger than one of the `limits`; 413.
    bad_request,      ///< The request environment breaks a rule; the client gets a 400.
    bad_form,         ///< The body is no form of the kind that its Content-Type says; 400.
    unsupported_form, ///< Content-Type says no kind of form that is known here; 415.

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
    body_already_read,    ///< `buffer()` after some of the body had been read.
    body_not_buffered,    ///< A place in the body was asked for that `buffer()` has not taken in.
};

/// The category of `errc`; its name is "sluice".
const boost::system::error_category& sluice_category() noexcept;

inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), sluice_category()};
}

/// The status of the answer when an app fails by this error before its head: 400, 413 or 415 for what the client sent
/// (`body_incomplete`, `bad_request`, `bad_form`; `body_too_large`; `unsupported_form`), 500 for everything else.
int status_of(error_code ec) noexcept;

} // namespace sluice

template <>
struct boost::system::is_error_code_enum<sluice::errc> : std::true_type {};
