// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What the session sends: records to responses, and whether they are those of the apps.
#include "fuzz/session_model.hpp"

#include "fuzz/fuzz.hpp"

#include <sluice/fcgi/record.hpp>

#include <algorithm>
#include <charconv>

namespace sluice::fuzz {

using fcgi::record_type;

namespace {

unsigned at(std::string_view s, std::size_t i)
{
    return static_cast<unsigned char>(s[i]);
}

unsigned number_behind(std::string_view head, std::size_t place)
{
    unsigned number = 0;
    std::from_chars(head.data() + place, head.data() + head.size(), number);
    return number;
}

std::optional<std::size_t> content_length(std::string_view head)
{
    constexpr std::string_view name = "\r\nContent-Length: ";
    const auto place = head.find(name);
    if (place == head.npos)
        return std::nullopt;
    return number_behind(head, place + name.size());
}

} // namespace

void session_model::leaves(std::string_view bytes)
{
    out_rest_ += bytes;
    std::string_view rest = out_rest_;
    while (rest.size() >= fcgi::header_size) {
        must(at(rest, 0) == 1, "a record begins where the one before ends");
        const std::size_t size = at(rest, 4) << 8 | at(rest, 5), padding = at(rest, 6);
        if (rest.size() < fcgi::header_size + size + padding)
            break;
        must(rest.substr(fcgi::header_size + size, padding).find_first_not_of('\0') == rest.npos,
             "nothing of other requests in the padding");
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
        take_errors(content, s);
        s.errors = true;
        s.errors_ended = content.empty();
        break;
    case record_type::end_request: end_out(id, content, s); break;
    default:
        must(static_cast<unsigned>(type) > 11, "only records that an application may send");
        faulted_ = true;
        if (!s.reused)
            to_check_.push_back({std::move(s), how_ended::badly});
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
        unsigned after = before & ~unsigned{body | data | ended};
        after |= (before & (body | data)) != 0 ? ignored : 0u;
        after |= (before & ended) != 0 ? none : 0u;
        in.states = well && !s.reused ? after : before | after;
    }
    --s.open;
    close_due_ |= !s.keep && !s.reused;
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
        to_check_.push_back({s, well ? how_ended::well : s.aborted ? how_ended::by_peer : how_ended::badly});
        break;
    case fcgi::protocol_status::overloaded:
        must(rules_.may_refuse || draining_ || uncertain_, "a request is refused only for a reason");
        must(is_served(s.role) && s.out_ended && s.out.starts_with("Status: 503 "), "with a 503");
        break;
    case fcgi::protocol_status::unknown_role:
        must(!is_served(s.role) && s.out.empty(), "a role is refused that is none of ours");
        break;
    default: must(false, "a protocol status that has a reason");
    }
    s = {};
}

// What an app complains of are e's and line ends (played_app::complain); what was too much is said.
void session_model::take_errors(std::string_view content, stream_out& s)
{
    const auto said = content.find("\n[sluice: ");
    const auto text = content.substr(0, said);
    must(text.find_first_not_of("e\n") == content.npos, "R21: the app's text, and nothing else");
    must(said == content.npos || content.ends_with("(limits::error_text)]\n"),
         "R21: what is dropped is said");
    s.complaints += static_cast<std::size_t>(std::count(text.begin(), text.end(), 'e'));
    s.dropped |= said != content.npos;
}

void session_model::check_content()
{
    for (const auto& r : to_check_)
        check(r.stream, r.how);
    to_check_.clear();
}

void session_model::check_unfinished(bool all, std::size_t most)
{
    for (auto& [id, s] : out_) {
        if (s.open == 0 || s.reused)
            continue;
        const app_run* const app = check(s, how_ended::not_yet);
        s.checked = s.out.size();
        if (!app || !app->exact || app->without_body)
            continue;
        const auto size = s.out.size() - (s.out.find("\r\n\r\n") + 4);
        must(app->accepted - size <= most, "F1: no more waits than the window holds");
        must(!all || app->accepted == size, "F7: what is written goes out");
    }
}

std::size_t session_model::open_requests(role r) const noexcept
{
    std::size_t n = 0;
    for (const auto& [id, s] : out_)
        n += s.role == static_cast<unsigned>(r) || s.reused ? static_cast<std::size_t>(s.open) : 0u;
    return n;
}

bool session_model::must_close() const noexcept
{
    return close_due_ &&
           std::all_of(out_.begin(), out_.end(), [](const auto& o) { return o.second.open == 0; });
}

bool session_model::owes_much() const noexcept
{
    constexpr int few = 8; // of about a kilobyte at most
    int open = 0;
    for (const auto& [id, s] : out_)
        open += s.open;
    return values_due_ + unknown_due_ + open > few;
}

// One response, as far as it has come; the app it is of, when that can be told.
app_run* session_model::check(const stream_out& s, how_ended how)
{
    const std::string_view out = s.out;
    constexpr std::string_view mark = "X-App: ", variable = "Variable-";
    const auto head_end = out.find("\r\n\r\n");
    if (head_end == out.npos) {
        must(how != how_ended::well, "a good response has a head");
        return nullptr;
    }
    const auto head = out.substr(0, head_end);
    const auto content = out.substr(head_end + 4);
    must(head.starts_with("Status: "), "a head begins with the status");
    const auto place = head.find(mark);
    if (place == head.npos) {
        const auto status = head.substr(8, 3);
        must(status == "400" || status == "413" || status == "500" || status == "503",
             "an answer of our own");
        return nullptr;
    }
    const auto number = number_behind(head, place + mark.size());
    must(number < apps.size(), "an app that has run");
    app_run& app = apps[number];
    must(!head.substr(0, place).ends_with(variable) || app.role == role::authorizer,
         "a variable for who asks whether somebody may");
    must(!app.without_body || content.empty(), "no body where there is none");
    const auto from = std::max(s.checked, head_end + 4) - (head_end + 4);
    must(content.size() <= app.accepted && is_pattern(number, from, content.substr(from)),
         "the bytes that the app wrote, in order");
    const auto length = content_length(head);
    must(!length || app.without_body || content.size() <= *length, "R44: no more than was announced");
    must(!length || app.without_body || how != how_ended::well || content.size() == *length,
         "R44: a good end after all that was announced");
    must(s.complaints <= app.complaints, "R21: the text of this app");
    must(how != how_ended::well || s.dropped || s.complaints >= app.sure_complaints,
         "R21: all of it before the end");
    if (how == how_ended::well || how == how_ended::badly)
        check_end(app, content.size(), how);
    return &app;
}

void session_model::check_end(app_run& app, std::size_t size, how_ended how) const
{
    must(!app.seen, "one end for each response");
    app.seen = true;
    app.ended_well = how == how_ended::well;
    // Where only a head goes out it is complete without the app, in time (limits::unsent_body, linger).
    if (app.ended_well)
        must(app.without_body || (app.meant_well && size == app.accepted),
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
