// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/client_session.hpp>

#include <sluice/fcgi/errc.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

namespace sluice::fcgi {

namespace {

constexpr char keep_flag = 1;            // FCGI_KEEP_CONN
constexpr std::size_t values_count = 16; // the specification knows three names

std::string_view text_of(std::span<const std::byte> bytes) noexcept
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What a short record of type STDIN or DATA is not worth: rather wait for room.
constexpr std::size_t least_room = 256;

constexpr std::size_t most_padding = 7;

} // namespace

client_session::client_session(const client_limits& limits, trace_function trace)
    : limits_(limits), trace_(std::move(trace))
{
    limits_.requests = std::clamp<std::size_t>(limits_.requests, 1, 65535);
    limits_.record_content = std::clamp<std::size_t>(limits_.record_content, 1, max_content);
    limits_.output = std::max(limits_.output, 2 * least_room);
}

// Output

void client_session::append(record_type type, std::uint16_t id, std::string_view content)
{
    append_record(type, id, content, waiting_);
    if (trace_)
        trace_(false, {type, id, static_cast<std::uint16_t>(content.size()), padding_for(content.size())});
}

std::span<const std::byte> client_session::output()
{
    if (in_flight_at_ == in_flight_.size()) {
        in_flight_.clear();
        in_flight_at_ = 0;
        in_flight_.swap(waiting_);
    }
    return std::as_bytes(std::span(in_flight_)).subspan(in_flight_at_);
}

void client_session::sent(std::size_t n) noexcept
{
    assert(n <= in_flight_.size() - in_flight_at_);
    in_flight_at_ += n;
}

std::size_t client_session::room() const noexcept
{
    const auto held = waiting_.size() + (in_flight_.size() - in_flight_at_);
    return limits_.output - std::min(limits_.output, held);
}

// Requests

client_session::slot* client_session::find(std::uint16_t id) noexcept
{
    return const_cast<slot*>(std::as_const(*this).find(id));
}

const client_session::slot* client_session::find(std::uint16_t id) const noexcept
{
    if (id == 0 || id > slots_.size() || !slots_[id - 1u].used)
        return nullptr;
    return &slots_[id - 1u];
}

bool client_session::can_start() const noexcept
{
    return !closing_ && active_ < limits_.requests && room() >= least_room;
}

error_code client_session::start(const client_request& request, std::uint16_t& id)
{
    assert(can_start());
    std::string params;
    for (const auto& [name, value] : request.params) {
        if (name.empty())
            return errc::params_empty_name;
        // Checked before each pair is added, so that no copy larger than the limit is made.
        const auto left = limits_.params_bytes - std::min(limits_.params_bytes, params.size());
        if (name.size() + value.size() + 8 > left)
            return errc::params_too_large;
        encode_name_value(name, value, params);
    }

    if (free_.empty()) {
        slots_.emplace_back();
        id = static_cast<std::uint16_t>(slots_.size());
    } else {
        id = free_.back();
        free_.pop_back();
    }
    slots_[id - 1u] = slot{.used = true, .data_ended = request.role != role::filter};
    ++active_;
    closing_ = !request.keep;

    const auto r = static_cast<unsigned>(request.role);
    append(record_type::begin_request, id,
           std::string{static_cast<char>(r >> 8), static_cast<char>(r & 0xff),
                       request.keep ? keep_flag : '\0', 0, 0, 0, 0, 0});
    for (std::string_view rest = params; !rest.empty();) {
        const auto piece = rest.substr(0, max_content);
        append(record_type::params, id, piece);
        rest.remove_prefix(piece.size());
    }
    append(record_type::params, id, {});
    return {};
}

bool client_session::accepts(std::uint16_t id, record_type stream) const noexcept
{
    assert(stream == record_type::stdin_stream || stream == record_type::data);
    const slot* const s = find(id);
    if (!s || s->aborted)
        return false;
    return stream == record_type::data ? s->stdin_ended && !s->data_ended : !s->stdin_ended;
}

std::size_t client_session::write(std::uint16_t id, std::span<const std::byte> bytes, record_type stream)
{
    if (!accepts(id, stream))
        return 0;
    const auto free = room();
    constexpr auto overhead = header_size + most_padding;
    if (bytes.empty() || free < std::min(least_room, bytes.size() + overhead))
        return 0; // no record without content: that would end the stream
    const auto n = std::min({bytes.size(), free - overhead, limits_.record_content});
    append(stream, id, text_of(bytes.first(n)));
    return n;
}

void client_session::finish(std::uint16_t id, record_type stream)
{
    slot* const s = find(id);
    if (!s || s->aborted)
        return;
    const bool is_data = stream == record_type::data;
    if (is_data && s->data_ended)
        return;
    if (!std::exchange(s->stdin_ended, true))
        append(record_type::stdin_stream, id, {});
    if (!is_data)
        return;
    s->data_ended = true;
    append(record_type::data, id, {});
}

bool client_session::abort(std::uint16_t id)
{
    slot* const s = find(id);
    if (!s || s->aborted)
        return false;
    s->aborted = true;
    append(record_type::abort_request, id, {});
    return true;
}

bool client_session::running(std::uint16_t id) const noexcept
{
    const slot* const s = find(id);
    return s && !s->aborted;
}

bool client_session::get_values(std::span<const std::string_view> names)
{
    if (asked_)
        return false;
    std::string query;
    for (const auto name : names)
        encode_name_value(name, {}, query);
    assert(query.size() <= max_content);
    append(record_type::get_values, 0, query);
    asked_ = true;
    values_.clear();
    values_decoder_.reset();
    return true;
}

// Input

client_session::result client_session::next(std::span<const std::byte>& bytes, client_event& event,
                                            error_code& ec)
{
    record_decoder::piece p;
    for (;;) {
        switch (decoder_.next(bytes, p, ec)) {
        case record_decoder::result::need_more: return result::need_more;
        case record_decoder::result::failed: return result::failed;
        case record_decoder::result::have_piece: break;
        }
        if (p.first && trace_)
            trace_(true, p.header);
        const auto found = on_piece(p, ec);
        if (ec)
            return result::failed;
        if (found) {
            event = *found;
            return result::have_event;
        }
    }
}

std::optional<client_event> client_session::on_piece(const record_decoder::piece& p, error_code& ec)
{
    const auto type = p.header.type;
    if (p.header.id == 0) {
        if (type == record_type::get_values_result)
            return on_values(p, ec);
        if (type == record_type::unknown_type)
            return on_unknown_type(p, ec);
        const bool of_a_request = type >= record_type::begin_request && type <= record_type::data;
        ec = of_a_request ? errc::bad_request_id : errc::unexpected_record;
        return {};
    }
    if (type != record_type::stdout_stream && type != record_type::stderr_stream &&
        type != record_type::end_request)
    {
        ec = errc::unexpected_record;
        return {};
    }
    slot* const s = find(p.header.id);
    if (!s) {
        ec = errc::bad_request_id;
        return {};
    }
    return type == record_type::end_request ? on_end(p, *s, ec) : on_stream(p, *s, ec);
}

std::optional<client_event> client_session::on_stream(const record_decoder::piece& p, slot& s, error_code& ec)
{
    const bool is_out = p.header.type == record_type::stdout_stream;
    bool& ended = is_out ? s.out_ended : s.errors_ended;
    if (ended) {
        ec = errc::data_after_end;
        return {};
    }
    ended = p.header.content_size == 0;
    if (ended || s.aborted)
        return {};
    client_event e;
    e.what = is_out ? client_event::kind::out : client_event::kind::errors;
    e.id = p.header.id;
    e.content = p.content;
    return e;
}

// Collects a record's 8 bytes; true when they are there.
bool client_session::collect_body(const record_decoder::piece& p, error_code& ec)
{
    if (p.header.content_size != body_.size()) {
        ec = errc::bad_end_length;
        return false;
    }
    if (p.first)
        body_have_ = 0;
    std::memcpy(body_.data() + body_have_, p.content.data(), p.content.size());
    body_have_ += p.content.size();
    return p.last;
}

std::optional<client_event> client_session::on_end(const record_decoder::piece& p, slot& s, error_code& ec)
{
    if (!collect_body(p, ec))
        return {};
    client_event e;
    e.what = client_event::kind::ended;
    e.id = p.header.id;
    for (std::size_t i = 0; i < 4; ++i)
        e.app_status = e.app_status << 8 | std::to_integer<std::uint32_t>(body_[i]);
    e.protocol_status = static_cast<fcgi::protocol_status>(body_[4]);
    if (e.protocol_status > protocol_status::unknown_role) {
        ec = errc::bad_protocol_status;
        return {};
    }
    e.out_ended = s.out_ended;
    if (!s.aborted && !(s.stdin_ended && s.data_ended)) {
        closing_ = true;
        finish(e.id);
        finish(e.id, record_type::data);
    }
    s = {};
    free_.push_back(e.id);
    --active_;
    return e;
}

std::optional<client_event> client_session::on_values(const record_decoder::piece& p, error_code& ec)
{
    if (!asked_)
        ec = errc::unexpected_record;
    else
        ec = values_decoder_.feed(text_of(p.content), {limits_.values_bytes, values_count}, values_);
    if (ec == errc::params_too_large || ec == errc::params_too_many)
        ec = errc::management_too_large;
    if (!ec && p.last && !values_decoder_.complete())
        ec = errc::params_incomplete;
    if (ec || !p.last)
        return {};
    asked_ = false;
    client_event e;
    e.what = client_event::kind::values;
    return e;
}

std::optional<client_event> client_session::on_unknown_type(const record_decoder::piece& p, error_code& ec)
{
    if (!asked_) {
        ec = errc::unexpected_record;
        return {};
    }
    if (!collect_body(p, ec))
        return {};
    if (body_[0] != static_cast<std::byte>(record_type::get_values)) {
        ec = errc::unexpected_record; // nothing else was asked
        return {};
    }
    asked_ = false;
    client_event e;
    e.what = client_event::kind::unknown_type;
    return e;
}

error_code client_session::end_of_input() const noexcept
{
    if (!decoder_.at_boundary())
        return errc::closed_mid_record;
    return active_ > 0 || asked_ ? error_code(errc::closed_mid_request) : error_code();
}

} // namespace sluice::fcgi
