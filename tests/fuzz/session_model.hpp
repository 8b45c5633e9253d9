// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "fuzz/name_value_oracle.hpp"
#include "support/records.hpp"

#include <sluice/environment.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

using test::id_type;

/// Bytes that differ from source to source and from place to place, so that lost, doubled and swapped ones show.
void append_pattern(unsigned source, std::uint64_t from, std::size_t n, std::string& to);
/// True when `bytes` are those of `source` from `from` on.
bool is_pattern(unsigned source, std::uint64_t from, std::string_view bytes);

/// A stream of a request as its peer sent it: the body, or a filter's data.
struct peer_stream {
    std::string bytes;
    bool ended = false;
};

/// A request as its peer sent it.
struct peer_request {
    explicit peer_request(const fcgi::name_value_decoder::bounds& limit) : params(limit) {}

    /// Where its app has to see the end: at the length that was announced, or where the peer ended the stream (R19).
    std::optional<std::uint64_t> body_length() const;
    std::optional<std::uint64_t> data_length() const;

    sluice::role role = sluice::role::responder;
    name_value_oracle params;
    environment env; ///< what its app should see
    peer_stream body, data;
    bool aborted = false;
};
using peer_request_ptr = std::shared_ptr<peer_request>;

/// What an app did, as it should turn up at the peer. Its responses bear the header `X-App: number`.
struct app_run {
    std::uint64_t accepted = 0; ///< bytes of its body
    sluice::role role = sluice::role::responder;
    bool without_body = false;                       ///< HEAD, 204
    bool meant_well = false;                         ///< it has said that the response is complete
    bool told_well = false;                          ///< it has been told that the peer has all of it
    bool ended_well = false;                         ///< the peer has all of it
    std::size_t complaints = 0, sure_complaints = 0; ///< e's on the error stream; those before it had ended
    bool exact = false; ///< `accepted` is no more than what went out, or waits to
    bool seen = false;  ///< the end of its response has come, good or bad
};

/// What may happen on a FastCGI connection: follows the bytes in and out, says which faults of the peer a session has to see,
/// and stops the fuzzer when something comes out that should not.
///
/// Where the session's answer depends on what cannot be seen from outside (whether the pool had a block, whether an ABORT_REQUEST
/// crossed the end of the response), the model keeps all states that are possible.
class session_model {
public:
    struct rules {
        fcgi::name_value_decoder::bounds params;
        std::uint64_t request_body; ///< 0: unlimited
        bool may_refuse;            ///< requests may be refused for want of room
    };

    explicit session_model(const rules& r) : rules_(r) {}

    // In.

    /// The session is given `bytes` next.
    void arrives(std::string_view bytes);
    /// What the session said to them.
    void check_verdict(bool fault) const;
    /// True inside of a record.
    bool mid_record() const noexcept { return !header_.empty() || left_ > 0 || padding_ > 0; }
    /// True when some request may still be sending its PARAMS, or anything.
    bool may_be_in_params() const noexcept;
    bool may_be_receiving() const noexcept;
    /// True when a byte has come.
    bool greeted() const noexcept { return greeted_; }
    /// The session takes no more requests.
    void drains() noexcept
    {
        // A request that may be on its way is still served.
        uncertain_ |= !draining_ && (!greeted_ || mid_record());
        draining_ = true;
    }
    /// Time passes: what is half sent may be given up.
    void passes() noexcept;
    /// Responses are ended from outside.
    void cancels() noexcept { cancelled_ = true; }

    // Apps.

    /// An app was started in this role, with this environment.
    peer_request_ptr app_starts(role r, const environment& env);
    /// All apps that had to start have.
    void check_all_started();
    std::deque<app_run> apps;

    // Out.

    /// The kernel took `bytes`.
    void leaves(std::string_view bytes);
    /// Compares the responses that have ended with what the apps have written; and those that have not.
    void check_content();
    /// `all`: nothing is in the way of the peer, so it has all that was written so far. Else at most `most` bytes wait.
    void check_unfinished(bool all, std::size_t most);
    /// Requests of that role that have begun and not ended.
    std::size_t open_requests(role r) const noexcept;
    /// Two requests were in service at once.
    bool was_shared() const noexcept { return shared_; }
    /// A request that wanted the connection closed was the last.
    bool must_close() const noexcept;
    /// So many answers may wait to be sent that the session reads no further questions.
    bool owes_much() const noexcept;
    /// The connection is over, and nobody broke it: all that was begun has ended.
    void check_complete() const;

private:
    enum state : unsigned { none = 1, params = 2, body = 4, data = 8, ended = 16, ignored = 32 };

    struct stream_out {
        int open = 0; ///< requests begun and not ended
        bool keep = true;
        bool reused =
            false; ///< the id was used again before its request had ended: records cannot be told apart
        bool aborted = false;
        unsigned role = 1;
        bool refused = false; ///< certainly
        std::string out;
        std::size_t checked = 0;    ///< bytes of it that were looked at
        std::size_t complaints = 0; ///< of STDERR
        bool dropped = false;       ///< says that there were more
        bool out_ended = false, errors = false, errors_ended = false;
    };
    enum class how_ended : unsigned char { not_yet, well, badly, by_peer };
    struct response {
        stream_out stream;
        how_ended how;
    };
    struct id_in {
        unsigned states = none;
        peer_request_ptr request;

        bool is_filter() const { return request && request->role == sluice::role::filter; }
    };

    // What a state does with a record: the states it may go to, and whether it is a fault.
    struct step {
        unsigned to;
        bool fault;
    };

    static bool is_served(unsigned role) noexcept { return role >= 1 && role <= 3; }
    void chunk(std::string_view content, bool first, bool last);
    void management(bool last);
    void begin(std::string_view content, bool first, bool last);
    void params_content(std::string_view content);
    void stdin_content(std::string_view content);
    void data_content(std::string_view content);
    void aborts(id_type id);
    template <class F>
    void each_state(id_type id, F f);
    void request_known(peer_request_ptr r);
    void record_out(fcgi::record_type type, id_type id, std::string_view content);
    void end_out(id_type id, std::string_view content, stream_out& s);
    static void take_errors(std::string_view content, stream_out& s);
    app_run* check(const stream_out& s, how_ended how);
    void check_end(app_run& app, std::size_t size, how_ended how) const;

    rules rules_;
    bool greeted_ = false;
    bool uncertain_ = false; ///< whether a request is served or refused
    bool draining_ = false, cancelled_ = false, closing_begun_ = false, faulted_ = false;
    bool shared_ = false, close_due_ = false;
    bool may_fail_ = false, must_fail_ = false;

    // The record that is coming in.
    std::string header_;
    unsigned type_ = 0;
    id_type id_ = 0;
    std::size_t size_ = 0, left_ = 0, padding_ = 0;
    std::string begin_body_;

    std::map<id_type, id_in> in_;
    std::deque<peer_request_ptr> to_start_;

    std::string out_rest_; ///< of a record that is not whole
    std::map<id_type, stream_out> out_;
    std::vector<response> to_check_;
    int values_due_ = 0, unknown_due_ = 0;
};

} // namespace sluice::fuzz
