// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/limits.hpp>
#include <sluice/response.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::cgi {

/// What a CGI program says before its body (RFC 3875 section 6.2).
struct script_head {
    enum class kind {
        document,       ///< section 6.2.1; also a Location beside a status that is no redirect, as in 201
        local_redirect, ///< section 6.2.2: to be answered as if `location` had been asked for, without `response`
        client_redirect, ///< sections 6.2.3 and 6.2.4: a Location and a 3xx status, with or without a document
    };

    kind what = kind::document;

    /// Passes `check_head` and, as it goes out, `limits::response_head`: `responder::start` takes it as it is. The
    /// status is 200, or 302 for a redirect, when the program named none; the headers are without Status.
    response_head response;

    /// The Location, or "" without one. Of a local redirect it is path and query, and not among the headers.
    std::string location;

    /// Of the body, as announced; none where the status allows no body.
    std::optional<std::uint64_t> content_length;

    /// Back to an empty 200, keeping the memory.
    void clear() noexcept;
};

/// Reads what a CGI program writes before its body (RFC 3875 sections 6.2 and 6.3), in pieces cut anywhere.
///
/// Lines end in LF or CR LF, and an empty one ends the head. What real programs write is taken: names in any case,
/// white space around values, `Status: 404` without a phrase, tabs inside of values (they become spaces).
///
/// What is mended or left out:
///
/// | said by the program | is |
/// |---|---|
/// | Status, Location or Content-Type again | the last counts |
/// | the same Content-Length again | one |
/// | no Content-Type, or an empty one, where a body may follow | `text/plain` |
/// | Connection, Keep-Alive, Proxy-Connection, TE, Trailer, Upgrade; `Transfer-Encoding: identity` | left out |
/// | Content-Type and Content-Length with 204 and 304 | left out (R26, R27, R43) |
/// | Location `/x` with a Status, with other headers than X-CGI-…, as `//host/x`, or with a `#` | for the client |
/// | nph: an interim response (1xx) before the final one; a Status header | left out |
///
/// Everything else that is no head fails, and should be answered with 502; `fault` has the words for the log. So does
/// another Transfer-Encoding (nph programs write chunks under it): what is behind the head would not be the document.
/// Linear in the bytes, however they are cut. Sans-I/O. Thread safety: as the standard containers.
class script_head_parser {
public:
    enum class mode {
        parsed, ///< a CGI response
        nph,    ///< section 5: a whole HTTP response, of which the status line and the headers are read
    };

    enum class result {
        need_more, ///< all that was fed belongs to the head, which goes on
        done,      ///< see `head`
        failed,    ///< see `fault`
    };

    /// Of the limits, `response_head` bounds the bytes of the head and `response_fields` its lines.
    explicit script_head_parser(const limits& l, mode m = mode::parsed) noexcept
        : most_bytes_(l.response_head), most_fields_(l.response_fields), mode_(m)
    {}

    /// Takes what the program wrote. `used` says how many of the bytes belong to the head: when it is done, the rest
    /// are the body's; it means nothing after a failure. Once done or failed, takes nothing and says the same again.
    result feed(std::string_view bytes, std::size_t& used);

    /// The program closed its output: whatever is not done fails.
    result end();

    /// Valid until `reset`; may be moved from. Precondition: done.
    script_head& head() noexcept { return head_; }

    /// What was wrong, in words fit for a log, with what was found; "" unless failed. Valid until `reset`.
    std::string_view fault() const noexcept { return fault_; }

    /// Ready for another program's output. Keeps the memory, but for what was moved out.
    void reset() noexcept;
    void reset(mode m) noexcept;

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    void forget_head() noexcept;
    void take_line(std::string_view line);
    void take_status_line(std::string_view line);
    void take_field(std::string_view line);
    void take_field(std::string_view name, std::string_view value);
    void take_status(std::string_view said, std::string_view line);
    void take_content_length(std::string_view name, std::string_view value);
    void keep_last(std::size_t& at, std::string_view name, std::string_view value);
    void take_end();
    bool is_local_redirect() const noexcept;
    std::size_t size_sent() const noexcept;
    void fail(std::string_view what);
    void fail(std::string_view what, std::string_view name, std::string_view value);

    std::size_t most_bytes_;
    std::size_t most_fields_;
    mode mode_;
    result state_ = result::need_more;

    std::size_t bytes_ = 0;
    std::size_t fields_ = 0; ///< also those left out
    std::string begun_;      ///< a line whose end has not come
    std::string untabbed_;   ///< a value in which tabs became spaces
    bool has_status_ = false;

    // Places in the headers.
    std::size_t type_at_ = none;
    std::size_t location_at_ = none;

    script_head head_;
    std::string fault_;
};

} // namespace sluice::cgi
