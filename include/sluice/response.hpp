// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>
#include <sluice/field_list.hpp>
#include <sluice/response_body.hpp>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

/// Header fields: ordered pairs, names compared without regard to case, repeated ones sent as separate lines.
class header_list : public field_list {
public:
    header_list() noexcept : field_list(field_case::insensitive) {}
    header_list(std::initializer_list<field> fields) : header_list()
    {
        for (const field& f : fields)
            add(f.name, f.value);
    }
};

/// Status line and headers of a response: what `responder::start` takes.
struct response_head {
    int status = 200;   ///< 200–999: the final status (RFC 9110 section 15)
    std::string reason; ///< "" sends the standard phrase of the status
    header_list headers;

    /// Back to an empty 200, keeping the memory.
    void clear() noexcept;
};

/// A complete response: what an immediate app returns and `responder::send` takes. Content-Length is computed when the
/// headers have none, for each kind of body of which the length is known (R28).
struct response {
    int status = 200;
    header_list headers;
    response_body body;
    std::string reason; ///< "" sends the standard phrase of the status
};

/// The standard reason phrase, or "" for a status no standard names.
std::string_view reason_phrase(int status) noexcept;

/// 1xx, 204 and 304 have no body (RFC 9110 section 6.4.1); they send no Content-Type and no Content-Length.
bool status_allows_body(int status) noexcept;

/// What a checked head says about the body that follows.
struct head_facts {
    bool body_allowed = true;                    ///< by the status; HEAD is the caller's to know
    std::optional<std::uint64_t> content_length; ///< as announced by the app
};

/// Checks a head before it goes out (R22–R27), and mends what has only one mending:
/// where no body is allowed, Content-Type, Content-Length and Transfer-Encoding are dropped (R26, R27, R43).
///
/// Errors: `bad_status`, `bad_header_name`, `bad_header_value`, `missing_content_type`; `why` (when not
/// null) then names the header or value at fault.
error_code check_head(response_head& head, head_facts& facts, std::string* why = nullptr);

/// Appends the head in CGI form: `Status: 200 OK`, the headers, an empty line, each ended by CR LF
/// (RFC 3875 section 6.2). Precondition: `check_head` found no fault.
void serialize_cgi_head(const response_head& head, std::string& out);

} // namespace sluice
