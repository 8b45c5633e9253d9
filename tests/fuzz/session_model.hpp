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
#include <string>
#include <string_view>
#include <vector>

namespace sluice::fuzz {

using test::id_type;

/// Bytes that differ from source to source and from place to place, so that lost, doubled and swapped ones show.
void append_pattern(unsigned source, std::uint64_t from, std::size_t n, std::string& to);
/// True when `bytes` are those of `source` from `from` on.
bool is_pattern(unsigned source, std::uint64_t from, std::string_view bytes);

/// A request as its peer sent it.
struct peer_request {
    explicit peer_request(const fcgi::name_value_decoder::bounds& limit) : params(limit) {}

    name_value_oracle params;
    environment env; ///< what its app should see
    std::string body;
    bool body_ended = false;
    bool aborted = false;
};
using peer_request_ptr = std::shared_ptr<peer_request>;

/// What an app did, as it should turn up at the peer. Its responses bear the header `X-App: number`.
struct app_run {
    std::uint64_t accepted = 0; ///< bytes of its body
    bool without_body = false;  ///< HEAD, 204
    bool meant_well = false;    ///< it has said that the response is complete
    bool told_well = false;     ///< it has been told that the peer has all of it
    bool ended_well = false;    ///< the peer has all of it
    bool seen = false;          ///< the end of its response has come, good or bad
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
    /// The session takes no more requests.
    void drains() noexcept { draining_ = true; }
    /// Responses are ended from outside.
    void cancels() noexcept { cancelled_ = true; }

    // Apps.

    /// An app was started with this environment.
    peer_request_ptr app_starts(const environment& env);
    /// All apps that had to start have.
    void check_all_started();
    std::deque<app_run> apps;

    // Out.

    /// The kernel took `bytes`.
    void leaves(std::string_view bytes);
    /// Compares the responses that have ended with what the apps have written; and those that have not.
    void check_content();
    void check_unfinished();
    /// The connection is over, and nobody broke it: all that was begun has ended.
    void check_complete() const;

private:
    enum state : unsigned { none = 1, params = 2, body = 4, ended = 8, ignored = 16 };

    struct stream_out {
        int open = 0; ///< requests begun and not ended
        bool reused =
            false; ///< the id was used again before its request had ended: records cannot be told apart
        bool aborted = false;
        bool responder = true;
        bool refused = false; ///< certainly
        std::string out;
        bool out_ended = false, errors = false, errors_ended = false;
    };
    struct response {
        std::string out;
        bool well, fault, by_peer;
    };
    struct id_in {
        unsigned states = none;
        peer_request_ptr request;
    };

    // What a state does with a record: the states it may go to, and whether it is a fault.
    struct step {
        unsigned to;
        bool fault;
    };

    void chunk(std::string_view content, bool first, bool last);
    void management(bool last);
    void begin(std::string_view content, bool first, bool last);
    void params_content(std::string_view content);
    void stdin_content(std::string_view content);
    void aborts(id_type id);
    template <class F>
    void each_state(id_type id, F f);
    void request_known(peer_request_ptr r);
    void record_out(fcgi::record_type type, id_type id, std::string_view content);
    void end_out(id_type id, std::string_view content, stream_out& s);
    void check(const response& r);

    rules rules_;
    bool draining_ = false, cancelled_ = false, closing_begun_ = false, faulted_ = false;
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
