// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "body_sender.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace sluice::detail {

using boost::asio::mutable_buffer;
using boost::asio::use_awaitable;

namespace {

// A block's worth, as sinks lend it.
constexpr std::size_t own_size = 16 * 1024;

// What is moved without a wait before others get their turn. A sink that has a budget of its own waits by itself; one
// behind a compressing middleware may take a whole disk of zeros without ever being full.
constexpr std::size_t turn_size = 512 * 1024;

/// A source is the app's own; but what it says must not reach into memory that is not its.
std::size_t checked(std::size_t n, mutable_buffer room)
{
    if (n > room.size())
        throw std::length_error(fmt::format(
            "the source of a body says that it put {} bytes into a buffer of {}", n, room.size()));
    return n;
}

} // namespace

void body_sender::start(sink_ptr to, std::unique_ptr<body_source> from)
{
    const auto ex = to->get_executor();
    auto self = std::make_shared<body_sender>(std::move(to), std::move(from));
    body_sender& me = *self;
    boost::asio::co_spawn(
        ex, me.run(),
        boost::asio::bind_cancellation_slot(
            me.gone_.slot(), [self = std::move(self)](std::exception_ptr failure) { self->ended(failure); }));
}

body_sender::body_sender(sink_ptr to, std::unique_ptr<body_source> from)
    : sink_(to), out_(std::move(to)), source_(std::move(from))
{}

task<void> body_sender::run()
{
    if (sink_->wants_body())
        co_await send_all();
    source_.reset(); // what it holds is not needed while the client takes the rest
    own_.reset();
    co_await out_.finish();
}

void body_sender::ended(std::exception_ptr failure)
{
    source_.reset();
    if (!failure || sink_->error())
        return; // well, or the client's doing
    // The sink knows how to fail a response for what the app has thrown, and whose it is.
    sink_->complete_soon([self = shared_from_this(), failure] { std::rethrow_exception(failure); });
}

mutable_buffer body_sender::own()
{
    if (!own_)
        own_ = std::make_unique_for_overwrite<std::byte[]>(own_size);
    return {own_.get(), own_size};
}

task<void> body_sender::send_all()
{
    bool lends = true;
    std::size_t moved = 0;
    for (;;) {
        error_code ec;
        mutable_buffer room = lends ? out_.prepare(ec) : own();
        if (ec) {
            lends = false;
            if (ec == boost::system::errc::operation_not_supported)
                room = own();
            else if (ec == errc::length_exceeded)
                room = {&one_more_, 1}; // all that was announced is there: does the source agree?
            else
                throw system_error(ec, "the body of a response");
        }
        if (room.size() == 0) {
            co_await out_.async_wait_writable(use_awaitable);
            moved = 0;
            continue;
        }
        const auto got = source_->try_read(room);
        std::size_t n = got ? checked(*got, room) : 0;
        if (got && lends) {
            out_.commit(n);
        } else {
            // What is lent is the sink's again as soon as anything else is done with it; it may go with the client.
            if (lends) {
                out_.commit(0);
                room = own();
            }
            if (!got)
                n = checked(co_await read_watched(room), room);
            if (n > 0)
                co_await out_.write(mutable_buffer(room.data(), n));
        }
        if (n == 0)
            co_return;
        if ((moved += n) >= turn_size) {
            co_await boost::asio::post(use_awaitable);
            moved = 0;
        }
    }
}

// A sink tells of its client's leaving only those who wait for something of it, and this one waits for its source.

task<std::size_t> body_sender::read_watched(mutable_buffer to)
{
    watch();
    std::size_t n = 0;
    std::exception_ptr failure;
    try {
        n = co_await source_->read(to);
    } catch (...) {
        failure = std::current_exception();
    }
    co_await unwatch();
    if (failure)
        std::rethrow_exception(failure);
    co_return n;
}

void body_sender::watch()
{
    // Before `finish` nothing but a failure ends this wait.
    watching_ = sink_->wait(wait_for::finished, [self = shared_from_this()](error_code ec) {
        self->watching_ = false;
        if (ec != boost::asio::error::operation_aborted)
            self->gone_.emit(boost::asio::cancellation_type::terminal);
        if (self->unwatched_)
            std::exchange(self->unwatched_, {})();
    });
}

task<void> body_sender::unwatch()
{
    if (!watching_)
        co_return;
    sink_->cancel_wait();
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void()>(
        [this](auto handler) {
            unwatched_ = [handler = std::move(handler)]() mutable { std::move(handler)(); };
        },
        use_awaitable);
}

} // namespace sluice::detail
