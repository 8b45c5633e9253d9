// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/errc.hpp>

#include <string>

namespace sluice {
namespace {

const char* text_of(int code) noexcept
{
    switch (static_cast<errc>(code)) {
    case errc::client_gone:
        return "the client has left, or the connection to the web server broke: stop producing";
    case errc::write_stalled:
        return "the client took nothing for limits::write_stall, or for limits::linger once only the end of "
               "the "
               "response was left: it was given up";
    case errc::shutting_down:
        return "the process is ending and the time to drain is over: the response was cut short";
    case errc::body_incomplete:
        return "the request body ended before CONTENT_LENGTH bytes came: do not use what was read";
    case errc::body_too_large:
        return "the request body, or a part of it, is larger than a limit allows (limits::request_body, "
               "spill, "
               "buffered_body, form): raise the limit or refuse the upload";
    case errc::bad_request:
        return "the web server's request environment breaks a rule: the client gets a 400";
    case errc::bad_form:
        return "the request body is not the form that its Content-Type says: the client gets a 400";
    case errc::unsupported_form:
        return "the request's Content-Type is no form (multipart/form-data, "
               "application/x-www-form-urlencoded): the client gets a 415";

    case errc::already_responded:
        return "the responder was called a second time: call it once, the first response goes on";
    case errc::no_response: return "the app ended without a response: call the responder before returning";
    case errc::already_finished: return "a write after finish(): finish only when all is written";
    case errc::operation_pending:
        return "an operation of this kind is still waiting: await it before starting another";
    case errc::aborted: return "the app aborted this response or dropped its writer before the end";
    case errc::length_exceeded:
        return "a write past the announced Content-Length, nothing of it was sent: announce the true length "
               "or none";
    case errc::length_short:
        return "the response ended before its announced Content-Length: announce the true length or none";
    case errc::bad_status: return "the status is outside 200-999: answer with a final status";
    case errc::bad_header_name:
        return "a header name is no token, ends in '-' or '_', or is \"Status\": rename it, or set the "
               "status itself";
    case errc::bad_header_value:
        return "a header value or the reason phrase has a control character or is no valid value: "
               "encode it before it goes into a header";
    case errc::missing_content_type:
        return "the response has no Content-Type: set one, every status but 1xx, 204 and 304 needs it";
    case errc::body_already_read:
        return "buffer() after some of the body had been read: buffer first, then read";
    case errc::body_not_buffered:
        return "a place in a body that is not buffered: call buffer() first, and see that it succeeds";
    }
    return "unknown sluice error";
}

class category final : public boost::system::error_category {
public:
    constexpr category() noexcept : error_category(0x5d1f0c9a3be74e21) {}

    const char* name() const noexcept override { return "sluice"; }
    std::string message(int code) const override { return text_of(code); }
    const char* message(int code, char*, std::size_t) const noexcept override { return text_of(code); }
};

constexpr category instance;

} // namespace

const boost::system::error_category& sluice_category() noexcept
{
    return instance;
}

int status_of(error_code ec) noexcept
{
    if (ec.category() != sluice_category())
        return 500;
    switch (static_cast<errc>(ec.value())) {
    case errc::body_incomplete:
    case errc::bad_request:
    case errc::bad_form: return 400;
    case errc::body_too_large: return 413;
    case errc::unsupported_form: return 415;
    default: return 500;
    }
}

} // namespace sluice
