// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "transform_sink.hpp"

#include <sluice/log.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace sluice::middleware {

transform_sink::transform_sink(sink_ptr next, std::unique_ptr<transform> t,
                               std::optional<std::uint64_t> length, std::uint64_t request_id)
    : filter_sink(std::move(next)), transform_(std::move(t)),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(transform::buffer_size)), length_(length),
      request_id_(request_id)
{}

void transform_sink::release() noexcept
{
    transform_.reset();
    buffer_.reset();
    begin_ = end_ = 0;
    goal_ = transform::goal::take;
}

// Moving on

/// Hands the buffer to the next sink; true when nothing of it is left.
bool transform_sink::drain(error_code& ec)
{
    if (begin_ < end_) {
        const auto n = next().try_write({buffer_.get() + begin_, end_ - begin_}, ec);
        if (!buffer_)
            return false; // the response ended in that call; who waits is told why
        begin_ += n;
    }
    if (ec || begin_ < end_)
        return false;
    if (over_ && !std::exchange(rest_dropped_, true))
        next().drop_rest();
    return true;
}

/// Moves on what is pending: the buffer, then the flush or the end asked for. True when all of it is with the next
/// sink.
bool transform_sink::advance(error_code& ec)
{
    while (drain(ec)) {
        if (goal_ == transform::goal::take)
            return true;
        const auto step = transform_->run({}, {buffer_.get(), transform::buffer_size}, goal_);
        begin_ = 0;
        end_ = step.made;
        over_ |= step.over;
        if (step.done)
            goal_ = transform::goal::take;
        else if (step.made == 0)
            throw std::logic_error("sluice::middleware::transform::run made nothing and is not done");
    }
    return false;
}

void transform_sink::ask_for_flush() noexcept
{
    if (!unflushed_ || finishing_ || !transform_)
        return;
    unflushed_ = false;
    goal_ = transform::goal::flush;
}

bool transform_sink::may_write(error_code& ec) const
{
    ec = next().error();
    if (!ec && finishing_)
        ec = errc::already_finished;
    else if (!ec && waiter_)
        ec = errc::operation_pending;
    return !ec;
}

std::size_t transform_sink::try_write(std::span<const std::byte> bytes, error_code& ec)
{
    if (!may_write(ec))
        return 0;
    if (length_ && bytes.size() > *length_ - accepted_) {
        ec = errc::length_exceeded;
        return 0;
    }
    const auto most = bytes.first(std::min(bytes.size(), budget_));
    std::size_t taken = 0;
    while (taken < most.size() && advance(ec)) {
        if (rest_dropped_) {
            taken += next().try_write(most.subspan(taken), ec);
            break;
        }
        const auto step = transform_->run(most.subspan(taken), {buffer_.get(), transform::buffer_size},
                                          transform::goal::take);
        begin_ = 0;
        end_ = step.made;
        over_ |= step.over;
        taken += step.taken;
        if (step.taken == 0 && step.made == 0)
            throw std::logic_error("sluice::middleware::transform::run took nothing and made nothing");
    }
    if (!ec)
        drain(ec);
    accepted_ += taken;
    budget_ -= taken;
    unflushed_ |= taken > 0;
    if (taken > 0)
        ec = {}; // it stays with the next sink, and the next call says so
    return taken;
}

bool transform_sink::try_flush(error_code& ec)
{
    if (!may_write(ec))
        return false;
    ask_for_flush();
    if (!advance(ec))
        return false;
    note_flushed();
    return next().try_flush(ec);
}

void transform_sink::note_flushed()
{
    sent_before_ = sent();
    flushed_next_ = next().accepted();
    flushed_own_ = accepted_;
}

std::uint64_t transform_sink::sent() const
{
    return next().sent() >= flushed_next_ ? flushed_own_ : sent_before_;
}

// Waiting

bool transform_sink::wait(wait_for what, waiter w)
{
    if (waiter_) {
        complete_soon([w = std::move(w)]() mutable { w(errc::operation_pending); });
        return false;
    }
    waiter_ = std::move(w);
    waiting_for_ = what;
    budget_ = turn_input; // a wait is over in another turn at the earliest
    if (next_waits_)
        return true; // the end is under way; it looks at the waiter when it is there
    error_code ec = next().error();
    if (what == wait_for::flushed && !ec)
        ask_for_flush();
    const bool pending = begin_ < end_ || goal_ != transform::goal::take;
    wait_on_next(pending && !ec ? wait_for::writable : what);
    return true;
}

void transform_sink::wait_on_next(wait_for what)
{
    next_waits_ = true;
    next_waits_for_ = what;
    next().wait(what,
                [self = boost::intrusive_ptr<transform_sink>(this)](error_code ec) { self->resumed(ec); });
}

void transform_sink::resumed(error_code ec)
{
    next_waits_ = false;
    if (ec) {
        if (next().error())
            release();
        return complete(ec);
    }
    if (!advance(ec)) {
        if (!ec)
            return wait_on_next(wait_for::writable);
    } else if (finishing_ && !finished_) {
        finish_next(ec);
    }
    if (!waiter_ || ec || waiting_for_ == next_waits_for_)
        return complete(ec);
    if (waiting_for_ == wait_for::flushed) {
        note_flushed();
        next().try_flush(ec);
    }
    wait_on_next(waiting_for_);
}

void transform_sink::complete(error_code ec)
{
    if (waiter_)
        std::exchange(waiter_, {})(ec);
}

void transform_sink::cancel_wait()
{
    if (!waiter_)
        return;
    if (finishing_) // what we wait for on our own goes on
        complete_soon(
            [w = std::exchange(waiter_, {})]() mutable { w(boost::asio::error::operation_aborted); });
    else
        next().cancel_wait();
}

// Ending

void transform_sink::finish(error_code& ec)
{
    if (finished_)
        return next().finish(ec);
    if (finishing_) {
        ec = next().error();
        return;
    }
    if (!may_write(ec))
        return;
    if (length_ && accepted_ < *length_) {
        log::error("#{}: Content-Length says {}, the app wrote {} bytes", request_id_, *length_, accepted_);
        ec = errc::length_short;
        return abort(ec);
    }
    finishing_ = true;
    goal_ = transform::goal::finish;
    if (advance(ec))
        finish_next(ec);
    else if (!ec)
        wait_on_next(wait_for::writable);
}

void transform_sink::finish_next(error_code& ec)
{
    finished_ = true;
    note_flushed();
    next().finish(ec);
    release();
    if (dropped_)
        next().writer_dropped();
}

void transform_sink::abort(error_code reason)
{
    if (finishing_)
        return; // the response is complete, though its end may still be on the way
    next().abort(reason);
    release();
}

void transform_sink::writer_dropped()
{
    dropped_ = true;
    // Before the app has returned it may be its return that drops the writer, and what is held then is part of the
    // response.
    if (finishing_ ? finished_ : app_returned_)
        next().writer_dropped();
}

void transform_sink::app_returned(bool well)
{
    if (std::exchange(app_returned_, true) || !dropped_)
        return;
    if (well && !finishing_ && !next().error()) {
        error_code ec;
        finish(ec);
        if (ec == errc::operation_pending)
            log::error("#{}: the app returned while a write was pending", request_id_);
    }
    if (!finishing_)
        next().writer_dropped();
}

void write_whole(sink_ptr s, std::string body, std::size_t at)
{
    error_code ec;
    at += s->try_write(std::as_bytes(std::span(body.data(), body.size())).subspan(at), ec);
    if (!ec && at < body.size()) {
        sink& to = *s;
        to.wait(wait_for::writable,
                [s = std::move(s), body = std::move(body), at](error_code failed) mutable {
                    if (failed)
                        s->writer_dropped();
                    else
                        write_whole(std::move(s), std::move(body), at);
                });
        return;
    }
    if (!ec)
        s->finish(ec);
    s->writer_dropped();
}

} // namespace sluice::middleware
