// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "blocking_bridge.hpp"

#include <sluice/log.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace sluice::detail {

blocking_bridge::blocking_bridge(std::shared_ptr<const function> f, request& r, responder respond,
                                 bool multithread)
    : env(r.env()), limits(r.limits()), facts(r.facts()), function_(std::move(f)), request_(r),
      respond_(std::move(respond))
{
    facts.nonblocking = false;
    facts.multithread |= multithread;
}

std::shared_ptr<blocking_bridge> blocking_bridge::make(std::shared_ptr<const function> f, request& r,
                                                       responder respond, bool multithread)
{
    const std::shared_ptr<blocking_bridge> b(
        new blocking_bridge(std::move(f), r, std::move(respond), multithread));
    b->link_ = request_link::make(r, [b] { b->ended(); });
    return b;
}

void blocking_bridge::refuse()
{
    log::warning("#{} refused with 503: no thread of the app is free, and as many wait as may "
                 "(blocking_options::threads, queue)",
                 request_.id());
    respond_->send(503, {{"Content-Type", "text/plain; charset=utf-8"}, {"Retry-After", "1"}},
                   "This service is busy. Try again.\n");
}

void blocking_bridge::ended()
{
    const auto why = writer_ ? writer_->error() : error_code();
    writer_.reset();
    respond_.reset();
    const std::lock_guard lock(mutex_);
    ended_ = why ? why : errc::client_gone;
    answered_.notify_all();
}

void blocking_bridge::run() noexcept
{
    // Texts, not the exceptions themselves: they stay with the thread that threw them.
    try {
        blocking_request r(*this);
        (*function_)(r);
        // What was made of half a body must not look as if it were of the whole (R19). Who has dealt with it clears the stream.
        if (in.bad() && read_error_)
            throw system_error(read_error_, "the body was not read to its end");
        if (out.rdbuf())
            out_.empty();
        finish();
    } catch (const system_error& e) {
        fail(e.what(), e.code());
    } catch (const std::exception& e) {
        fail(e.what());
    } catch (...) {
        fail("an exception that is no std::exception");
    }
}

blocking_bridge::result blocking_bridge::ask(unique_function<void()> f)
{
    {
        const std::lock_guard lock(mutex_);
        answer_.reset();
    }
    link_->post(std::move(f));
    std::unique_lock lock(mutex_);
    // Not posted, the request has ended, and `ended` has been or is about to be called.
    answered_.wait(lock, [this] { return answer_ || ended_; });
    return answer_ ? std::move(*answer_) : result{ended_};
}

void blocking_bridge::answer(result r)
{
    const std::lock_guard lock(mutex_);
    answer_ = std::move(r);
    answered_.notify_all();
}

void blocking_bridge::start(response_head head)
{
    const auto r = ask([self = shared_from_this(), head = std::move(head)]() mutable {
        if (self->link_->aborted())
            return self->answer({}); // R35: no error of this; writing will say so
        result done;
        try {
            self->writer_.emplace(self->respond_->start(std::move(head)));
        } catch (const system_error& e) {
            done = {e.code(), 0, e.what()};
            done.why.resize(done.why.rfind(": " + e.code().what())); // thrown again, it is added again
        }
        self->answer(std::move(done));
    });
    if (!r.why.empty())
        throw system_error(r.ec, r.why);
    if (!out.rdbuf())
        out.rdbuf(&out_);
}

void blocking_bridge::write(std::string_view bytes, bool flush)
{
    if (!error_) {
        error_ = ask([self = shared_from_this(), bytes, flush] {
                     if (!self->writer_)
                         return self->answer({errc::client_gone});
                     self->writer_->async_write(
                         boost::asio::buffer(bytes), [self, flush](error_code ec, std::size_t) {
                             if (ec || !flush || !self->writer_)
                                 return self->answer({ec});
                             self->writer_->async_flush([self](error_code e) { self->answer({e}); });
                         });
                 }).ec;
    }
    if (error_)
        throw system_error(error_, "sluice::blocking_request::out");
}

std::span<char> blocking_bridge::read()
{
    const auto r = ask([self = shared_from_this()] {
        self->request_.body().async_read(boost::asio::buffer(self->body_),
                                         [self](error_code ec, std::size_t n) {
                                             self->answer({ec, n});
                                         });
    });
    if (r.ec) {
        read_error_ = r.ec;
        throw system_error(r.ec, "sluice::blocking_request::in");
    }
    return std::span(body_).first(r.n);
}

void blocking_bridge::error_line(std::string_view text)
{
    link_->post(
        [self = shared_from_this(), line = std::string(text)] { self->request_.errors().line(line); });
}

void blocking_bridge::finish()
{
    link_->post([self = shared_from_this()] {
        if (self->writer_)
            self->writer_->async_finish([self](error_code) {});
        else
            self->respond_.reset();
    });
}

void blocking_bridge::fail(const std::string& why, error_code ec)
{
    link_->post([self = shared_from_this(), why, ec] {
        if (self->link_->aborted())
            return;
        if (ec)
            throw system_error(ec, why); // which may be the client's doing: `status_of`
        throw std::runtime_error(why);
    });
}

// The streams

blocking_bridge::input::int_type blocking_bridge::input::underflow()
{
    const auto bytes = bridge_.read();
    setg(bytes.data(), bytes.data(), bytes.data() + bytes.size());
    return bytes.empty() ? traits_type::eof() : traits_type::to_int_type(bytes.front());
}

void blocking_bridge::output::empty(bool flush)
{
    const std::string_view held(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    setp(held_.data(), held_.data() + held_.size()); // lost when the write fails, as everything after it
    if (!held.empty() || flush || bridge_.error_)
        bridge_.write(held, flush);
}

blocking_bridge::output::int_type blocking_bridge::output::overflow(int_type c)
{
    empty();
    if (traits_type::eq_int_type(c, traits_type::eof()))
        return traits_type::not_eof(c);
    return sputc(traits_type::to_char_type(c));
}

std::streamsize blocking_bridge::output::xsputn(const char* s, std::streamsize n)
{
    if (n > epptr() - pptr()) {
        empty();
        if (n >= epptr() - pptr()) {
            bridge_.write({s, static_cast<std::size_t>(n)}, false);
            return n;
        }
    }
    if (n > 0) // else there may be no memory behind it
        std::memcpy(pptr(), s, static_cast<std::size_t>(n));
    pbump(static_cast<int>(n));
    return n;
}

int blocking_bridge::output::sync()
{
    empty(true);
    return 0;
}

} // namespace sluice::detail
