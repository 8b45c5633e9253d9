// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "connection.hpp"

#include "loop.hpp"

#include <sluice/fcgi/errc.hpp>
#include <sluice/fcgi/fault.hpp>
#include <sluice/log.hpp>

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace sluice::fcgi {

namespace {

// Reads of one connection before the others get their turn.
constexpr int reads_a_turn = 8;
constexpr std::size_t max_iovecs = 64;
constexpr int send_flags = MSG_DONTWAIT | MSG_NOSIGNAL;

// As sendmsg; `total` is what was offered. One slice, as a small answer is, goes without a message header to copy.
ssize_t send_slices(int fd, std::span<const std::span<const std::byte>> slices, std::size_t& total) noexcept
{
    if (slices.size() == 1) {
        total = slices[0].size();
        return ::send(fd, slices[0].data(), total, send_flags);
    }
    std::array<iovec, max_iovecs> vectors;
    const auto count = std::min(slices.size(), vectors.size());
    total = 0;
    for (std::size_t i = 0; i < count; ++i) {
        vectors[i] = {const_cast<std::byte*>(slices[i].data()), slices[i].size()};
        total += slices[i].size();
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return ::sendmsg(fd, &message, send_flags);
}

error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

} // namespace

connection::connection(loop& l, int fd)
    : loop_(l), session_(l.resources(), *this), fd_(fd), socket_(l.context())
{}

connection::~connection()
{
    if (fd_ >= 0 && !registered_)
        ::close(fd_);
}

// Registered with the reactor only when there is something to wait for: a request that is there when the connection is
// accepted and answered at once never is.
boost::asio::generic::stream_protocol::socket& connection::socket()
{
    if (!registered_) {
        int domain = 0;
        socklen_t size = sizeof domain;
        ::getsockopt(fd_, SOL_SOCKET, SO_DOMAIN, &domain, &size);
        socket_.assign(boost::asio::generic::stream_protocol(domain, 0), fd_);
        registered_ = true;
    }
    return socket_;
}

void connection::start()
{
    {
        const detail::turn::scope turn(loop_.resources().turn());
        more_likely_ = true;
        read_now();
    }
    settle();
}

// Input

void connection::read_now()
{
    for (int i = 0; i < reads_a_turn && more_likely_ && fd_ >= 0 && !end_of_input_; ++i) {
        const auto room =
            loop_.read_buffer().first(std::min(session_.read_limit(blocked_), loop_.read_buffer().size()));
        if (room.empty())
            return;
        const auto n = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                more_likely_ = false;
            else
                fail(last_error());
            return;
        }
        if (n == 0)
            return on_end_of_input();
        more_likely_ = static_cast<std::size_t>(n) == room.size();
        if (!take(room.first(static_cast<std::size_t>(n))))
            return;
    }
}

void connection::read_later()
{
    if (reading_ || end_of_input_ || fd_ < 0)
        return;
    const auto room = std::min(session_.read_limit(blocked_), first_bytes_.size());
    if (room == 0)
        return;
    reading_ = true;
    socket().async_receive(
        boost::asio::buffer(first_bytes_.data(), room),
        [self = connection_ptr(this)](const error_code& ec, std::size_t n) { self->on_readable(ec, n); });
}

void connection::on_readable(const error_code& ec, std::size_t n)
{
    reading_ = false;
    if (fd_ < 0)
        return;
    if (lingering_)
        return discard();
    {
        const detail::turn::scope turn(loop_.resources().turn());
        if (ec == boost::asio::error::eof) {
            on_end_of_input();
        } else if (ec) {
            fail(ec);
        } else if (take(std::span(first_bytes_).first(n))) {
            more_likely_ = n == first_bytes_.size();
            read_now();
        }
    }
    settle();
}

// Gives bytes to the session; false when the connection did not survive them.
bool connection::take(std::span<const std::byte> bytes)
{
    if (const auto ec = session_.receive(bytes)) {
        fail(ec);
        return false;
    }
    session_.start_apps();
    return fd_ >= 0 && !session_.finished();
}

void connection::on_end_of_input()
{
    end_of_input_ = true;
    more_likely_ = false;
    // A unix socket tells a peer that only stopped sending from one that is gone. On TCP both are a FIN, and
    // web servers do not half-close.
    pollfd p{fd_, 0, 0};
    int domain = 0;
    socklen_t size = sizeof domain;
    const bool half_closed = ::getsockopt(fd_, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
                             domain == AF_UNIX && ::poll(&p, 1, 0) == 0;
    if (const auto ec = session_.receive_end(half_closed))
        return fail(ec);
    if (half_closed && !session_.idle())
        socket().async_wait(boost::asio::socket_base::wait_error,
                            [self = connection_ptr(this)](const error_code& ec) {
                                if (!ec && self->fd_ >= 0) {
                                    {
                                        const detail::turn::scope turn(self->loop_.resources().turn());
                                        self->session_.lost(sluice::errc::client_gone);
                                    }
                                    self->settle();
                                }
                            });
}

// True while no read is under way and none may be: the end of the input would not be seen.
bool connection::reading_waits() const noexcept
{
    return !reading_ && !end_of_input_ && session_.read_limit(blocked_) == 0;
}

void connection::peer_gone()
{
    peer_gone_ = true;
    if (fd_ < 0 || lingering_ || !reading_waits())
        return; // reading finds the end itself, or `settle` this
    {
        const detail::turn::scope turn(loop_.resources().turn());
        end_of_input_ = true;
        more_likely_ = false;
        session_.lost(sluice::errc::client_gone);
    }
    settle();
}

void connection::input_wanted()
{
    if (fd_ >= 0 && !reading_)
        loop_.resources().turn().put_off(*this);
}

// Output

void connection::pump()
{
    if (pumping_ || blocked_ || fd_ < 0)
        return;
    pumping_ = true;
    for (;;) {
        const auto slices = session_.gather();
        if (slices.empty())
            break;
        const bool all = slices.size() <= max_iovecs;
        std::size_t total = 0;
        const auto n = send_slices(fd_, slices, total);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            log::trace("connection {}: {}", fd_, last_error().message());
            session_.lost(sluice::errc::client_gone);
            output_ready(); // to be closed at the end of the turn
            break;
        }
        if (n > 0)
            session_.sent(static_cast<std::size_t>(n));
        if (n < 0 || static_cast<std::size_t>(n) < total) {
            blocked_ = true;
            socket().async_wait(boost::asio::socket_base::wait_write,
                                [self = connection_ptr(this)](const error_code&) { self->on_writable(); });
            output_ready(); // the session may want to read on now (`exchange::stuck`)
            break;
        }
        if (session_.finished() || (all && !session_.more_output()))
            break;
    }
    pumping_ = false;
}

std::size_t connection::send_now(std::span<const std::byte> bytes)
{
    if (pumping_ || blocked_ || fd_ < 0)
        return 0;
    const auto n = ::send(fd_, bytes.data(), bytes.size(), send_flags);
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

void connection::output_ready()
{
    if (fd_ >= 0)
        loop_.resources().turn().put_off(*this);
}

void connection::on_writable()
{
    blocked_ = false;
    if (fd_ < 0)
        return;
    {
        const detail::turn::scope turn(loop_.resources().turn());
        pump();
    }
    settle();
}

// Life

// Runs in a turn when something was put off: sends what turned up, goes on reading.
void connection::run()
{
    const connection_ptr keep(this);
    if (fd_ < 0)
        return;
    pump();
    if (std::exchange(polls_, false) && !reading_ && !lingering_)
        more_likely_ = more_likely_ || loop_.busy_poll().look(fd_);
    if (more_likely_ && !reading_ && !lingering_)
        read_now();
    settle();
}

// After whatever happened: close, or see that the next read is under way.
void connection::settle()
{
    if (fd_ < 0 || lingering_ || detail::turn::task::is_linked())
        return; // `run` comes here again
    if (session_.finished()) {
        if (session_.faulted() && !end_of_input_) {
            if (!fault_pause_) {
                fault_pause_.emplace(loop_.context(), fault_pause);
                fault_pause_->async_wait([self = connection_ptr(this)](const error_code&) {
                    if (self->fd_ >= 0)
                        self->session_.input_pending() ? self->linger() : self->close();
                });
            }
            return;
        }
        if (session_.input_pending() && !end_of_input_)
            return linger();
        return close();
    }
    if (reading_waits() && !session_.finished()) {
        if (peer_gone_)
            return peer_gone();
        if (!std::exchange(watched_, true))
            loop_.watch().add(*this, fd_);
    }
    if (!more_likely_ && !reading_ && !end_of_input_ && session_.idle() && loop_.busy_poll_due()) {
        polls_ = true;
        loop_.resources().turn().put_off_to_next(*this); // what else is ready goes first
    } else if (!more_likely_)
        read_later();
    else if (session_.read_limit(blocked_) > 0)
        loop_.resources().turn().put_off_to_next(*this);
}

void connection::fail(error_code why)
{
    // A web server that just closes or resets is daily business; one that breaks the protocol is not.
    if (why.category() == fcgi_category())
        log::warning("connection {} closed: {}", fd_, why.message());
    session_.lost(why == errc::request_idle ? why : error_code(sluice::errc::client_gone));
}

// The peer may still be sending a body that nobody reads. Closing now would make the kernel answer with a reset, which
// can overtake the response: so say that we are done, and throw the rest away, within limits.
void connection::linger()
{
    lingering_ = true;
    ::shutdown(fd_, SHUT_WR);
    linger_until_ = std::chrono::steady_clock::now() + loop_.resources().limits().linger;
    discard();
}

void connection::discard()
{
    const auto& limits = loop_.resources().limits();
    const auto room = loop_.read_buffer();
    for (int i = 0; i < reads_a_turn; ++i) {
        if (discarded_ > limits.discard)
            return close();
        const auto n = ::recv(fd_, room.data(), room.size(), MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0)
            return close();
        discarded_ += static_cast<std::size_t>(n);
    }
    if (reading_)
        return;
    reading_ = true;
    socket().async_receive(boost::asio::buffer(first_bytes_),
                           [self = connection_ptr(this)](const error_code& ec, std::size_t n) {
                               self->discarded_ += n;
                               self->reading_ = false;
                               if (self->fd_ >= 0)
                                   ec ? self->close() : self->discard();
                           });
}

void connection::drain()
{
    const connection_ptr keep(this);
    if (session_.idle() && !lingering_) {
        // A request that is here already, unread, would be lost with the connection.
        const detail::turn::scope turn(loop_.resources().turn());
        more_likely_ = true;
        read_now();
    }
    session_.drain();
    settle();
}

void connection::cancel(error_code reason)
{
    const connection_ptr keep(this);
    {
        const detail::turn::scope turn(loop_.resources().turn());
        session_.cancel(reason);
        pump();
    }
    settle();
}

void connection::check(std::chrono::steady_clock::time_point now)
{
    if (lingering_) {
        if (now >= linger_until_)
            close();
        return;
    }
    if (const auto ec = session_.check(now)) {
        {
            const detail::turn::scope turn(loop_.resources().turn());
            if (ec == errc::request_idle) {
                // It may only be the body that stopped: a response under way must not look whole.
                session_.cancel(ec);
                pump();
                fail(ec);
            } else {
                log::warning("connection {} closed: {}", fd_, ec.message());
                session_.lost(ec);
            }
        }
        settle();
    } else if (session_.finished()) {
        settle();
    }
}

void connection::close()
{
    if (fd_ < 0)
        return;
    const connection_ptr keep(this);
    session_.lost(sluice::errc::client_gone);
    detail::turn::task::unlink();
    if (watched_)
        loop_.watch().remove(fd_);
    if (registered_) {
        error_code ignored;
        socket_.close(ignored);
    } else {
        ::close(fd_);
    }
    fd_ = -1;
    loop_.closed(*this);
}

} // namespace sluice::fcgi
