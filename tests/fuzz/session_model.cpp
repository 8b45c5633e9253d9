// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fuzz/session_model.hpp"

#include "fuzz/fuzz.hpp"

#include <sluice/fcgi/record.hpp>

#include <algorithm>
#include <charconv>

namespace sluice::fuzz {

using fcgi::record_type;

namespace {

constexpr std::size_t values_query_limit = 1024;

unsigned at(std::string_view s, std::size_t i)
{
    return static_cast<unsigned char>(s[i]);
}

// A prime of bytes, so that the place in it and the place in a block never keep step.
const std::string& pattern_bytes()
{
    static const std::string bytes = test::pattern(65521);
    return bytes;
}

template <class F>
void for_each_part(unsigned source, std::uint64_t from, std::size_t n, F f)
{
    const std::string& bytes = pattern_bytes();
    while (n > 0) {
        const auto place = (from + std::uint64_t{source} * 7919) % bytes.size();
        const auto part = std::min<std::size_t>(n, bytes.size() - place);
        f(std::string_view(bytes).substr(place, part));
        from += part;
        n -= part;
    }
}

} // namespace

void append_pattern(unsigned source, std::uint64_t from, std::size_t n, std::string& to)
{
    for_each_part(source, from, n, [&](std::string_view part) { to += part; });
}

bool is_pattern(unsigned source, std::uint64_t from, std::string_view bytes)
{
    bool same = true;
    for_each_part(source, from, bytes.size(), [&](std::string_view part) {
        same &= bytes.starts_with(part);
        bytes.remove_prefix(part.size());
    });
    return same;
}

// In

void session_model::arrives(std::string_view bytes)
{
    may_fail_ = must_fail_ = false;
    while (!bytes.empty() && !must_fail_) {
        if (left_ == 0 && padding_ > 0) {
            const auto n = std::min(padding_, bytes.size());
            bytes.remove_prefix(n);
            padding_ -= n;
            continue;
        }
        bool first = false;
        if (left_ == 0) {
            const auto n = std::min(fcgi::header_size - header_.size(), bytes.size());
            header_ += bytes.substr(0, n);
            bytes.remove_prefix(n);
            if (header_.size() < fcgi::header_size)
                return;
            if (at(header_, 0) != 1) {
                must_fail_ = true;
                return;
            }
            type_ = at(header_, 1);
            id_ = static_cast<id_type>(at(header_, 2) << 8 | at(header_, 3));
            size_ = left_ = at(header_, 4) << 8 | at(header_, 5);
            padding_ = at(header_, 6);
            header_.clear();
            first = true;
            if (left_ == 0) {
                chunk({}, true, true);
                continue;
            }
        }
        first = left_ == size_;
        const auto n = std::min(left_, bytes.size());
        if (n == 0)
            return;
        left_ -= n;
        chunk(bytes.substr(0, n), first, left_ == 0);
        bytes.remove_prefix(n);
    }
}

void session_model::check_verdict(bool fault) const
{
    must(fault || !must_fail_, "a breach of the protocol is seen");
    must(!fault || must_fail_ || may_fail_, "no fault is found where there is none");
}

bool session_model::may_be_in_params() const noexcept
{
    return std::any_of(in_.begin(), in_.end(), [](const auto& i) { return (i.second.states & params) != 0; });
}

bool session_model::may_be_receiving() const noexcept
{
    return mid_record() || std::any_of(in_.begin(), in_.end(), [](const auto& i) {
               return (i.second.states & (params | body)) != 0;
           });
}

// Some of a record's content, or all of a record without.
void session_model::chunk(std::string_view content, bool first, bool last)
{
    const auto type = static_cast<record_type>(type_);
    if (id_ == 0)
        return management(last);
    switch (type) {
    case record_type::begin_request: return begin(content, first, last);
    case record_type::abort_request:
        if (last)
            aborts(id_);
        return;
    case record_type::params: return params_content(content);
    case record_type::stdin_stream: return stdin_content(content);
    default: break;
    }
    if (type <= record_type::unknown_type)
        each_state(id_, [](unsigned s) { return step{s, s != ignored}; });
}

template <class F>
void session_model::each_state(id_type id, F f)
{
    unsigned to = 0;
    id_in& in = in_[id];
    for (const unsigned s : {none, params, body, ended, ignored}) {
        if ((in.states & s) == 0)
            continue;
        const step next = f(s);
        if (next.fault)
            may_fail_ = true;
        else
            to |= next.to;
    }
    if (to == 0)
        must_fail_ = true;
    else
        in.states = to;
}

void session_model::management(bool last)
{
    switch (static_cast<record_type>(type_)) {
    case record_type::begin_request:
    case record_type::abort_request:
    case record_type::params:
    case record_type::stdin_stream:
    case record_type::data: must_fail_ = true; return;
    case record_type::get_values:
        if (size_ > values_query_limit)
            must_fail_ = true;
        else if (last)
            ++values_due_;
        return;
    default: unknown_due_ += last ? 1 : 0;
    }
}

void session_model::begin(std::string_view content, bool first, bool last)
{
    if (size_ != 8) {
        must_fail_ = true;
        return;
    }
    if (first) {
        begin_body_.clear();
        each_state(id_, [](unsigned s) { return step{s, (s & (params | body | ended)) != 0}; });
        if (must_fail_)
            return;
    }
    begin_body_ += content;
    if (!last)
        return;
    const bool responder = (at(begin_body_, 0) << 8 | at(begin_body_, 1)) == 1;
    const bool refused = !responder || draining_;
    in_[id_].states = refused ? ignored : rules_.may_refuse ? params | ignored : unsigned{params};
    in_[id_].request = std::make_shared<peer_request>(rules_.params);
    closing_begun_ |= (at(begin_body_, 2) & 1) == 0;

    stream_out& out = out_[id_];
    if (out.open > 0)
        out.reused = true;
    else
        out = {};
    ++out.open;
    out.responder = responder;
    out.refused = refused;
}

void session_model::params_content(std::string_view content)
{
    const auto request = in_[id_].request;
    const bool collects = (in_[id_].states & params) != 0;
    if (collects)
        request->params.feed(content);
    bool known = false;
    each_state(id_, [&](unsigned s) -> step {
        if (s != params)
            return {s, s != ignored};
        if (size_ > 0)
            return {params, request->params.fault.has_value()};
        known = request->params.complete();
        return {body, !known};
    });
    if (known)
        request_known(request);
}

// The PARAMS of a request are complete: its app has to start, unless the request is one that nobody can serve.
void session_model::request_known(peer_request_ptr r)
{
    for (const auto& [name, value] : r->params.fields)
        r->env.add(name, value);
    if (normalize(r->env))
        return;
    if (rules_.request_body > 0 && r->env.content_length().value_or(0) > rules_.request_body)
        return;
    to_start_.push_back(std::move(r));
}

void session_model::stdin_content(std::string_view content)
{
    id_in& in = in_[id_];
    if ((in.states & body) != 0) {
        in.request->body += content;
        in.request->body_ended = size_ == 0;
    }
    each_state(id_, [&](unsigned s) -> step {
        switch (s) {
        case body: return {size_ == 0 ? unsigned{ended} : unsigned{body}, false};
        case ignored: return {size_ == 0 ? unsigned{none} : unsigned{ignored}, false};
        default: return {s, true};
        }
    });
}

void session_model::aborts(id_type id)
{
    if (in_[id].request)
        in_[id].request->aborted = true;
    out_[id].aborted = true;
    // It may cross the end of the response, and changes nothing then.
    each_state(id, [](unsigned s) -> step {
        switch (s) {
        case params: return {ignored, false};
        case body: return {body | ignored, false};
        case ended: return {ended | none, false};
        default: return {s, false};
        }
    });
}

// Apps

peer_request_ptr session_model::app_starts(const environment& env)
{
    const auto is_it = [&](const environment& other) {
        return std::equal(
            env.begin(), env.end(), other.begin(), other.end(),
            [](const field& a, const field& b) { return a.name == b.name && a.value == b.value; });
    };
    while (!to_start_.empty()) {
        const auto next = to_start_.front();
        to_start_.pop_front();
        if (!next->aborted && is_it(next->env))
            return next;
        must(next->aborted || rules_.may_refuse,
             "apps start in the order of their requests, with what the peer sent");
    }
    must(false, "an app starts for a request that was sent");
    return nullptr;
}

void session_model::check_all_started()
{
    for (const auto& r : to_start_)
        must(r->aborted || rules_.may_refuse, "the app of a complete request is started");
    to_start_.clear();
}

// Out

void session_model::leaves(std::string_view bytes)
{
    out_rest_ += bytes;
    std::string_view rest = out_rest_;
    while (rest.size() >= fcgi::header_size) {
        must(at(rest, 0) == 1, "a record begins where the one before ends");
        const std::size_t size = at(rest, 4) << 8 | at(rest, 5), padding = at(rest, 6);
        if (rest.size() < fcgi::header_size + size + padding)
            break;
        record_out(static_cast<record_type>(at(rest, 1)),
                   static_cast<id_type>(at(rest, 2) << 8 | at(rest, 3)),
                   rest.substr(fcgi::header_size, size));
        rest.remove_prefix(fcgi::header_size + size + padding);
    }
    out_rest_.erase(0, out_rest_.size() - rest.size());
}

void session_model::record_out(record_type type, id_type id, std::string_view content)
{
    if (id == 0) {
        must(type == record_type::get_values_result || type == record_type::unknown_type,
             "an answer to the peer itself");
        const int left = type == record_type::unknown_type ? --unknown_due_ : --values_due_;
        must(left >= 0, "an answer to a question");
        must(type != record_type::unknown_type || content.size() == 8, "UNKNOWN_TYPE has 8 bytes");
        return;
    }
    stream_out& s = out_[id];
    must(s.open > 0, "a record of a request that has begun and not ended");
    must(!faulted_, "nothing of a request behind the fault");
    switch (type) {
    case record_type::stdout_stream:
        must(s.reused || !s.out_ended, "no STDOUT after its end");
        s.out_ended = content.empty();
        s.out += content;
        break;
    case record_type::stderr_stream:
        must(s.reused || !s.errors_ended, "no STDERR after its end");
        must(s.reused || s.errors || !content.empty(), "no end of a STDERR that was not used");
        s.errors = true;
        s.errors_ended = content.empty();
        break;
    case record_type::end_request: end_out(id, content, s); break;
    default:
        must(static_cast<unsigned>(type) > 11, "only records that an application may send");
        faulted_ = true;
        if (!s.reused)
            to_check_.push_back({s.out, false, true, false});
        s = {};
    }
}

void session_model::end_out(id_type id, std::string_view content, stream_out& s)
{
    must(content.size() == 8, "END_REQUEST has 8 bytes");
    const bool well = content.substr(0, 4) == std::string_view("\0\0\0\0", 4);
    const auto status = static_cast<fcgi::protocol_status>(at(content, 4));
    id_in& in = in_[id];
    if (status == fcgi::protocol_status::request_complete) {
        // The peer may go on sending what nobody wants.
        const unsigned before = in.states;
        unsigned after = before & ~unsigned{body | ended};
        after |= (before & body) != 0 ? ignored : 0u;
        after |= (before & ended) != 0 ? none : 0u;
        in.states = well && !s.reused ? after : before | after;
    }
    --s.open;
    if (s.reused) {
        if (s.open == 0)
            s = {};
        return;
    }
    switch (status) {
    case fcgi::protocol_status::request_complete:
        must(!s.refused, "a request that must be refused is");
        must(!well || (s.out_ended && (!s.errors || s.errors_ended)),
             "the streams end before a good END_REQUEST");
        to_check_.push_back({std::move(s.out), well, false, s.aborted});
        break;
    case fcgi::protocol_status::overloaded:
        must(rules_.may_refuse || draining_, "a request is refused only for a reason");
        must(s.responder && s.out_ended && s.out.starts_with("Status: 503 "), "with a 503");
        break;
    case fcgi::protocol_status::unknown_role:
        must(!s.responder && s.out.empty(), "a role is refused that is none of ours");
        break;
    default: must(false, "a protocol status that has a reason");
    }
    s = {};
}

void session_model::check_content()
{
    for (const auto& r : to_check_)
        check(r);
    to_check_.clear();
}

void session_model::check_unfinished()
{
    for (const auto& [id, s] : out_)
        if (s.open > 0 && !s.reused)
            check({s.out, false, false, true});
}

// One response, as far as it has come.
void session_model::check(const response& r)
{
    constexpr std::string_view mark = "\r\nX-App: ";
    const bool ended_now = r.well || r.fault || !r.by_peer;
    const auto head_end = r.out.find("\r\n\r\n");
    if (head_end == r.out.npos) {
        must(!r.well, "a good response has a head");
        return;
    }
    const auto head = std::string_view(r.out).substr(0, head_end);
    const auto content = std::string_view(r.out).substr(head_end + 4);
    must(head.starts_with("Status: "), "a head begins with the status");
    const auto place = head.find(mark);
    if (place == head.npos) {
        const auto status = head.substr(8, 3);
        must(status == "400" || status == "413" || status == "500" || status == "503",
             "an answer of our own");
        return;
    }
    unsigned number = 0;
    std::from_chars(head.data() + place + mark.size(), head.data() + head.size(), number);
    must(number < apps.size(), "an app that has run");
    app_run& app = apps[number];
    must(!app.without_body || content.empty(), "no body where there is none");
    must(content.size() <= app.accepted && is_pattern(number, 0, content),
         "the bytes that the app wrote, in order");
    if (!ended_now)
        return;
    must(!app.seen, "one end for each response");
    app.seen = true;
    app.ended_well = r.well;
    if (r.well)
        must(app.meant_well && (app.without_body || content.size() == app.accepted),
             "a good end after all that the app wrote");
    else
        must(!app.meant_well || cancelled_, "a bad end where the app has not ended well");
}

void session_model::check_complete() const
{
    must(out_rest_.empty(), "whole records");
    must(values_due_ == 0 && unknown_due_ == 0, "every question is answered");
    // A request without KEEP_CONN is the last one; what the peer begins behind it has no answer.
    for (const auto& [id, s] : out_)
        must(s.open == 0 || closing_begun_ || faulted_, "every request has its END_REQUEST");
    for (const auto& app : apps)
        must(!app.told_well || app.ended_well || !app.seen, "an app is told the truth");
}

} // namespace sluice::fuzz
