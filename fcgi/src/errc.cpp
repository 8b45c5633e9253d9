// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/errc.hpp>

#include <string>

namespace sluice::fcgi {
namespace {

const char* text_of(int code) noexcept
{
    switch (static_cast<errc>(code)) {
    case errc::bad_version:
        return "FastCGI record of a version other than 1: is the peer speaking HTTP to the FastCGI socket?";
    case errc::bad_begin_length: return "FastCGI BEGIN_REQUEST whose content is not 8 bytes";
    case errc::bad_request_id:
        return "FastCGI record for a request that was never begun, or a request's record with id 0";
    case errc::duplicate_id: return "FastCGI BEGIN_REQUEST for a request id that is still in use";
    case errc::params_too_large:
        return "FastCGI parameters larger than limits::params_bytes: "
               "raise the limit, or lower the web server's header limit";
    case errc::params_too_many:
        return "more FastCGI parameters than limits::params_count: "
               "raise the limit, or lower the web server's limit on header lines";
    case errc::params_incomplete: return "the FastCGI PARAMS stream ended inside a name-value pair";
    case errc::params_empty_name: return "FastCGI parameter without a name";
    case errc::params_nul: return "NUL byte in the name or value of a FastCGI parameter";
    case errc::data_after_end: return "FastCGI stream content after the empty record that ends the stream";
    case errc::unexpected_record:
        return "FastCGI record of a type that the state of its request does not allow";
    case errc::request_idle:
        return "a FastCGI request was begun and nothing more came for limits::request_idle";
    case errc::management_too_large: return "FastCGI GET_VALUES, or its answer, longer than any sane one";
    case errc::closed_mid_record: return "the peer closed the connection inside a FastCGI record";
    case errc::closed_mid_request:
        return "the peer closed the connection before the FastCGI request was complete";
    case errc::bad_end_length: return "FastCGI END_REQUEST or UNKNOWN_TYPE whose content is not 8 bytes";
    case errc::bad_protocol_status: return "FastCGI END_REQUEST with an unknown protocolStatus";
    }
    return "unknown FastCGI error";
}

class category final : public boost::system::error_category {
public:
    constexpr category() noexcept : error_category(0x9a4b27e6c01d58f3) {}

    const char* name() const noexcept override { return "sluice.fcgi"; }
    std::string message(int code) const override { return text_of(code); }
    const char* message(int code, char*, std::size_t) const noexcept override { return text_of(code); }
};

constexpr category instance;

} // namespace

const boost::system::error_category& fcgi_category() noexcept
{
    return instance;
}

} // namespace sluice::fcgi
