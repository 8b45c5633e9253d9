// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fcgi/session_peer.hpp"

#include "support/catch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace sluice::test {

namespace {

// As many as `connection` hands over at once.
constexpr std::size_t most_slices = 64;

} // namespace

// The app

void played_request::write_all(std::string bytes)
{
    write_buffer_ = std::move(bytes);
    written.reset();
    out->async_write(boost::asio::buffer(write_buffer_), [this](error_code ec, std::size_t n) {
        error = ec;
        written = n;
    });
}

void played_request::finish()
{
    boost::asio::co_spawn(req.get_executor(), out->finish(), [this](const std::exception_ptr& failure) {
        finished = !failure;
        try {
            if (failure)
                std::rethrow_exception(failure);
        } catch (const system_error& e) {
            error = e.code();
        }
    });
}

void played_request::start_read(request_body from, std::size_t n, std::string& to, bool& ended)
{
    read_buffer_.resize(n);
    reading = true;
    from.async_read(boost::asio::buffer(read_buffer_), [this, &to, &ended](error_code ec, std::size_t got) {
        reading = false;
        read_error = ec;
        ended = !ec && got == 0;
        to.append(read_buffer_, 0, got);
    });
}

void played_request::drop()
{
    out.reset();
    const responder gone = std::move(respond_);
}

// The loop

session_loop::session_loop(const limits& l, role r)
    : loop_(
          [this, r] {
              application play([this](request& req, responder respond) -> task<void> {
                  requests.emplace_back(req, std::move(respond));
                  co_return;
              });
              return r == role::filter ? application::filter(std::move(play)) : play;
          }(),
          l)
{}

session_loop::session_loop(application app, const limits& l) : loop_(std::move(app), l) {}

session_loop::~session_loop()
{
    loop_.poll();
    requests.clear();
    loop_.poll();
    CHECK(in_use() == 0);
    CHECK(resources().figures().active.value() == 0);
}

limits small_limits()
{
    limits l;
    l.block_size = 4096;
    l.window = 4 * l.block_size;
    l.input_window = 4 * l.block_size;
    l.pool_bytes = 256 * l.block_size;
    return l;
}

// The connection

session_peer::session_peer(session_loop& l) : loop_(l), session_(l.resources(), *this) {}

session_peer::~session_peer()
{
    const detail::turn::scope turn(loop_.resources().turn());
    session_.lost(errc::client_gone);
    unlink();
}

// As the handlers of the driver: from the loop, in a turn.
template <class F>
void session_peer::start_turn(F f)
{
    boost::asio::post(loop_.loop().context(), [this, f] {
        if (closed_)
            return;
        {
            const detail::turn::scope turn(loop_.resources().turn());
            f();
        }
        close_when_finished();
    });
}

template <class F>
void session_peer::in_turn(F f)
{
    start_turn(f);
    settle();
}

void session_peer::send(std::string_view bytes)
{
    inbox_ += bytes;
    in_turn([this] { feed(); });
}

void session_peer::send(const pieces& all)
{
    for (const auto piece : all)
        send(piece);
}

void session_peer::end(bool half_closed)
{
    in_turn([this, half_closed] {
        if (const auto ec = session_.receive_end(half_closed))
            fail(ec);
    });
}

void session_peer::read(std::size_t n)
{
    room = n == everything ? n : room + n;
    settle();
}

void session_peer::settle()
{
    for (;;) {
        loop_.loop().poll();
        if (!blocked_ || room == 0 || closed_)
            return;
        blocked_ = false;
        start_turn([this] { pump(); });
    }
}

void session_peer::check(std::chrono::steady_clock::time_point now)
{
    in_turn([this, now] {
        if (const auto ec = session_.check(now))
            fail(ec);
    });
}

// What `connection` does

void session_peer::feed()
{
    while (unread() > 0 && !closed_ && !session_.finished()) {
        const auto n = std::min({unread(), session_.read_limit(), read_size});
        if (n == 0)
            return;
        // A copy of its own: a sanitizer sees what is read past it or later.
        const auto bytes = std::as_bytes(std::span(inbox_.data() + inbox_at_, n));
        std::vector<std::byte> piece(bytes.begin(), bytes.end());
        inbox_at_ += n;
        if (const auto ec = session_.receive(piece))
            return fail(ec);
        std::vector<std::byte>().swap(piece);
        session_.start_apps();
    }
}

void session_peer::pump()
{
    if (pumping_ || blocked_ || closed_)
        return;
    pumping_ = true;
    for (;;) {
        const auto slices = session_.gather();
        if (slices.empty())
            break;
        if (output_.size() >= breaks_at) {
            session_.lost(errc::client_gone);
            output_ready();
            break;
        }
        const auto count = std::min(slices.size(), most_slices);
        std::size_t total = 0;
        for (const auto slice : slices.first(count))
            total += slice.size();
        const auto n = kernel_takes(total);
        auto left = n;
        for (const auto slice : slices.first(count)) {
            const auto part = std::min(left, slice.size());
            output_.append(reinterpret_cast<const char*>(slice.data()), part);
            left -= part;
        }
        session_.sent(n);
        if (n < total) {
            blocked_ = true;
            break;
        }
        sends_.push_back(total);
        if (session_.finished() || (count == slices.size() && !session_.more_output()))
            break;
    }
    pumping_ = false;
}

std::size_t session_peer::send_now(std::span<const std::byte> bytes)
{
    if (pumping_ || blocked_ || closed_ || output_.size() >= breaks_at)
        return 0;
    const auto n = kernel_takes(bytes.size());
    output_.append(reinterpret_cast<const char*>(bytes.data()), n);
    if (n == bytes.size())
        sends_.push_back(n);
    return n;
}

std::size_t session_peer::kernel_takes(std::size_t offered) noexcept
{
    most_offered_ = std::max(most_offered_, offered);
    const auto n = std::min({offered, take, room, breaks_at - output_.size()});
    if (room != everything)
        room -= n;
    return n;
}

void session_peer::output_ready()
{
    if (!closed_)
        loop_.resources().turn().put_off(*this);
}

void session_peer::input_wanted()
{
    if (!closed_)
        loop_.resources().turn().put_off(*this);
}

void session_peer::run()
{
    if (closed_)
        return;
    pump();
    feed();
    close_when_finished();
}

void session_peer::fail(error_code why)
{
    fault_ = why;
    session_.lost(why.category() == sluice_category() ? why : error_code(errc::client_gone));
}

void session_peer::close_when_finished()
{
    if (closed_ || !session_.finished())
        return;
    closed_ = true;
    lingered_ = session_.input_pending();
    unlink();
    const detail::turn::scope turn(loop_.resources().turn());
    session_.lost(errc::client_gone);
}

} // namespace sluice::test
