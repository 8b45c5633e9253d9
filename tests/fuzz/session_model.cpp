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

// An authorizer gets no body, whatever is announced.
std::optional<std::uint64_t> peer_request::body_length() const
{
    return role == sluice::role::authorizer ? 0 : env.content_length();
}

// Who is no filter has no data.
std::optional<std::uint64_t> peer_request::data_length() const
{
    return role == sluice::role::filter ? env.data_length() : 0;
}

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
    greeted_ |= !bytes.empty();
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
               return (i.second.states & (params | body | data)) != 0;
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
    case record_type::data: return data_content(content);
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
    for (const unsigned s : {none, params, body, data, ended, ignored}) {
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
        each_state(id_, [](unsigned s) { return step{s, (s & (params | body | data | ended)) != 0}; });
        if (must_fail_)
            return;
    }
    begin_body_ += content;
    if (!last)
        return;
    const unsigned wanted = at(begin_body_, 0) << 8 | at(begin_body_, 1);
    const bool refused = !is_served(wanted) || (draining_ && !uncertain_);
    const bool perhaps = rules_.may_refuse || uncertain_;
    in_[id_].states = refused ? ignored : perhaps ? params | ignored : unsigned{params};
    in_[id_].request = std::make_shared<peer_request>(rules_.params);
    in_[id_].request->role = static_cast<role>(wanted);
    closing_begun_ |= (at(begin_body_, 2) & 1) == 0;

    stream_out& out = out_[id_];
    if (out.open > 0)
        out.reused = true;
    else
        out = {};
    ++out.open;
    out.role = wanted;
    out.keep = (at(begin_body_, 2) & 1) != 0;
    shared_ |= std::count_if(out_.begin(), out_.end(), [](const auto& o) { return o.second.open > 0; }) > 1;
    out.refused = refused;
}

void session_model::passes() noexcept
{
    for (auto& [id, in] : in_) {
        if ((in.states & params) == 0)
            continue;
        in.states |= ignored;
        uncertain_ = true;
    }
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
    if (r->role == role::filter && r->env.contains("FCGI_DATA_LENGTH") && !r->env.data_length())
        return;
    to_start_.push_back(std::move(r));
}

void session_model::stdin_content(std::string_view content)
{
    id_in& in = in_[id_];
    if ((in.states & body) != 0) {
        in.request->body.bytes += content;
        in.request->body.ended = size_ == 0;
    }
    const bool is_filter = in.is_filter();
    each_state(id_, [&](unsigned s) -> step {
        switch (s) {
        case body: return {size_ > 0 ? unsigned{body} : is_filter ? unsigned{data} : unsigned{ended}, false};
        case ignored: return {size_ == 0 && !is_filter ? unsigned{none} : unsigned{ignored}, false};
        default: return {s, true};
        }
    });
}

void session_model::data_content(std::string_view content)
{
    id_in& in = in_[id_];
    if ((in.states & data) != 0) {
        in.request->data.bytes += content;
        in.request->data.ended = size_ == 0;
    }
    const bool is_filter = in.is_filter();
    each_state(id_, [&](unsigned s) -> step {
        switch (s) {
        case data: return {size_ == 0 ? unsigned{ended} : unsigned{data}, false};
        case ignored: return {size_ == 0 && is_filter ? unsigned{none} : unsigned{ignored}, false};
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
        case body:
        case data: return {s | ignored, false};
        case ended: return {ended | none, false};
        default: return {s, false};
        }
    });
}

// Apps

peer_request_ptr session_model::app_starts(role r, const environment& env)
{
    const auto is_it = [&](const peer_request& other) {
        return r == other.role && std::equal(env.begin(), env.end(), other.env.begin(), other.env.end(),
                                             [](const field& a, const field& b) {
                                                 return a.name == b.name && a.value == b.value;
                                             });
    };
    while (!to_start_.empty()) {
        const auto next = to_start_.front();
        to_start_.pop_front();
        if (!next->aborted && is_it(*next))
            return next;
        must(next->aborted || rules_.may_refuse || uncertain_,
             "apps start in the order of their requests, with what the peer sent");
    }
    must(false, "an app starts for a request that was sent");
    return nullptr;
}

void session_model::check_all_started()
{
    for (const auto& r : to_start_)
        must(r->aborted || rules_.may_refuse || uncertain_, "the app of a complete request is started");
    to_start_.clear();
}

} // namespace sluice::fuzz
