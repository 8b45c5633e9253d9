// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/exchange.hpp>
#include <sluice/fcgi/name_value.hpp>
#include <sluice/fcgi/record.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::fcgi {

/// The machine of one FastCGI connection, on the application's side: bytes in, requests to apps, records out.
///
/// A request, by its id:
///
/// | state | BEGIN | PARAMS | PARAMS end | STDIN | STDIN end | DATA | DATA end | ABORT |
/// |---|---|---|---|---|---|---|---|---|
/// | none | → params | *error* | *error* | *error* | *error* | *error* | *error* | ignored |
/// | params | *error* | collected | app starts → body | *error* | *error* | *error* | *error* | → over |
/// | body | *error* | *error* | *error* | to the app | filter → data, else → ended | *error* | *error* | app told → over |
/// | data | *error* | *error* | *error* | *error* | *error* | to the app | → ended | app told → over |
/// | ended | *error* | *error* | *error* | *error* | *error* | *error* | *error* | app told → none |
/// | over: refused, aborted or answered before its input ended | → params | ignored | ignored | ignored | filter ignored, else → none | ignored | → none | ignored |
///
/// *error* costs the connection. Output is independent of it: records are framed from what the exchanges hold,
/// one block a request in turn, only when the driver asks because the socket takes something; the last data, the
/// empty STDOUT and END_REQUEST leave together.
///
/// Sans-I/O: a driver moves the bytes. Thread safety: none.
class session final : public exchange_host {
public:
    session(loop_resources& resources, session_driver& d);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    // Input.

    /// The most bytes `receive` may be given now; 0 means: stop reading until `session_driver::input_wanted`.
    /// `blocked` says that the kernel takes no more output: a web server may not read any before it has sent the body.
    std::size_t read_limit(bool blocked = false) const noexcept;

    /// Takes all of `bytes`. An error is the peer's breach of the protocol: log it, call `lost`, close.
    error_code receive(std::span<const std::byte> bytes);

    /// Starts the apps of requests that became complete enough. To be called after `receive`, outside of it, since apps write.
    void start_apps();

    /// The peer sends no more. With `half_closed` it still reads; else it is gone, and so are its requests.
    error_code receive_end(bool half_closed);

    // Output.

    /// Frames what is ready; gives all slices that wait to be sent, oldest first. They stay valid until the next call
    /// of a non-const member.
    std::span<const std::span<const std::byte>> gather();

    /// True when the last `gather` left something unframed that is ready, or is since `sent`.
    bool more_output() const noexcept { return more_; }

    /// The kernel took the first `n` bytes of what `gather` gave.
    void sent(std::size_t n);

    // Life.

    /// True when a response ended with a fault: close, but only a moment later.
    bool faulted() const noexcept { return faulted_; }

    /// True when the last response is out and the connection is to be closed.
    bool finished() const noexcept { return closing_ && slices_.size() == front_ && control_.empty(); }

    /// True when the peer may still be sending a body nobody reads: close only after throwing it away.
    bool input_pending() const noexcept;

    /// True while no request is in service.
    bool idle() const noexcept { return slots_.empty() && slices_.size() == front_; }

    /// No request after those now in service: others get 503. An idle session is finished at once, but one that has not
    /// had a byte yet, or is in the middle of a record: whoever has just connected is about to send a request, which is
    /// served. `check` ends it when none comes.
    void drain() noexcept;

    /// Ends the responses still running, visibly where that can be.
    void cancel(error_code reason);

    /// The connection is gone or given up.
    void lost(error_code reason);

    /// Lets time pass. An error names the limit that was passed: call `lost` with it and close. A request that passed
    /// `limits::request_idle` beside others ends alone.
    error_code check(std::chrono::steady_clock::time_point now);

    // exchange_host
    std::size_t send(exchange& x, std::span<const std::byte> direct) override;
    void output_ready(exchange&) override { driver_.output_ready(); }
    void input_wanted(exchange&) override { driver_.input_wanted(); }

private:
    enum class slot_state : unsigned char { params, body, data, ended };

    struct slot {
        std::uint16_t id = 0;
        slot_state state = slot_state::params;
        bool keep = false;
        bool stderr_used = false;
        bool stderr_in_flight = false;
        bool ending = false;   ///< the ending is framed
        bool received = false; ///< since the last check
        std::chrono::steady_clock::time_point quiet_since;
        exchange_ptr x;
        name_value_decoder params;
        std::string stderr_record;
        std::array<std::byte, 32> end_records;
    };

    enum class kind : unsigned char {
        content, ///< a pulled block
        direct_header,
        direct,
        direct_padding, ///< straight from the app's buffer
        stderr_text,
        ending,
        control, ///< answers that belong to no request
        // What must still go out since the beginning of its record did; stands for nothing by itself.
        leftover_header, ///< its content is the next slice
        leftover,
    };

    struct slice_info {
        slot* owner;
        std::uint32_t content; ///< bytes of the response in it
        kind what;
        bool ends;    ///< the request's ending is in it
        bool touched; ///< its beginning has been sent
    };

    struct reordered_slice {
        std::size_t turn, at;
        std::span<const std::byte> slice;
        slice_info info;
    };

    struct ignored_id {
        std::uint16_t id;
        sluice::role role; ///< says which streams may still come
    };

    slot* find(std::uint16_t id) noexcept;
    static request_stream* input_of(const slot& s);
    std::size_t wanted_of_input(const slot& s, bool blocked) const;
    const ignored_id* find_ignored(std::uint16_t id) const noexcept;
    void ignore(std::uint16_t id, role r);
    void forget_ignored(std::uint16_t id) noexcept;
    error_code on_piece(const record_decoder::piece& p);
    error_code on_begin(const record_decoder::piece& p);
    error_code on_params(const record_decoder::piece& p, slot& s);
    error_code on_input(const record_decoder::piece& p, slot& s);
    void on_abort(std::uint16_t id);
    error_code on_management(const record_decoder::piece& p);
    void refuse(std::uint16_t id, role r, bool keep, protocol_status status);
    void refuse_busy(std::uint16_t id, role r, bool keep);
    bool waits_for_input(const slot& s) const;
    void give_up_waiting(slot& s);
    void end_without_exchange(std::uint16_t id, bool keep, protocol_status status, std::uint32_t app_status);
    void answer_values();

    void push(std::span<const std::byte> bytes, slice_info info);
    std::span<const std::byte> frame_block(const slot& s, const outflow::segment& content);
    std::size_t turn_of(std::size_t slice) const;
    void take_turns_anew();
    bool send_block(slot& s);
    bool frame_one(slot& s);
    void frame_ending(slot& s, const outflow::segment* last);
    void frame_direct();
    void settle_direct();
    void complete(slice_info info);
    void end(slot& s);
    void remove(slot& s);

    loop_resources& resources_;
    session_driver& driver_;
    record_decoder decoder_;
    std::array<std::byte, 8> begin_body_{};
    std::uint8_t begin_have_ = 0;
    std::string values_query_;

    std::vector<std::unique_ptr<slot>> slots_;
    std::vector<std::unique_ptr<slot>> spare_slots_;
    std::vector<ignored_id> ignored_; ///< whose input may still come but is wanted by nobody
    std::vector<exchange_ptr> starting_;
    std::size_t next_ = 0; ///< whose turn it is to be framed

    std::vector<std::span<const std::byte>> slices_;
    std::vector<slice_info> infos_;
    std::vector<reordered_slice> reordered_; ///< memory of `take_turns_anew`
    std::size_t front_ = 0;
    std::string control_, control_in_flight_;
    std::string leftover_;

    /// One write of 64 KiB. A thousand connections keep room for the slices of as many.
    static constexpr std::size_t max_direct_records = 5;
    slot* direct_slot_ = nullptr;
    std::span<const std::byte> direct_;
    std::size_t direct_sent_ = 0;
    std::array<std::array<std::byte, header_size>, max_direct_records> direct_headers_;

    bool more_ = false;
    bool tracing_ = false; ///< whether anybody reads of each record; asked when input comes, not for each
    bool closing_ = false;
    bool faulted_ = false;
    bool draining_ = false;
    bool greeted_ = false;         ///< a byte has come
    bool awaits_first_ = false;    ///< draining, but for the request that is on its way
    bool close_when_idle_ = false; ///< a request asked for it (no FCGI_KEEP_CONN)
    bool received_ = false;        ///< since the last check
    bool sent_ = false;            ///< since the last check
    std::chrono::steady_clock::time_point quiet_since_{}, unsent_since_{}, awaits_since_{};
};

} // namespace sluice::fcgi
