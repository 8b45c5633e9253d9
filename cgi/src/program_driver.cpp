// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/program.hpp>

#include <sluice/cgi/session.hpp>
#include <sluice/log.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

extern char** environ;

namespace sluice::cgi {

namespace {

namespace asio = boost::asio;

constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t max_iovecs = 16;
constexpr auto check_period = std::chrono::seconds(1);

// A web server that has a body to deliver does so at once; one that sends nothing for so long has none.
constexpr auto unread_patience = std::chrono::milliseconds(500);

// A descriptor somebody else may share: non-blocking as long as this lives. Files and the like, which cannot be waited for
// and never make one wait, have no `wait` side; a terminal has one if it is non-blocking already.
class borrowed_descriptor {
public:
    borrowed_descriptor(asio::io_context& context, int fd) : fd_(fd), flags_(::fcntl(fd, F_GETFL))
    {
        struct stat st {};
        if (::fstat(fd, &st) != 0)
            return;
        const bool may_wait = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
                              (S_ISCHR(st.st_mode) && (flags_ & O_NONBLOCK) != 0);
        if (!may_wait)
            return;
        const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
            return;
        waitable_.emplace(context, copy);
        if ((flags_ & O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFL, flags_ | O_NONBLOCK) == 0)
            restore_ = true;
    }
    borrowed_descriptor(const borrowed_descriptor&) = delete;
    borrowed_descriptor& operator=(const borrowed_descriptor&) = delete;
    ~borrowed_descriptor() { restore(); }

    void restore() noexcept
    {
        if (std::exchange(restore_, false))
            ::fcntl(fd_, F_SETFL, flags_);
    }

    int fd() const noexcept { return fd_; }
    asio::posix::stream_descriptor* waitable() noexcept { return waitable_ ? &*waitable_ : nullptr; }
    void stop_waiting() { waitable_.reset(); }

private:
    int fd_;
    int flags_;
    bool restore_ = false;
    std::optional<asio::posix::stream_descriptor> waitable_;
};

service_facts facts_of_cgi()
{
    service_facts f;
    f.transport = "cgi";
    f.multiprocess = true;
    f.run_once = true;
    return f;
}

} // namespace

class program::impl final : public session_driver, public detail::turn::task {
public:
    impl(application app, const limits& l, const normalize_options& normalize, const program_io& io) : io_(io)
    {
        resources_.emplace(context_.get_executor(), std::move(app), l, normalize, facts_of_cgi(), [this] {
            asio::post(context_, [this] {
                resources_->turn().run();
                settle();
            });
        });
        in_.emplace(context_, io.in);
        out_.emplace(context_, io.out);
        session_.emplace(*resources_, *this);
    }

    int serve()
    {
        {
            const detail::turn::scope turn(resources_->turn());
            session_->begin(io_.variables ? io_.variables : environ);
            read();
        }
        watch_client();
        check_later();
        settle();
        context_.run();
        return session_->failed() ? 1 : 0;
    }

    executor get_executor() { return context_.get_executor(); }

    void terminate()
    {
        asio::post(context_, [this] {
            {
                const detail::turn::scope turn(resources_->turn());
                session_->lost(errc::client_gone);
            }
            settle();
            discard_left_ = 0;
            if (!discarded_)
                in_->waitable()->cancel();
        });
    }

    // session_driver
    void pump() override
    {
        if (blocked_ || pumping_ || closed_)
            return;
        pumping_ = true;
        for (;;) {
            const auto slices = session_->gather();
            if (slices.empty())
                break;
            std::array<iovec, max_iovecs> vectors;
            const auto count = std::min(slices.size(), vectors.size());
            std::size_t total = 0;
            for (std::size_t i = 0; i < count; ++i) {
                vectors[i] = {const_cast<std::byte*>(slices[i].data()), slices[i].size()};
                total += slices[i].size();
            }
            const auto n = ::writev(out_->fd(), vectors.data(), static_cast<int>(count));
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
                session_->lost(errc::client_gone);
                resources_->turn().put_off(*this); // to be ended at the end of the turn
                break;
            }
            if (n > 0)
                session_->sent(static_cast<std::size_t>(n));
            if (n < 0 || static_cast<std::size_t>(n) < total) {
                wait_for_room();
                resources_->turn().put_off(*this); // the session may want to read on now (`exchange::stuck`)
                break;
            }
        }
        pumping_ = false;
    }

    void output_ready() override { resources_->turn().put_off(*this); }
    void input_wanted() override { resources_->turn().put_off(*this); }

private:
    // turn::task: something was put off.
    void run() override
    {
        if (closed_)
            return;
        write_errors();
        pump();
        session_->sent(0); // a response with nothing left to send ends here
        read();
        settle();
    }

    void wait_for_room()
    {
        blocked_ = true;
        // A regular file that takes no more (a full disk, a limit) reports an error on the next try.
        if (!out_->waitable()) {
            blocked_ = false;
            return resources_->turn().put_off_to_next(*this);
        }
        out_->waitable()->async_wait(asio::posix::descriptor_base::wait_write, [this](const error_code& ec) {
            blocked_ = false;
            if (ec)
                return;
            {
                const detail::turn::scope turn(resources_->turn());
                pump();
            }
            settle();
        });
    }

    // stderr may be a pipe that nobody empties, and must not hold the output up: what it does not take now waits here, and
    // what comes after it in the exchange, which drops what is over the limit.
    void write_errors()
    {
        for (;;) {
            if (error_text_.empty())
                session_->take_errors(error_text_);
            if (error_text_.empty())
                return;
            pollfd p{io_.err, POLLOUT, 0};
            if (::poll(&p, 1, 0) != 1 || (p.revents & POLLOUT) == 0)
                return;
            const auto n = ::write(io_.err, error_text_.data(),
                                   std::min<std::size_t>(error_text_.size(), 4096)); // PIPE_BUF
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
                return;
            if (n < 0)
                error_text_.clear(); // nobody will ever read it
            else
                error_text_.erase(0, static_cast<std::size_t>(n));
        }
    }

    void read()
    {
        if (reading_ || end_of_input_)
            return;
        for (;;) {
            const auto room = std::min(session_->read_limit(blocked_), buffer_.size());
            if (room == 0)
                return;
            const auto n = ::read(in_->fd(), buffer_.data(), room);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && in_->waitable())
                break;
            if (n <= 0) {
                end_of_input_ = true;
                return session_->receive_end();
            }
            session_->receive(std::span(buffer_).first(static_cast<std::size_t>(n)));
        }
        reading_ = true;
        in_->waitable()->async_wait(asio::posix::descriptor_base::wait_read, [this](const error_code& ec) {
            reading_ = false;
            if (ec || closed_)
                return;
            {
                const detail::turn::scope turn(resources_->turn());
                read();
            }
            settle();
        });
    }

    // A pipe or socket whose other end was closed says so without being written to.
    void watch_client()
    {
        if (closed_ || !out_->waitable())
            return;
        out_->waitable()->async_wait(asio::posix::descriptor_base::wait_error, [this](const error_code& ec) {
            if (ec)
                return;
            {
                const detail::turn::scope turn(resources_->turn());
                session_->lost(errc::client_gone);
            }
            settle();
        });
    }

    void check_later()
    {
        check_timer_.expires_after(check_period);
        check_timer_.async_wait([this](const error_code& ec) {
            if (ec || closed_)
                return;
            write_errors();
            if (const auto why = session_->check(std::chrono::steady_clock::now())) {
                log::warning("ended: {}", why.message());
                const detail::turn::scope turn(resources_->turn());
                session_->lost(why);
            }
            settle();
            if (!closed_)
                check_later();
        });
    }

    void settle()
    {
        if (!session_->finished() || closed_)
            return;
        closed_ = true;
        // The web server is to see the end now, though the app may have more to do.
        out_->stop_waiting();
        out_->restore();
        write_errors();
        if (const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC); null >= 0) {
            ::dup2(null, io_.out);
            ::close(null);
        }
        // Whoever has gone, or made an end of us, sends no more.
        discard_left_ = session_->failed() ? 0 : std::min(session_->unread(), resources_->limits().discard);
        if (session_->app_running())
            session_->when_app_returns([this] { stop_if_done(); });
        discard();
    }

    // Apache gives a client up when its body cannot be delivered, though the response is there: what the app has not read is
    // thrown away, within limits.
    void discard()
    {
        for (;;) {
            const auto room =
                static_cast<std::size_t>(std::min<std::uint64_t>(discard_left_, buffer_.size()));
            const auto n = room > 0 && !end_of_input_ ? ::read(in_->fd(), buffer_.data(), room) : 0;
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && in_->waitable() && !body_is_late_)
                break;
            if (n <= 0) {
                in_->stop_waiting();
                in_->restore();
                discarded_ = true;
                return stop_if_done();
            }
            discard_left_ -= static_cast<std::size_t>(n);
        }
        patience_timer_.expires_after(unread_patience);
        patience_timer_.async_wait([this](const error_code& ec) {
            if (ec || !in_->waitable())
                return;
            body_is_late_ = true;
            in_->waitable()->cancel();
        });
        in_->waitable()->async_wait(asio::posix::descriptor_base::wait_read,
                                    [this](const error_code&) { discard(); });
    }

    void stop_if_done()
    {
        if (discarded_ && !session_->app_running())
            context_.stop();
    }

    program_io io_;
    std::optional<loop_resources> resources_;
    asio::io_context context_{1};
    asio::steady_timer check_timer_{context_}, patience_timer_{context_};
    std::optional<borrowed_descriptor> in_, out_;
    std::optional<session> session_;
    std::array<std::byte, read_size> buffer_;
    std::string error_text_;
    bool blocked_ = false, pumping_ = false, reading_ = false, end_of_input_ = false, closed_ = false,
         discarded_ = false, body_is_late_ = false;
    std::uint64_t discard_left_ = 0;
};

program::program(application app, const limits& l, const normalize_options& normalize, const program_io& io)
    : impl_(std::make_unique<impl>(std::move(app), l, normalize, io))
{}

program::~program() = default;

bool program::is_cgi(int in) noexcept
{
    int listening = 0;
    socklen_t size = sizeof listening;
    const bool is_listener =
        ::getsockopt(in, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
    return std::getenv("GATEWAY_INTERFACE") != nullptr && !is_listener;
}

int program::run()
{
    return impl_->serve();
}

void program::terminate()
{
    impl_->terminate();
}

executor program::get_executor() const
{
    return impl_->get_executor();
}

} // namespace sluice::cgi
