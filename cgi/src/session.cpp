// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/session.hpp>

#include <sluice/log.hpp>

#include <algorithm>
#include <limits>
#include <string_view>

namespace sluice::cgi {

namespace {
constexpr auto unlimited = std::numeric_limits<std::uint64_t>::max();
} // namespace

session::session(loop_resources& resources, session_driver& d) : resources_(resources), driver_(d) {}

session::~session()
{
    lost(errc::client_gone);
}

void session::begin(const char* const* variables, sluice::role r, body_end end)
{
    x_ = resources_.new_exchange();
    if (!x_->open(*this, r))
        throw system_error(make_error_code(errc::bad_request), "the pool has no block (limits::pool_bytes)");
    for (; *variables; ++variables) {
        const std::string_view entry(*variables);
        const auto equals = entry.find('=');
        if (equals != entry.npos && equals > 0)
            x_->env().add(entry.substr(0, equals), entry.substr(equals + 1));
    }
    input_ = &x_->body();
    bool well = false;
    if (end == body_end::marked) {
        well = x_->admit(r != role::authorizer); // authorizers get none
        body_left_ = x_->env().content_length().value_or(unlimited);
    } else {
        // Without CONTENT_LENGTH there is no body (RFC 3875 section 4.2), but that Apache passes a chunked one on so.
        const bool chunked = x_->env().contains("HTTP_TRANSFER_ENCODING");
        body_left_ = x_->env().content_length().value_or(chunked ? unlimited : 0);
        well = x_->admit(body_left_ > 0);
    }
    if (well)
        x_->run();
}

void session::begin_data()
{
    input_ = &x_->data();
    body_left_ = x_->env().data_length().value_or(unlimited);
}

std::size_t session::read_limit(bool blocked) const noexcept
{
    if (!input_open())
        return 0;
    // RFC 3875 section 4.2: a program must not read more, even if there is more.
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(resources_.limits().input_window, body_left_));
    return blocked && x_->stuck(*input_) ? most : std::min(input_->credit(), most);
}

void session::receive(std::span<const std::byte> bytes)
{
    input_->arrived(bytes);
    body_left_ -= std::min<std::uint64_t>(body_left_, bytes.size());
    if (body_left_ == 0)
        input_->ended();
}

void session::receive_end(bool cut_off)
{
    input_->ended(cut_off);
}

std::span<const std::span<const std::byte>> session::gather()
{
    if (front_ == slices_.size()) {
        slices_.clear();
        sizes_.clear();
        front_ = 0;
    }
    while (const auto s = x_ ? x_->output().pull() : std::nullopt) {
        slices_.push_back({s->data, s->size});
        sizes_.push_back(s->size);
    }
    if (!direct_.empty() && !direct_framed_) {
        slices_.push_back(direct_);
        sizes_.push_back(0);
        direct_framed_ = true;
    }
    return std::span(slices_).subspan(front_);
}

void session::sent(std::size_t n)
{
    while (n > 0 && front_ < slices_.size()) {
        auto& slice = slices_[front_];
        const auto part = std::min(n, slice.size());
        slice = slice.subspan(part);
        n -= part;
        if (direct_framed_ && front_ + 1 == slices_.size()) {
            direct_sent_ += part;
            x_->output_sent(part);
        }
        if (!slice.empty())
            return;
        if (const auto size = sizes_[front_++]; size > 0) {
            x_->output().release();
            x_->output_sent(size);
        }
    }
    end_if_done();
}

bool session::ends_with(std::size_t n) const noexcept
{
    if (ended_ || !x_ || x_->state() != exchange::phase::finished)
        return false;
    std::size_t all = 0;
    for (const auto& slice : std::span(slices_).subspan(front_))
        all += slice.size();
    return n == all;
}

std::size_t session::send(exchange&, std::span<const std::byte> direct)
{
    if (sending_)
        return 0;
    sending_ = true;
    direct_ = front_ == slices_.size() ? direct : std::span<const std::byte>();
    direct_sent_ = 0;
    driver_.pump();
    if (direct_framed_ && front_ < slices_.size()) {
        // There are no records here: what the kernel did not take is simply the caller's again.
        slices_.pop_back();
        sizes_.pop_back();
    }
    direct_framed_ = sending_ = false;
    direct_ = {};
    return direct_sent_;
}

void session::take_errors(std::string& to)
{
    to.clear();
    if (x_ && x_->has_errors())
        x_->take_errors(to);
}

void session::end_if_done()
{
    if (ended_ || !x_ || !x_->output().empty())
        return;
    const auto phase = x_->state();
    if (phase != exchange::phase::finished && phase != exchange::phase::aborted)
        return;
    ended_ = true;
    failed_ = phase == exchange::phase::aborted;
    x_->ended();
}

void session::lost(error_code reason)
{
    if (ended_ || !x_)
        return;
    ended_ = true;
    slices_.clear();
    sizes_.clear();
    front_ = 0;
    failed_ = x_->state() != exchange::phase::finished || !x_->output().empty();
    if (failed_)
        x_->lost(reason);
    else
        x_->ended();
}

void session::cancel(error_code reason)
{
    if (x_ && !ended_)
        x_->cancel(reason);
}

error_code session::check(std::chrono::steady_clock::time_point now)
{
    return x_ && !ended_ && x_->stalled(now) ? error_code(errc::write_stalled) : error_code();
}

} // namespace sluice::cgi
