// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/request_stream.hpp>

#include <sluice/exchange.hpp>
#include <sluice/log.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice {

request_stream::request_stream(exchange& x, const char* name)
    : exchange_(x), resources_(x.resources()), name_(name), in_(resources_.pool(), resources_.limits()),
      task_(*this)
{}

void request_stream::resume_task::run()
{
    const exchange_ptr keep(&stream.exchange_); // the app may drop the last handle meanwhile
    stream.resume();
}

// The transport's side

std::size_t request_stream::credit() const noexcept
{
    // What is kept goes to a file in the end, but only as far as somebody waits for it.
    const bool takes_all = discard_ || (in_.kept() && reader_);
    return takes_all ? std::numeric_limits<std::size_t>::max() : in_.credit();
}

void request_stream::limit_spill(std::size_t n)
{
    if (!open_ || discard_ || error_ || in_.kept() || n <= in_.credit() || file_has_room(n))
        return;
    log::warning("#{} the app does not read its {}, and {} bytes of it are in a file, {} of all together "
                 "(limits::spill, limits::spill_total)",
                 exchange_.id(), name_, in_.spilled(), resources_.figures().spilled.value());
    error_ = errc::body_too_large;
    wake();
}

void request_stream::arrived(std::span<const std::byte> bytes)
{
    if (!open_ || exchange_.state() == exchange::phase::over)
        return;
    // What comes after the announced end is not part of it (R19).
    if (length_)
        bytes = bytes.first(static_cast<std::size_t>(
            std::min<std::uint64_t>(bytes.size(), *length_ - std::min(*length_, received_))));
    received_ += bytes.size();
    if (most_ > 0 && received_ > most_ && !error_) {
        log::warning("#{} the {} passes {} bytes (limits::request_body)", exchange_.id(), name_, most_);
        error_ = errc::body_too_large;
    }
    if (discard_ || error_) {
        lost_ |= !bytes.empty();
    } else if (in_.kept() && received_ > keep_most_) {
        keep_out("limits::buffered_body, or what buffer() was given");
    } else if (const auto ec = in_.spill(bytes)) {
        log::error("#{} the {} cannot be kept in a temporary file: {}", exchange_.id(), name_, ec.message());
        error_ = ec;
        lost_ = true;
    }
    count_spilled();
    if (in_.kept() && in_.spilled() > 0 && !file_has_room(0)) {
        keep_out("limits::spill, limits::spill_total");
        count_spilled();
    }
    if (!bytes.empty())
        wake();
}

// More came than may be kept: the rest is read and thrown away, so that the web server gets to the answer.
void request_stream::keep_out(const char* limit)
{
    log::warning("#{} the {} is not buffered: {} bytes have come ({})", exchange_.id(), name_, received_,
                 limit);
    error_ = errc::body_too_large;
    lost_ = discard_ = true;
    in_.drop();
}

bool request_stream::may_spill() const noexcept
{
    return !reader_ && file_has_room(1);
}

bool request_stream::file_has_room(std::size_t n) const noexcept
{
    const auto& limits = resources_.limits();
    return in_.spilled() + n <= limits.spill &&
           resources_.figures().spilled.value() + n <= limits.spill_total;
}

void request_stream::count_spilled() noexcept
{
    const auto now = in_.spilled();
    if (now == spilled_)
        return;
    auto& all = resources_.figures().spilled;
    all.set(all.value() - spilled_ + now);
    spilled_ = now;
}

void request_stream::ended(bool cut_off)
{
    if (!open_)
        return;
    open_ = false;
    if ((length_ || cut_off) && !complete() && !error_)
        error_ = errc::body_incomplete;
    wake();
}

// The exchange's side

bool request_stream::begin(bool follows, std::optional<std::uint64_t> length, std::uint64_t most)
{
    open_ = follows;
    length_ = length;
    most_ = most;
    return !follows || in_.reserve();
}

void request_stream::fail(error_code reason)
{
    error_ = reason;
    wake();
}

void request_stream::close()
{
    lost_ |= in_.size() > 0;
    in_.drop();
    count_spilled();
    if (!error_)
        error_ = errc::client_gone;
    wake();
}

void request_stream::reset() noexcept
{
    task_.unlink();
    in_.reset();
    count_spilled();
    before_ = nullptr;
    open_ = discard_ = lost_ = false;
    error_ = reader_result_ = {};
    length_.reset();
    most_ = received_ = 0;
    reader_ = {};
}

// The app's side

// CONTENT_LENGTH is the end, whether or not the web server says so too (R19), and whether or not the client leaves then.
bool request_stream::complete() const noexcept
{
    return length_ && received_ >= *length_;
}

// Somebody reads what comes after this.
void request_stream::give_up()
{
    if (!open_ || discard_)
        return;
    lost_ |= in_.size() + in_.lent() > 0;
    in_.drop();
    count_spilled();
    discard_ = true;
    // Whoever waits would go on reading, or not: and then hold up what comes after.
    reader_result_ = errc::already_finished;
    wake();
    want();
}

void request_stream::want()
{
    exchange_.want_input();
}

void request_stream::wake()
{
    if (reader_)
        resources_.turn().put_off(task_);
}

std::size_t request_stream::try_read(std::span<std::byte> to, error_code& ec, bool& end)
{
    if (reader_) {
        ec = errc::operation_pending;
        return 0;
    }
    if (before_)
        before_->give_up();
    const auto n = in_.read(to, ec);
    count_spilled();
    if (n > 0 || ec) {
        if (open_)
            want();
        return n;
    }
    say_why_nothing(ec, end);
    return 0;
}

void request_stream::say_why_nothing(error_code& ec, bool& end) const noexcept
{
    if (lost_)
        ec = error_ ? error_ : error_code(errc::already_finished);
    else if (at_end())
        end = true;
    else
        ec = error_;
}

std::span<const std::byte> request_stream::front(error_code& ec, bool& end)
{
    if (reader_) {
        ec = errc::operation_pending;
        return {};
    }
    if (before_)
        before_->give_up();
    const auto bytes = in_.front(ec);
    count_spilled();
    if (ec) { // what could not be read of the file is lost
        error_ = ec;
        lost_ = true;
    } else if (bytes.empty()) {
        say_why_nothing(ec, end);
    }
    return bytes;
}

void request_stream::consume(std::size_t n)
{
    in_.consume(n);
    if (open_)
        want();
}

bool request_stream::start_wait(reader_wants what,
                                detail::unique_function<void(error_code, std::size_t)> done)
{
    if (reader_) {
        exchange_.complete_soon([done = std::move(done)]() mutable { done(errc::operation_pending, 0); });
        return false;
    }
    if (before_)
        before_->give_up();
    reader_ = std::move(done);
    reader_result_ = {};
    wants_ = what;
    return true;
}

bool request_stream::read(std::span<std::byte> to,
                          detail::unique_function<void(error_code, std::size_t)> done)
{
    if (!start_wait(reader_wants::bytes, std::move(done)))
        return false;
    reader_buffer_ = to;
    if (in_.size() > 0 || !open_ || complete() || lost_ || error_ || to.empty()) {
        wake();
        return true;
    }
    if (!in_.kept())
        in_.lend(to);
    want();
    return true;
}

bool request_stream::wait(detail::unique_function<void(error_code)> done)
{
    if (!start_wait(reader_wants::front,
                    [done = std::move(done)](error_code ec, std::size_t) mutable { done(ec); }))
        return false;
    wake(); // looks first
    want();
    return true;
}

bool request_stream::buffer(std::uint64_t most, detail::unique_function<void(error_code)> done)
{
    if (!start_wait(reader_wants::all,
                    [done = std::move(done)](error_code ec, std::size_t) mutable { done(ec); }))
        return false;
    if (!in_.kept() && !error_ && !lost_) {
        if (received_ != in_.size()) {
            reader_result_ = errc::body_already_read;
        } else if (std::max(received_, length_.value_or(0)) > most) {
            keep_out("limits::buffered_body, or what buffer() was given");
        } else if (const auto ec = in_.keep()) {
            log::error("#{} the {} cannot be kept in a temporary file: {}", exchange_.id(), name_,
                       ec.message());
            error_ = ec;
            lost_ = true;
        }
        keep_most_ = most;
        count_spilled();
    }
    wake();
    want();
    return true;
}

void request_stream::cancel_read()
{
    if (!reader_)
        return;
    reader_result_ = boost::asio::error::operation_aborted;
    wake();
}

void request_stream::resume()
{
    if (!reader_)
        return;
    exchange_.renew_budget(); // waiting has let the others in
    auto done = std::exchange(reader_, {});
    // What went into the reader's own buffer counts, whatever happened after.
    if (const auto n = in_.end_loan(); n > 0) {
        if (open_)
            want();
        return exchange_.complete([&] { done({}, n); });
    }
    if (reader_result_ && !error_)
        return exchange_.complete([&] { done(reader_result_, 0); });
    error_code ec;
    std::size_t n = 0;
    if (serve(ec, n))
        return exchange_.complete([&] { done(ec, n); });
    reader_ = std::move(done); // nothing yet after all
    if (wants_ == reader_wants::bytes && !in_.kept())
        in_.lend(reader_buffer_);
}

// What the reader waits for; false while it is not there. Called while `reader_` is empty, or reading would refuse.
bool request_stream::serve(error_code& ec, std::size_t& n)
{
    bool end = false;
    switch (wants_) {
    case reader_wants::bytes:
        n = try_read(reader_buffer_, ec, end);
        return n > 0 || ec || end || reader_buffer_.empty();
    case reader_wants::front:
        if (in_.size() > 0)
            return true;
        say_why_nothing(ec, end);
        return ec || end;
    case reader_wants::all:
        if (error_ || lost_)
            say_why_nothing(ec, end);
        return ec || whole();
    }
    return true;
}

} // namespace sluice
