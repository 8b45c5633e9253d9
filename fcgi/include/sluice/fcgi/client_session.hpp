// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/name_value.hpp>
#include <sluice/fcgi/record.hpp>
#include <sluice/field_list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fcgi {

/// What one connection to an app may hold. Sizes are bytes.
struct client_limits {
    /// Records that wait to be sent. Over it `client_session::write` takes nothing. One kernel buffer of a unix
    /// socket takes three times as much, so more would only make the memory grow.
    std::size_t output = 64 * 1024;

    /// Most content of one STDIN or DATA record: small enough that many requests share a connection fairly, large enough
    /// that headers cost nothing.
    std::size_t record_content = 16 * 1024;

    /// Names and values of one request, encoded. They are the only thing that may be queued over `output`.
    std::size_t params_bytes = 256 * 1024;

    /// Requests at once on the connection; 65535 ids are all there are.
    std::size_t requests = 65535;

    /// Names and values of a GET_VALUES_RESULT. The three names the specification knows take 50.
    std::size_t values_bytes = 1024;
};

/// What a request begins with: BEGIN_REQUEST and PARAMS (FastCGI specification sections 5.1 and 5.2).
struct client_request {
    fcgi::role role = fcgi::role::responder;
    bool keep = true; ///< FCGI_KEEP_CONN: the app leaves the connection open after this request
    field_list params;
};

/// What came for a client.
struct client_event {
    enum class kind : unsigned char {
        out,          ///< STDOUT content
        errors,       ///< STDERR content
        ended,        ///< END_REQUEST: the id is free again
        values,       ///< GET_VALUES_RESULT: see `client_session::values`
        unknown_type, ///< the app knows no GET_VALUES (UNKNOWN_TYPE, section 4.2)
    };

    kind what{};
    std::uint16_t id = 0;               ///< the request's; 0 for `values` and `unknown_type`
    std::span<const std::byte> content; ///< of `out` and `errors`: a view into the bytes given to `next`

    // Of `ended` (section 5.5).
    std::uint32_t app_status = 0;
    fcgi::protocol_status protocol_status{};
    bool out_ended =
        false; ///< STDOUT was ended by its empty record, as the specification wants and not every app does
};

/// The machine of one FastCGI connection on the web server's side: requests in, records out; bytes in, events out.
///
/// A request, by its id, and what the app may send for it:
///
/// | state | STDOUT, STDERR | their ends | END_REQUEST | after their end | all else |
/// |---|---|---|---|---|---|
/// | free | *error* | *error* | *error* | *error* | *error* |
/// | running | event | noted | event → free | *error* | *error* |
/// | aborted | thrown away | noted | event → free | *error* | *error* |
///
/// *error* costs the connection. GET_VALUES_RESULT and UNKNOWN_TYPE are allowed while GET_VALUES waits for an answer.
///
/// An END_REQUEST that comes before the request is all sent is an answer as any other; the machine then ends the
/// request's streams, so that an app which waits for them finds its place, but begins no other request on the
/// connection: apps disagree about what they do with the rest.
///
/// Flow: `write` takes what `client_limits::output` leaves room for, and only `sent` makes room. Of the bytes read
/// nothing is kept but a begun header: `next` is to be called when the event can be dealt with, and who cannot take more keeps
/// his bytes and stops reading.
///
/// Sans-I/O: a driver moves the bytes. Thread safety: none.
class client_session {
public:
    /// Told of each record, when it is framed or when its header has come; for traces.
    using trace_function = std::function<void(bool incoming, const record_header&)>;

    explicit client_session(const client_limits& limits = {}, trace_function trace = {});

    // Requests.

    /// True when `start` may be called now: the connection is to stay open, an id is free, and there is room.
    bool can_start() const noexcept;

    /// False once no further request can be begun on this connection, ever.
    bool reusable() const noexcept { return !closing_; }

    /// Begins a request, and gives its id, which nobody else has until its END_REQUEST. With `keep` false it is the last
    /// on this connection. Errors: `params_too_large`, `params_empty_name`; nothing is sent then.
    /// Precondition: can_start().
    error_code start(const client_request& request, std::uint16_t& id);

    /// Frames the beginning of `bytes` as one record of STDIN, or of DATA (role filter, section 6.4: after the end of
    /// STDIN); says how many bytes were taken. 0: there is no room until `sent`, or the request is over, or this is not the
    /// stream's turn.
    std::size_t write(std::uint16_t id, std::span<const std::byte> bytes,
                      record_type stream = record_type::stdin_stream);

    /// True while `write` to that stream takes something as soon as there is room.
    bool accepts(std::uint16_t id, record_type stream) const noexcept;

    /// Ends the stream by its empty record; the end of DATA is that of STDIN, too, which comes first. Idempotent; nothing
    /// when the request is over.
    void finish(std::uint16_t id, record_type stream = record_type::stdin_stream);

    /// Asks the app to give the request up (section 5.4). What still comes for it is thrown away; the id stays
    /// taken until END_REQUEST, which some apps never send. False when no such request runs.
    bool abort(std::uint16_t id);

    /// True while the request runs and is not aborted.
    bool running(std::uint16_t id) const noexcept;

    /// Asks what the app can do (section 4.1): by its names FCGI_MAX_CONNS, FCGI_MAX_REQS, FCGI_MPXS_CONNS. False, and
    /// nothing is sent, while an earlier question waits for its answer. libfcgi answers only with its next request.
    bool get_values(std::span<const std::string_view> names);

    /// What the last `values` event brought. Valid until the next `get_values`.
    const field_list& values() const noexcept { return values_; }

    /// Requests whose END_REQUEST has not come, the aborted ones among them.
    std::size_t active() const noexcept { return active_; }

    // Output.

    /// All records that wait to be sent; stays valid until `sent`, whatever else is called. Empty when there are none.
    std::span<const std::byte> output();

    /// The first `n` bytes of what `output` gave are on their way.
    void sent(std::size_t n) noexcept;

    /// Bytes that `write` can frame now, headers included.
    std::size_t room() const noexcept;

    // Input.

    enum class result {
        need_more, ///< all of `bytes` is used up
        have_event,
        failed, ///< the app broke the protocol: close the connection, and do not use the machine again
    };

    /// Consumes from the front of `bytes` up to and with the next event.
    result next(std::span<const std::byte>& bytes, client_event& event, error_code& ec);

    /// The app sends no more. Errors: `closed_mid_record`; `closed_mid_request` when an answer is not complete.
    error_code end_of_input() const noexcept;

private:
    struct slot {
        bool used = false;
        bool aborted = false;
        bool stdin_ended = false;
        bool data_ended = false; ///< set at once for roles without DATA
        bool out_ended = false;
        bool errors_ended = false;
    };

    slot* find(std::uint16_t id) noexcept;
    const slot* find(std::uint16_t id) const noexcept;
    void append(record_type type, std::uint16_t id, std::string_view content);
    std::optional<client_event> on_piece(const record_decoder::piece& p, error_code& ec);
    std::optional<client_event> on_stream(const record_decoder::piece& p, slot& s, error_code& ec);
    std::optional<client_event> on_end(const record_decoder::piece& p, slot& s, error_code& ec);
    std::optional<client_event> on_values(const record_decoder::piece& p, error_code& ec);
    std::optional<client_event> on_unknown_type(const record_decoder::piece& p, error_code& ec);
    bool collect_body(const record_decoder::piece& p, error_code& ec);

    client_limits limits_;
    trace_function trace_;

    std::vector<slot> slots_; ///< by id, from 1
    std::vector<std::uint16_t> free_;
    std::size_t active_ = 0;
    bool closing_ = false;

    std::string waiting_, in_flight_; ///< framed; `in_flight_` was handed out by `output`
    std::size_t in_flight_at_ = 0;

    record_decoder decoder_;
    std::array<std::byte, 8> body_{}; ///< of END_REQUEST and UNKNOWN_TYPE
    std::size_t body_have_ = 0;
    bool asked_ = false; ///< GET_VALUES waits for its answer
    name_value_decoder values_decoder_;
    field_list values_;
};

} // namespace sluice::fcgi
