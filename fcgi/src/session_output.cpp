// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The session's output: responses to records.
#include <sluice/fcgi/session.hpp>

#include <sluice/fcgi/errc.hpp>
#include <sluice/fcgi/fault.hpp>
#include <sluice/log.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <tuple>

namespace sluice::fcgi {

namespace {

// Slices handed to the kernel at once. Four windows; beyond that a larger writev is no faster.
constexpr std::size_t max_slices = 64;

constexpr std::array<std::byte, 8> zeros{};

} // namespace

void session::push(std::span<const std::byte> bytes, slice_info info)
{
    slices_.push_back(bytes);
    infos_.push_back(info);
}

std::span<const std::span<const std::byte>> session::gather()
{
    const bool nothing_waits = front_ == slices_.size();
    if (nothing_waits) {
        slices_.clear();
        infos_.clear();
        front_ = 0;
    }
    if (control_in_flight_.empty() && !control_.empty()) {
        control_in_flight_.swap(control_);
        push(std::as_bytes(std::span(control_in_flight_)), {nullptr, 0, kind::control, false, false});
    }
    // One block each in turn, so that an endless response holds no other up by more than a block.
    const auto waiting = slices_.size() - front_;
    std::size_t quiet = 0;
    while (quiet < slots_.size() && slices_.size() < front_ + max_slices) {
        if (next_ >= slots_.size())
            next_ = 0;
        if (frame_one(*slots_[next_++]))
            quiet = 0;
        else
            ++quiet;
    }
    if (waiting > 0 && slots_.size() > 1 && slices_.size() - front_ > waiting && direct_.empty())
        take_turns_anew();
    more_ = quiet < slots_.size() || !direct_.empty() || !control_.empty();
    if (nothing_waits && !direct_.empty() && direct_slot_ && !direct_slot_->x->output().can_pull())
        frame_direct();
    return std::span(slices_).subspan(front_);
}

// In which turn from now on a slice that waits goes out.
std::size_t session::turn_of(std::size_t slice) const
{
    std::size_t blocks = 0, last = 0;
    for (auto i = front_; i < slice; ++i)
        if (infos_[i].owner == infos_[slice].owner) {
            last = blocks;
            blocks += infos_[i].what == kind::content;
        }
    return infos_[slice].what == kind::ending ? last : blocks; // an ending leaves with what is before it
}

// What waited for the kernel was framed before others had anything: they get their turns in it.
void session::take_turns_anew()
{
    std::size_t first = front_;
    while (first < slices_.size() && infos_[first].touched)
        ++first; // the kernel has begun it
    reordered_.clear();
    for (auto i = first; i < slices_.size(); ++i)
        reordered_.push_back({turn_of(i), i, slices_[i], infos_[i]});
    std::sort(reordered_.begin(), reordered_.end(),
              [](const auto& a, const auto& b) { return std::tie(a.turn, a.at) < std::tie(b.turn, b.at); });
    for (const auto& r : reordered_) {
        slices_[first] = r.slice;
        infos_[first++] = r.info;
    }
}

// Makes a record of a pulled block, in the room around it.
std::span<const std::byte> session::frame_block(const slot& s, const outflow::segment& content)
{
    const auto padding = padding_for(content.size);
    encode_header({record_type::stdout_stream, s.id, static_cast<std::uint16_t>(content.size), padding},
                  content.data - header_size);
    std::memset(content.data + content.size, 0, padding);
    if (tracing_)
        log::trace("out STDOUT id {} {} bytes", s.id, content.size);
    return {content.data - header_size, header_size + content.size + padding};
}

// What most flushes need: one block of the only response, with nothing before it and nothing behind. False when there
// is more to do, for which `pump` has to be called.
bool session::send_block(slot& s)
{
    outflow& out = s.x->output();
    const bool alone = front_ == slices_.size() && slots_.size() == 1 && control_.empty() &&
                       control_in_flight_.empty() && !s.x->has_errors() &&
                       s.x->state() == exchange::phase::streaming;
    const auto segment = alone ? out.only_block() : std::nullopt;
    if (!segment)
        return false;
    const auto record = frame_block(s, *segment);
    const auto n = driver_.send_now(record);
    sent_ |= n > 0;
    if (n == record.size()) {
        out.rewind();
        s.x->output_sent(segment->size);
        return true;
    }
    out.pull();
    slices_.clear();
    infos_.clear();
    front_ = 0;
    push(record.subspan(n), {&s, static_cast<std::uint32_t>(segment->size), kind::content, false, n > 0});
    return false;
}

// Frames the next block of a request; false when it has nothing to send.
bool session::frame_one(slot& s)
{
    if (s.ending || s.state == slot_state::params)
        return false;
    bool framed = false;
    if (s.x->has_errors() && !s.stderr_in_flight) {
        std::string text;
        s.x->take_errors(text);
        s.stderr_record.clear();
        append_record(record_type::stderr_stream, s.id, std::string_view(text).substr(0, max_content),
                      s.stderr_record);
        s.stderr_used = s.stderr_in_flight = true;
        push(std::as_bytes(std::span(s.stderr_record)), {&s, 0, kind::stderr_text, false, false});
        if (tracing_)
            log::trace("out STDERR id {} {} bytes", s.id, text.size());
        framed = true;
    }
    const auto segment = s.x->output().pull();
    if (!segment) {
        s.x->output_rests();
    } else {
        push(frame_block(s, *segment),
             {&s, static_cast<std::uint32_t>(segment->size), kind::content, false, false});
        framed = true;
    }
    const auto phase = s.x->state();
    if ((phase == exchange::phase::finished || phase == exchange::phase::aborted) &&
        !s.x->output().can_pull() && !s.x->has_errors())
    {
        // Nothing may follow a fault: what other requests were answered goes first.
        if (phase == exchange::phase::aborted && slots_.size() == 1 && !control_.empty())
            return framed;
        frame_ending(s, segment ? &*segment : nullptr);
        framed = true;
    }
    return framed;
}

// The end of a response. `last` is its last block when that was framed just now: what fits goes behind it.
void session::frame_ending(slot& s, const outflow::segment* last)
{
    s.ending = true;
    std::byte* const begin = s.end_records.data();
    std::byte* to = begin;
    const bool well = s.x->state() == exchange::phase::finished;
    if (!well && slots_.size() == 1) {
        encode_header({fault_type, s.id, 0, 0}, to);
        to += header_size;
        closing_ = faulted_ = true;
        if (tracing_)
            log::trace("out fault for id {}, close without END_REQUEST", s.id);
    } else {
        if (s.stderr_used) {
            encode_header({record_type::stderr_stream, s.id, 0, 0}, to);
            to += header_size;
            if (tracing_)
                log::trace("out STDERR id {} 0 bytes", s.id);
        }
        encode_header({record_type::stdout_stream, s.id, 0, 0}, to);
        to += header_size;
        encode_end_request(s.id, well ? 0 : 1, protocol_status::request_complete, to);
        to += 2 * header_size;
        if (tracing_)
            log::trace("out STDOUT id {} 0 bytes, END_REQUEST", s.id);
    }
    const auto size = static_cast<std::size_t>(to - begin);
    if (last && s.x->output().room_behind(*last) >= size + 8) {
        auto& slice = slices_.back();
        std::memcpy(last->data + (slice.size() - header_size), begin, size);
        slice = {slice.data(), slice.size() + size};
        infos_.back().ends = true;
    } else {
        push({begin, size}, {&s, 0, kind::ending, true, false});
    }
}

void session::frame_direct()
{
    const auto most = resources_.pool().capacity();
    auto rest = direct_.subspan(direct_sent_);
    for (auto& header : direct_headers_) {
        if (rest.empty())
            break;
        const auto content = rest.first(std::min(rest.size(), most));
        const auto padding = padding_for(content.size());
        encode_header({record_type::stdout_stream, direct_slot_->id,
                       static_cast<std::uint16_t>(content.size()), padding},
                      header.data());
        push(header, {direct_slot_, 0, kind::direct_header, false, false});
        push(content, {direct_slot_, static_cast<std::uint32_t>(content.size()), kind::direct, false, false});
        if (padding > 0)
            push(std::span(zeros).first(padding), {direct_slot_, 0, kind::direct_padding, false, false});
        if (tracing_)
            log::trace("out STDOUT id {} {} bytes, not copied", direct_slot_->id, content.size());
        rest = rest.subspan(content.size());
    }
}

std::size_t session::send(exchange& x, std::span<const std::byte> direct)
{
    slot* const s = find(x.transport_id);
    if (!s || direct_slot_ || (direct.empty() && send_block(*s)))
        return 0;
    direct_slot_ = s;
    direct_ = direct;
    direct_sent_ = 0;
    // While older slices wait the kernel takes no more, and the direct bytes would only be framed for nothing.
    if (front_ != slices_.size())
        direct_ = {};
    driver_.pump();
    if (!direct_slot_)
        return 0; // the connection broke meanwhile
    if (!direct_.empty())
        settle_direct();
    direct_slot_ = nullptr;
    direct_ = {};
    return direct_sent_;
}

// Takes back what was framed from the app's buffer and not begun; keeps the rest of a record that was.
void session::settle_direct()
{
    std::size_t i = front_;
    const auto next_is = [&](kind what) { return i < slices_.size() && infos_[i].what == what; };
    // Where the kernel stopped, only the first slice can be begun, or belong to a record that is.
    if (i == front_ && next_is(kind::direct_header) && infos_[i].touched)
        infos_[i++].what = kind::leftover_header;
    if (i > front_ || next_is(kind::direct)) {
        const auto copy = direct_slot_->x->output().adopt(slices_[i]);
        assert(copy); // the queue was empty, and an exchange has a block in reserve
        direct_sent_ += infos_[i].content;
        slices_[i] = {copy->data, copy->size};
        infos_[i].what = kind::content;
        infos_[i++].touched = true;
    }
    if (next_is(kind::direct_padding)) {
        infos_[i].what = kind::leftover;
        infos_[i++].touched = true;
    }
    // What other requests have framed meanwhile stays.
    std::size_t kept = i;
    for (; i < slices_.size(); ++i) {
        const auto what = infos_[i].what;
        if (what != kind::direct_header && what != kind::direct && what != kind::direct_padding) {
            slices_[kept] = slices_[i];
            infos_[kept++] = infos_[i];
        }
    }
    slices_.resize(kept);
    infos_.resize(kept);
}

void session::sent(std::size_t n)
{
    sent_ |= n > 0;
    while (n > 0 && front_ < slices_.size()) {
        auto& slice = slices_[front_];
        const auto part = std::min(n, slice.size());
        slice = slice.subspan(part);
        n -= part;
        if (!slice.empty()) {
            infos_[front_].touched = true;
            return;
        }
        complete(infos_[front_++]);
    }
}

void session::complete(slice_info info)
{
    slot* const s = info.owner;
    switch (info.what) {
    case kind::content:
        s->x->output().release();
        s->x->output_sent(info.content);
        break;
    case kind::direct:
        direct_sent_ += info.content;
        s->x->output_sent(info.content);
        break;
    case kind::stderr_text:
        s->stderr_in_flight = false;
        more_ |= s->x->has_errors(); // written meanwhile; the ending waits behind it
        break;
    case kind::control:
        control_in_flight_.clear();
        driver_.input_wanted();
        break;
    case kind::direct_header:
    case kind::direct_padding:
    case kind::ending:
    case kind::leftover_header:
    case kind::leftover: break;
    }
    if (info.ends)
        end(*s);
}

// A request whose ending the kernel has.
void session::end(slot& s)
{
    s.x->ended();
    if (s.state != slot_state::ended)
        ignore(s.id, s.x->role());
    close_when_idle_ |= !s.keep;
    remove(s);
    if (slots_.empty() && (close_when_idle_ || draining_))
        closing_ = true;
    driver_.input_wanted();
}

void session::remove(slot& s)
{
    const auto at = std::find_if(slots_.begin(), slots_.end(), [&](const auto& p) { return p.get() == &s; });
    s.x.reset();
    if (direct_slot_ == &s)
        direct_slot_ = nullptr;
    spare_slots_.push_back(std::move(*at));
    slots_.erase(at);
}

void session::lost(error_code reason)
{
    closing_ = true;
    slices_.clear();
    infos_.clear();
    front_ = 0;
    control_.clear();
    control_in_flight_.clear();
    direct_slot_ = nullptr;
    direct_ = {};
    while (!slots_.empty()) {
        slot& s = *slots_.back();
        // A web server that has the whole response may leave before END_REQUEST: nginx does.
        if (s.x->state() == exchange::phase::finished && s.x->output().empty())
            s.x->ended();
        else
            s.x->lost(reason);
        remove(s);
    }
}

} // namespace sluice::fcgi
