// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The exchange's request body.
#include <sluice/exchange.hpp>

#include <sluice/log.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <limits>

namespace sluice {

// The transport's side

std::size_t exchange::body_credit() const noexcept
{
    return discard_body_ ? std::numeric_limits<std::size_t>::max() : in_.credit();
}

void exchange::limit_spill(std::size_t n)
{
    const auto most = resources_.limits().spill;
    if (discard_body_ || body_error_ || n <= in_.credit() || in_.spilled() + n <= most)
        return;
    log::warning("#{} the app does not read its body, and {} bytes of it are in a file (limits::spill)", id_,
                 in_.spilled());
    body_error_ = errc::body_too_large;
    if (reader_)
        resources_.turn().put_off(reader_task_);
}

void exchange::body_arrived(std::span<const std::byte> bytes)
{
    if (!body_open_ || phase_ == phase::over)
        return;
    // What comes after the announced end is not part of the body (R19).
    if (body_length_)
        bytes = bytes.first(static_cast<std::size_t>(
            std::min<std::uint64_t>(bytes.size(), *body_length_ - std::min(*body_length_, body_received_))));
    body_received_ += bytes.size();
    if (const auto most = resources_.limits().request_body; most > 0 && body_received_ > most && !body_error_)
    {
        log::warning("#{} the body passes {} bytes (limits::request_body)", id_, most);
        body_error_ = errc::body_too_large;
    }
    if (discard_body_ || body_error_) {
        body_lost_ |= !bytes.empty();
    } else if (const auto ec = in_.spill(bytes)) {
        log::error("#{} the body cannot be kept in a temporary file: {}", id_, ec.message());
        body_error_ = ec;
        body_lost_ = true;
    }
    if (reader_ && !bytes.empty())
        resources_.turn().put_off(reader_task_);
}

bool exchange::stuck() const noexcept
{
    return phase_ == phase::streaming && !reader_ && !out_.empty() &&
           in_.spilled() < resources_.limits().spill;
}

void exchange::body_ended(bool cut_off)
{
    if (!body_open_)
        return;
    body_open_ = false;
    if ((body_length_ || cut_off) && !body_complete() && !body_error_)
        body_error_ = errc::body_incomplete;
    if (reader_)
        resources_.turn().put_off(reader_task_);
}

// The app's side

// CONTENT_LENGTH is the end, whether or not the web server says so too (R19), and whether or not the client leaves then.
bool exchange::body_complete() const noexcept
{
    return body_length_ && body_received_ >= *body_length_;
}

std::size_t exchange::try_read(std::span<std::byte> to, error_code& ec, bool& end)
{
    if (reader_) {
        ec = errc::operation_pending;
        return 0;
    }
    if (const auto n = in_.read(to, ec); n > 0 || ec) {
        if (body_open_ && host_)
            host_->input_wanted(*this);
        return n;
    }
    if (body_lost_)
        ec = body_error_ ? body_error_ : error_code(errc::already_finished);
    else if (body_complete() || (!body_open_ && !body_error_))
        end = true;
    else
        ec = body_error_;
    return 0;
}

bool exchange::read(std::span<std::byte> to, detail::unique_function<void(error_code, std::size_t)> done)
{
    if (reader_) {
        complete_soon([done = std::move(done)]() mutable { done(errc::operation_pending, 0); });
        return false;
    }
    reader_ = std::move(done);
    reader_buffer_ = to;
    reader_result_ = {};
    if (in_.size() > 0 || !body_open_ || body_complete() || body_lost_ || body_error_ || to.empty()) {
        resources_.turn().put_off(reader_task_);
        return true;
    }
    in_.lend(to);
    if (host_)
        host_->input_wanted(*this);
    return true;
}

void exchange::cancel_read()
{
    if (!reader_)
        return;
    reader_result_ = boost::asio::error::operation_aborted;
    resources_.turn().put_off(reader_task_);
}

void exchange::resume_reader()
{
    if (!reader_)
        return;
    budget_ = static_cast<std::ptrdiff_t>(resources_.limits().turn_budget); // waiting has let the others in
    auto done = std::exchange(reader_, {});
    // What went into the reader's own buffer counts, whatever happened after.
    if (const auto n = in_.end_loan(); n > 0) {
        if (body_open_ && host_)
            host_->input_wanted(*this);
        return complete([&] { done({}, n); });
    }
    if (reader_result_ && !body_error_)
        return complete([&] { done(reader_result_, 0); });
    error_code ec;
    bool end = false;
    const auto n = try_read(reader_buffer_, ec, end);
    if (n == 0 && !ec && !end && !reader_buffer_.empty()) {
        reader_ = std::move(done); // nothing yet after all
        in_.lend(reader_buffer_);
        return;
    }
    complete([&] { done(ec, n); });
}

} // namespace sluice
