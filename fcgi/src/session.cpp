// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The session's input: records to requests.
#include <sluice/fcgi/session.hpp>

#include <sluice/fcgi/errc.hpp>
#include <sluice/log.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::fcgi {

namespace {

constexpr std::byte keep_flag{1};                // FCGI_KEEP_CONN
constexpr std::size_t values_query_limit = 1024; // three known names take 50 bytes
constexpr std::size_t ignored_limit = 1024; // web servers that abort mostly send nothing more of that request
constexpr std::size_t control_limit = 16 * 1024; // a peer that asks and never reads the answers

constexpr std::chrono::steady_clock::time_point never{};
constexpr auto first_request_patience = std::chrono::milliseconds(500);

/// A record that is none of a response's stream.
void trace_out(record_type t, std::uint16_t id, std::size_t content_size)
{
    if (log::enabled(log::level::trace))
        log::trace("out {} id {} {} bytes", name_of(t), id, content_size);
}

std::string_view text_of(std::span<const std::byte> bytes) noexcept
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

session::session(loop_resources& resources, session_driver& d) : resources_(resources), driver_(d) {}

session::~session()
{
    lost(sluice::errc::client_gone);
}

session::slot* session::find(std::uint16_t id) noexcept
{
    for (const auto& s : slots_)
        if (s->id == id)
            return s.get();
    return nullptr;
}

const session::ignored_id* session::find_ignored(std::uint16_t id) const noexcept
{
    const auto at =
        std::find_if(ignored_.begin(), ignored_.end(), [id](const auto& i) { return i.id == id; });
    return at == ignored_.end() ? nullptr : &*at;
}

void session::ignore(std::uint16_t id, role r)
{
    if (ignored_.size() == ignored_limit)
        ignored_.erase(ignored_.begin()); // should its input come after all, that is an error
    ignored_.push_back({id, r});
}

// Authorizers get no body.
bool session::input_pending() const noexcept
{
    return std::any_of(ignored_.begin(), ignored_.end(),
                       [](const auto& i) { return i.role != role::authorizer; });
}

void session::forget_ignored(std::uint16_t id) noexcept
{
    std::erase_if(ignored_, [id](const auto& i) { return i.id == id; });
}

std::size_t session::read_limit(bool blocked) const noexcept
{
    blocked |= front_ != slices_.size();
    if (closing_ || control_.size() + control_in_flight_.size() > control_limit)
        return 0;
    // A request not yet known may bring body bytes in the same read: no more than its reserve can keep.
    const std::size_t limit = resources_.pool().capacity();
    bool all_known = !slots_.empty();
    std::size_t credit = std::max(resources_.limits().input_window, limit);
    for (const auto& s : slots_) {
        if (s->state == slot_state::params)
            all_known = false;
        else if (s->state != slot_state::ended)
            credit = std::min(credit, wanted_of_input(*s, blocked));
    }
    if (!all_known)
        credit = std::min(limit, credit);
    return credit < limit / 4 ? 0 : credit; // rather wait for the app than read in crumbs
}

// The stream that comes now; nothing when none does.
request_stream* session::input_of(const slot& s)
{
    switch (s.state) {
    case slot_state::body: return &s.x->body();
    case slot_state::data: return &s.x->data();
    case slot_state::params:
    case slot_state::ended: break;
    }
    return nullptr;
}

// What may come for a request whose input is not over. Not to read on would hide what comes for others on a shared
// connection, an ABORT above all, and hold up a web server that reads nothing before it has sent the body: then the body
// goes to a file.
std::size_t session::wanted_of_input(const slot& s, bool blocked) const
{
    const request_stream& in = *input_of(s);
    const std::size_t a_block = resources_.pool().capacity();
    std::size_t credit = in.credit();
    if (s.state == slot_state::body && s.x->role() == role::filter)
        credit = std::min(credit, s.x->data().credit()); // may come in the same read
    const bool must_read_on = slots_.size() > 1 || (blocked && s.x->stuck(in));
    return must_read_on ? std::max(credit, a_block) : credit;
}

error_code session::receive(std::span<const std::byte> bytes)
{
    received_ = greeted_ = true;
    tracing_ = log::enabled(log::level::trace);
    record_decoder::piece p;
    error_code ec;
    for (;;) {
        switch (decoder_.next(bytes, p, ec)) {
        case record_decoder::result::need_more: return {};
        case record_decoder::result::failed: return ec;
        case record_decoder::result::have_piece: break;
        }
        if (p.first && tracing_)
            log::trace("in  {} id {} {} bytes", name_of(p.header.type), p.header.id, p.header.content_size);
        if ((ec = on_piece(p)))
            return ec;
    }
}

error_code session::on_piece(const record_decoder::piece& p)
{
    if (p.header.id == 0)
        return on_management(p);
    if (p.header.type == record_type::begin_request)
        return on_begin(p);
    if (p.header.type == record_type::abort_request) {
        if (p.last)
            on_abort(p.header.id);
        return {};
    }
    if (const auto* const i = find_ignored(p.header.id)) {
        const auto last = i->role == role::filter ? record_type::data : record_type::stdin_stream;
        if (p.header.type == last && p.header.content_size == 0)
            forget_ignored(p.header.id);
        return {};
    }
    const bool is_input = p.header.type == record_type::stdin_stream || p.header.type == record_type::data;
    if (p.header.type != record_type::params && !is_input)
        return p.header.type > record_type::unknown_type ? error_code() : error_code(errc::unexpected_record);
    slot* const s = find(p.header.id);
    if (!s)
        return errc::bad_request_id;
    return is_input ? on_input(p, *s) : on_params(p, *s);
}

error_code session::on_begin(const record_decoder::piece& p)
{
    if (p.header.content_size != begin_body_.size())
        return errc::bad_begin_length;
    const std::uint16_t id = p.header.id;
    if (p.first) {
        begin_have_ = 0;
        if (find(id))
            return errc::duplicate_id;
    }
    std::memcpy(begin_body_.data() + begin_have_, p.content.data(), p.content.size());
    begin_have_ = static_cast<std::uint8_t>(begin_have_ + p.content.size());
    if (!p.last)
        return {};

    const auto wanted = static_cast<role>(std::to_integer<unsigned>(begin_body_[0]) << 8 |
                                          std::to_integer<unsigned>(begin_body_[1]));
    const bool keep = (begin_body_[2] & keep_flag) != std::byte{0};
    forget_ignored(id);
    if (!resources_.app().serves(wanted)) {
        log::warning(
            "a request refused: this app does not serve role {} (responder 1, authorizer 2, filter 3)",
            static_cast<unsigned>(wanted));
        refuse(id, wanted, keep, protocol_status::unknown_role);
        return {};
    }
    if (const auto most = resources_.limits().connection_requests; slots_.size() >= most) {
        if (most == 1) {
            log::warning(
                "a second request on a connection: multiplexing is off (limits::connection_requests)");
            refuse(id, wanted, keep, protocol_status::cant_mpx_conn);
        } else {
            log::warning("a request refused with 503: {} are in service on its connection "
                         "(limits::connection_requests)",
                         most);
            refuse_busy(id, wanted, keep);
        }
        return {};
    }
    if (draining_ && !std::exchange(awaits_first_, false)) {
        log::info("a request refused with 503: this process is about to end");
        refuse_busy(id, wanted, keep);
        return {};
    }
    if (resources_.figures().active.value() >= resources_.limits().requests) {
        log::warning("a request refused with 503: {} are in service (limits::requests)",
                     resources_.limits().requests);
        refuse_busy(id, wanted, keep);
        return {};
    }
    // No connection may have all of them.
    const auto half_sent = static_cast<std::size_t>(std::count_if(
        slots_.begin(), slots_.end(), [](const auto& s) { return s->state == slot_state::params; }));
    const auto most = resources_.limits().half_sent_requests;
    if (resources_.figures().half_sent.value() >= most || half_sent >= most - most / 4) {
        log::warning("a request refused with 503: the variables of {} others have not all come "
                     "(limits::half_sent_requests)",
                     resources_.figures().half_sent.value());
        refuse_busy(id, wanted, keep);
        return {};
    }
    auto x = resources_.new_exchange();
    if (!x->open(*this, wanted)) {
        log::warning("a request refused with 503: every block of the pool is promised (limits::pool_bytes)");
        refuse_busy(id, wanted, keep);
        return {};
    }
    std::unique_ptr<slot> s;
    if (spare_slots_.empty()) {
        s = std::make_unique<slot>();
    } else {
        s = std::move(spare_slots_.back());
        spare_slots_.pop_back();
    }
    s->id = id;
    s->state = slot_state::params;
    s->keep = keep;
    s->stderr_used = s->stderr_in_flight = s->ending = false;
    s->received = true;
    s->quiet_since = never;
    s->x = std::move(x);
    s->x->transport_id = id;
    s->params.reset();
    slots_.push_back(std::move(s));
    return {};
}

error_code session::on_params(const record_decoder::piece& p, slot& s)
{
    s.received = true;
    if (s.state != slot_state::params)
        return errc::data_after_end;
    if (p.header.content_size > 0) {
        const auto& l = resources_.limits();
        return s.params.feed(text_of(p.content), {l.params_bytes, l.params_count}, s.x->env());
    }
    if (!s.params.complete())
        return errc::params_incomplete;
    s.state = slot_state::body;
    // Authorizers get no body; some web servers end the stream nevertheless.
    if (s.x->admit(s.x->role() != role::authorizer))
        starting_.push_back(s.x);
    return {};
}

// STDIN, and for filters DATA after it.
error_code session::on_input(const record_decoder::piece& p, slot& s)
{
    s.received = true;
    const bool is_filter = s.x->role() == role::filter;
    const auto state_of_stream = p.header.type == record_type::data ? slot_state::data : slot_state::body;
    if (s.state < state_of_stream || (state_of_stream == slot_state::data && !is_filter))
        return errc::unexpected_record;
    if (s.state > state_of_stream)
        return errc::data_after_end;
    request_stream& in = *input_of(s);
    if (p.header.content_size == 0) {
        s.state = is_filter && s.state == slot_state::body ? slot_state::data : slot_state::ended;
        in.ended();
    } else {
        if (slots_.size() > 1)
            in.limit_spill(p.content.size());
        in.arrived(p.content);
    }
    return {};
}

void session::start_apps()
{
    // An app that runs may end its request and even this connection's last one, but starts none.
    for (std::size_t i = 0; i < starting_.size(); ++i) {
        const exchange_ptr x = std::move(starting_[i]);
        x->run();
    }
    starting_.clear();
}

void session::on_abort(std::uint16_t id)
{
    slot* const s = find(id);
    if (!s)
        return; // it crossed our END_REQUEST on the way
    if (s->ending)
        return; // and so will this one
    if (s->state != slot_state::ended)
        ignore(id, s->x->role());

    // Bytes of a record whose beginning is out must follow it; everything else of this request goes back.
    for (std::size_t i = front_; i < slices_.size();) {
        if (infos_[i].owner != s) {
            ++i;
        } else if (infos_[i].touched) {
            // Only the first slice can be begun. Where a direct write was cut, header, content and padding of the record are
            // slices of their own.
            leftover_.assign(text_of(slices_[i]));
            const auto take_next_if = [&](kind what) {
                if (i + 1 == slices_.size() || infos_[i + 1].owner != s || infos_[i + 1].what != what)
                    return;
                leftover_ += text_of(slices_[i + 1]);
                slices_.erase(slices_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
                infos_.erase(infos_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            };
            if (infos_[i].what == kind::leftover_header)
                take_next_if(kind::content);
            if (infos_[i].what != kind::leftover)
                take_next_if(kind::leftover);
            slices_[i] = std::as_bytes(std::span(leftover_));
            infos_[i] = {nullptr, 0, kind::leftover, false, true};
            ++i;
        } else {
            slices_.erase(slices_.begin() + static_cast<std::ptrdiff_t>(i));
            infos_.erase(infos_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    s->x->lost(sluice::errc::client_gone);
    const bool keep = s->keep;
    remove(*s);
    end_without_exchange(id, keep, protocol_status::request_complete, 1);
}

void session::refuse(std::uint16_t id, role r, bool keep, protocol_status status)
{
    ignore(id, r);
    end_without_exchange(id, keep, status, 0);
}

void session::end_without_exchange(std::uint16_t id, bool keep, protocol_status status,
                                   std::uint32_t app_status)
{
    std::array<std::byte, 16> record;
    encode_end_request(id, app_status, status, record.data());
    control_.append(text_of(record));
    trace_out(record_type::end_request, id, 8);
    close_when_idle_ |= !keep || draining_;
    if (close_when_idle_ && slots_.empty())
        closing_ = true;
    driver_.output_ready();
}

// Web servers ignore FCGI_OVERLOADED: a client is told of overload by a complete 503. Not when many answers wait already:
// 16 bytes that were read would make ten times as many, and a single read brings many of them.
void session::refuse_busy(std::uint16_t id, role r, bool keep)
{
    if (control_.size() > control_limit)
        return refuse(id, r, keep, protocol_status::overloaded);
    constexpr std::string_view answer =
        "Status: 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Retry-After: 1\r\n\r\nThis service is busy. Try again.\n";
    for (const auto content : {answer, std::string_view()}) {
        append_record(record_type::stdout_stream, id, content, control_);
        trace_out(record_type::stdout_stream, id, content.size());
    }
    refuse(id, r, keep, protocol_status::overloaded);
}

error_code session::on_management(const record_decoder::piece& p)
{
    switch (p.header.type) {
    case record_type::get_values:
        if (p.first)
            values_query_.clear();
        if (p.header.content_size > values_query_limit)
            return errc::management_too_large;
        values_query_ += text_of(p.content);
        if (p.last)
            answer_values();
        return {};
    case record_type::begin_request:
    case record_type::abort_request:
    case record_type::params:
    case record_type::stdin_stream:
    case record_type::data: return errc::bad_request_id;
    default: break;
    }
    if (p.last) {
        // FCGI_UnknownTypeBody: the type, then seven reserved bytes.
        std::string body(8, '\0');
        body[0] = static_cast<char>(p.header.type);
        append_record(record_type::unknown_type, 0, body, control_);
        trace_out(record_type::unknown_type, 0, body.size());
        driver_.output_ready();
    }
    return {};
}

void session::answer_values()
{
    field_list asked;
    name_value_decoder decoder;
    std::string answer;
    if (!decoder.feed(values_query_, {values_query_limit, 64}, asked)) {
        for (const field& f : asked) {
            if (f.name == "FCGI_MAX_CONNS")
                encode_name_value(f.name, std::to_string(resources_.limits().connections), answer);
            else if (f.name == "FCGI_MAX_REQS")
                encode_name_value(f.name, std::to_string(resources_.limits().requests), answer);
            else if (f.name == "FCGI_MPXS_CONNS")
                encode_name_value(f.name, resources_.limits().connection_requests > 1 ? "1" : "0", answer);
        }
    }
    // HAProxy wants exactly the announced length: no padding.
    std::array<std::byte, header_size> header;
    encode_header({record_type::get_values_result, 0, static_cast<std::uint16_t>(answer.size()), 0},
                  header.data());
    control_.append(text_of(header));
    control_ += answer;
    trace_out(record_type::get_values_result, 0, answer.size());
    driver_.output_ready();
}

error_code session::receive_end(bool half_closed)
{
    const bool mid_record = !decoder_.at_boundary();
    bool mid_request = false;
    for (const auto& s : slots_) {
        mid_request |= s->state == slot_state::params;
        if (s->state == slot_state::params)
            continue;
        s->x->body().ended(true);
        if (s->x->role() == role::filter)
            s->x->data().ended(true);
        s->state = slot_state::ended;
    }
    ignored_.clear();
    if (mid_record || mid_request || !half_closed) {
        const bool unfinished = !slots_.empty();
        lost(sluice::errc::client_gone);
        if (mid_record)
            return errc::closed_mid_record;
        if (mid_request && unfinished)
            return errc::closed_mid_request;
    }
    if (slots_.empty())
        closing_ = true;
    draining_ = true;
    return {};
}

void session::drain() noexcept
{
    if (!draining_ && slots_.empty() && (!greeted_ || !decoder_.at_boundary()))
        awaits_first_ = true;
    draining_ = true;
    if (slots_.empty() && !awaits_first_)
        closing_ = true;
}

void session::cancel(error_code reason)
{
    greeted_ = true;
    awaits_first_ = false;
    drain();
    for (const auto& s : slots_)
        if (s->state != slot_state::params)
            s->x->cancel(reason);
}

error_code session::check(std::chrono::steady_clock::time_point now)
{
    // Answers that belong to no request have no exchange to watch over them.
    const bool owes_control = !control_.empty() || !control_in_flight_.empty();
    const bool moving = std::exchange(sent_, false);
    const bool first_look = unsent_since_ == std::chrono::steady_clock::time_point{};
    if (!owes_control || moving || first_look) {
        unsent_since_ = now;
    } else if (now - unsent_since_ >= resources_.limits().write_stall) {
        return sluice::errc::write_stalled;
    }

    if (awaits_first_) {
        if (awaits_since_ == std::chrono::steady_clock::time_point{})
            awaits_since_ = now;
        else if (now - awaits_since_ >= first_request_patience)
            closing_ = true;
    }

    // Of a request that waits for nothing no time passes; beside others on its connection it has a clock of its own.
    const bool input_open = read_limit() > 0;
    const bool received = std::exchange(received_, false);
    const bool alone = slots_.size() == 1;
    const bool some_stream = std::any_of(slots_.begin(), slots_.end(), [](const auto& s) {
        return s->x->state() < exchange::phase::finished;
    });
    std::vector<slot*> late;
    for (const auto& s : slots_) {
        if (s->x->stalled(now, moving, some_stream))
            return sluice::errc::write_stalled;
        bool progress = std::exchange(s->received, false) || (alone && received);
        // Variables come in one piece from every web server: bytes that trickle buy no time.
        if (s->state == slot_state::params)
            progress = s->quiet_since == never;
        if (progress || !input_open || !waits_for_input(*s))
            s->quiet_since = now;
        else if (now - s->quiet_since >= resources_.limits().request_idle)
            late.push_back(s.get());
    }
    if (!late.empty() && alone)
        return errc::request_idle;
    for (slot* const s : late)
        give_up_waiting(*s);

    // Part of a record, or of none ever.
    const bool waits = slots_.empty() && (!greeted_ || !decoder_.at_boundary());
    if (!waits || received || !input_open || quiet_since_ == never)
        quiet_since_ = now;
    else if (now - quiet_since_ >= resources_.limits().request_idle)
        return errc::request_idle;
    return {};
}

bool session::waits_for_input(const slot& s) const
{
    const auto* const in = input_of(s);
    return s.state == slot_state::params || (in && in->reading());
}

// The others on the connection have done nothing: this one alone fails. Its app is told where it reads, and answers.
void session::give_up_waiting(slot& s)
{
    log::warning("id {}: nothing more comes of a request that is half sent (limits::request_idle)", s.id);
    if (auto* const in = input_of(s))
        return in->fail(errc::request_idle);
    const auto id = s.id;
    const bool keep = s.keep;
    const role r = s.x->role();
    s.x->lost(errc::request_idle);
    remove(s);
    refuse_busy(id, r, keep);
}

} // namespace sluice::fcgi
