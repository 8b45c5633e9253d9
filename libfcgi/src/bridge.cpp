// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/libfcgi/bridge.hpp>

#include "guards.hpp"
#include "input.hpp"
#include "output.hpp"

#include <sluice/cgi/session.hpp>
#include <sluice/fcgi/connection_watch.hpp>
#include <sluice/fcgi/fault.hpp>
#include <sluice/log.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string_view>

#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/socket.h>

namespace sluice::libfcgi {

namespace {

namespace asio = boost::asio;

// A web server that keeps its connection sends the end of the body right behind it; one that has nothing to send
// for so long gets its connection closed instead.
constexpr auto end_patience = std::chrono::milliseconds(200);

// Often enough to keep each time limit within a quarter, seldom enough to cost nothing.
std::chrono::milliseconds check_period_for(const limits& l)
{
    const auto shortest = std::min({l.request_idle, l.write_stall, l.linger});
    return std::clamp<std::chrono::milliseconds>(shortest / 4, std::chrono::milliseconds(10),
                                                 std::chrono::seconds(1));
}

// One request at a time needs no more: a response, a body, a filter's data, and a block over for each.
limits limits_of_one(limits l)
{
    l.pool_bytes = std::min(l.pool_bytes, l.window + 2 * l.input_window + 3 * l.block_size);
    return l;
}

service_facts facts_of(const bridge_options& o)
{
    service_facts f;
    f.transport = "fastcgi";
    f.multithread = o.multithread;
    f.multiprocess = o.multiprocess;
    f.nonblocking = false;
    return f;
}

// libfcgi puts a variable of its own in front; other transports have none such.
const char* const* variables_of(const FCGX_Request& r)
{
    const bool has_role = *r.envp && std::string_view(*r.envp).starts_with("FCGI_ROLE=");
    return r.envp + (has_role ? 1 : 0);
}

} // namespace

/// The driver: moves bytes between libfcgi's streams and the machine of a CGI request.
///
/// libfcgi's calls block. They are made when the connection says that they need not wait; what waits is this loop.
class bridge::impl final : public session_driver, public fcgi::watched_connection, public detail::turn::task {
public:
    impl(application app, const bridge_options& o)
    {
        resources_.emplace(context_.get_executor(), std::move(app), limits_of_one(o.limits), o.normalize,
                           facts_of(o), [this] { asio::post(context_, [this] { next_turn(); }); });
        resources_->runners().keep(1);
        if (o.statistics)
            resources_->all_statistics = o.statistics;
        watch_.emplace(context_, resources_->turn());
    }

    ~impl()
    {
        resources_->turn().run();
        resources_->runners().keep(0); // they hold work of the context, which goes before them
    }

    bool answer(FCGX_Request& r)
    {
        const sigpipe_guard no_signal;
        time_limit_guard read_limit(r.ipcFd, SO_RCVTIMEO, limits().request_idle);
        time_limit_guard write_limit(r.ipcFd, SO_SNDTIMEO, limits().write_stall);
        begin(r);
        run_loop();
        number_.fetch_add(1); // nothing left to cancel
        if (watched_)
            watch_->remove(r.ipcFd);
        waitable_.reset();
        const bool well = !session_->failed();
        session_.reset();
        if (!well || must_close_) {
            static char* no_variables[] = {nullptr};
            FCGX_Free(&r, 1);
            r.envp = no_variables;
            read_limit.dismiss();
            write_limit.dismiss();
        }
        return well;
    }

    void cancel()
    {
        asio::post(context_, [this, n = number_.load()] {
            if (n != number_.load() || !session_)
                return;
            {
                const detail::turn::scope turn(resources_->turn());
                session_->cancel(errc::shutting_down);
            }
            settle();
        });
    }

    executor get_executor() { return context_.get_executor(); }

    void add_to(statistics& s) const noexcept { resources_->add_to(s); }

    // session_driver

    // A record at a time: what fits into libfcgi's buffer, written when the connection has room for it.
    void pump() override
    {
        if (blocked_ || pumping_ || closed_)
            return;
        pumping_ = true;
        while (!session_->finished()) {
            const auto slices = session_->gather();
            if (slices.empty() && !session_->ends_with(0))
                break;
            if (!output_->has_room()) {
                wait_for_room();
                output_ready(); // the session may want to read on now (`exchange::stuck`)
                break;
            }
            const auto n = output_->put(slices);
            if (!(session_->ends_with(n) && may_end() ? end_streams() : output_->flush())) {
                session_->lost(output_->timed_out() ? errc::write_stalled : errc::client_gone);
                output_ready(); // to be ended at the end of the turn
                break;
            }
            session_->sent(n);
        }
        pumping_ = false;
    }

    void output_ready() override { resources_->turn().put_off(*this); }
    void input_wanted() override { resources_->turn().put_off(*this); }

    // watched_connection: seen once, perhaps before all of the body has been read.
    void peer_gone() override
    {
        peer_gone_ = true;
        resources_->turn().put_off(*this);
    }

private:
    const sluice::limits& limits() const noexcept { return resources_->limits(); }

    void begin(FCGX_Request& r)
    {
        number_.fetch_add(1);
        request_ = &r;
        input_.emplace(r);
        output_.emplace(r);
        blocked_ = pumping_ = reading_ = input_over_ = in_data_ = false;
        watched_ = awaits_abort_ = peer_gone_ = false;
        streams_ended_ = closed_ = connection_done_ = must_close_ = done_ = false;
        skipped_ = 0;
        error_text_.clear();
        last_input_ = std::chrono::steady_clock::now();
        session_.emplace(*resources_, *this);
        {
            const detail::turn::scope turn(resources_->turn());
            session_->begin(variables_of(r), static_cast<sluice::role>(r.role),
                            cgi::session::body_end::marked);
            read();
            output_ready();
        }
        settle();
    }

    void run_loop()
    {
        context_.restart();
        while (!done_) {
            try {
                if (context_.poll_one() > 0)
                    continue;
                prepare_to_wait();
                context_.run_one();
            } catch (const std::exception& e) {
                // Thrown by a handler that an app posted itself: no request's, so nothing is lost by going on.
                log::error("a handler of the app threw: {}", e.what());
            }
        }
    }

    void next_turn()
    {
        resources_->turn().run();
        settle();
    }

    // turn::task: something was put off.
    void run() override
    {
        if (!session_ || closed_)
            return;
        write_errors();
        pump();
        if (!blocked_)
            session_->sent(0); // a response that failed with nothing left to send ends here
        read();
        settle();
    }

    // For what waits for something of this request, and not of one that is over.
    template <class F>
    auto when_ready(F f)
    {
        return [this, n = number_.load(), f](const error_code& ec) {
            if (ec || n != number_.load())
                return;
            {
                const detail::turn::scope turn(resources_->turn());
                f();
            }
            settle();
        };
    }

    // Waits on a copy of the connection, which is libfcgi's to close. Asio makes what it waits for non-blocking,
    // and with the copy the connection itself: libfcgi takes that for an error.
    template <class F>
    void wait_until(asio::posix::descriptor_base::wait_type what, F f)
    {
        if (!waitable_)
            waitable_.emplace(context_, ::fcntl(request_->ipcFd, F_DUPFD_CLOEXEC, 3));
        waitable_->async_wait(what, when_ready(f));
        waitable_->native_non_blocking(false);
    }

    // Output

    bool end_streams()
    {
        streams_ended_ = true;
        put_errors();
        return output_->end();
    }

    void write_errors()
    {
        if (fetch_errors() && !blocked_ && output_->has_room()) {
            put_errors();
            output_->flush_errors();
        }
    }

    void put_errors()
    {
        if (fetch_errors())
            output_->put_error_text(error_text_);
        error_text_.clear();
    }

    bool fetch_errors()
    {
        if (error_text_.empty())
            session_->take_errors(error_text_);
        return !error_text_.empty();
    }

    void wait_for_room()
    {
        blocked_ = true;
        wait_until(asio::posix::descriptor_base::wait_write, [this] {
            blocked_ = false;
            run();
        });
    }

    // Input

    // What the body's end leaves unread is thrown away where it comes at once: a connection can be kept only then.
    bool skipping() const noexcept { return !session_->input_open(); }

    void read()
    {
        while (!reading_ && !input_over_) {
            const auto room = session_->read_limit(blocked_);
            if (room == 0 && !skipping())
                return;
            switch (input_->look()) {
            case input::state::bytes: take(room); break;
            case input::state::nothing: return read_later();
            case input::state::end:
                session_->receive_end();
                start_data();
                break;
            case input::state::broken: return on_broken_input();
            }
        }
    }

    void start_data()
    {
        input_over_ = request_->role != static_cast<int>(role::filter) || in_data_ || !input_->start_data();
        if (input_over_)
            return;
        in_data_ = true;
        session_->begin_data();
    }

    // `room` 0: nobody wants it.
    void take(std::size_t room)
    {
        auto bytes = input_->bytes();
        if (room == 0) {
            skipped_ += bytes.size();
            input_over_ = must_close_ = skipped_ > limits().discard;
        } else {
            bytes = bytes.first(std::min(bytes.size(), room));
            session_->receive(bytes);
        }
        input_->consume(bytes.size());
        last_input_ = std::chrono::steady_clock::now();
    }

    void read_later()
    {
        reading_ = true;
        wait_until(asio::posix::descriptor_base::wait_read, [this] {
            reading_ = false;
            read();
        });
    }

    void on_broken_input()
    {
        input_over_ = must_close_ = true;
        if (closed_)
            return;
        if (input_->peer_reads_on())
            session_->receive_end(true);
        else
            session_->lost(errc::client_gone);
        output_ready();
    }

    // Once the input has been read to its end, what can still come is FCGI_ABORT_REQUEST, or the end of the
    // connection.
    void wait_for_abort()
    {
        wait_until(asio::posix::descriptor_base::wait_read, [this] {
            if (!closed_ && input_->abort_has_come())
                session_->lost(errc::client_gone);
        });
    }

    // Waiting

    void prepare_to_wait()
    {
        if (!std::exchange(watched_, true))
            watch_->add(*this, request_->ipcFd);
        if (input_over_ && !std::exchange(awaits_abort_, true))
            wait_for_abort();
        if (!std::exchange(checking_, true))
            check_later();
    }

    void check_later()
    {
        check_timer_.expires_after(check_period_for(limits()));
        check_timer_.async_wait([this](const error_code&) {
            checking_ = false;
            if (!session_ || closed_)
                return;
            const auto now = std::chrono::steady_clock::now();
            if (const auto why = session_->check(now)) {
                log::warning("ended: {}", why.message());
                session_->lost(why);
            } else if (!reading_ || !session_->reading()) {
                last_input_ = now;
            } else if (now - last_input_ >= limits().request_idle) {
                log::warning(
                    "ended: the web server sends no more of a request's body (limits::request_idle)");
                session_->lost(errc::body_incomplete);
            }
            settle();
        });
    }

    // Ending

    // After whatever happened: is the response over?
    void settle()
    {
        if (!session_)
            return;
        if (peer_gone_ && !reading_ && !session_->finished()) {
            const detail::turn::scope turn(resources_->turn());
            session_->lost(errc::client_gone);
        }
        if (session_->finished() && !std::exchange(closed_, true))
            end();
        if (closed_ && input_over_ && !session_->failed())
            finish();
    }

    void end()
    {
        if (session_->app_running())
            session_->when_app_returns([this] { end_if_done(); });
        if (session_->failed())
            return fail();
        if (streams_ended_)
            return end_connection_use();
        pause(end_patience, [this] {
            must_close_ = true;
            finish();
        });
        read();
    }

    // On a connection that is kept the next request is to be found behind the end of this one's input. Nothing may
    // be read once END_REQUEST is out: libfcgi would read, and forget, what follows it.
    bool may_end()
    {
        if (!request_->keepConnection)
            return true;
        for (auto state = input_->look(); !input_over_ && state != input::state::nothing;
             state = input_->look()) {
            if (state == input::state::bytes)
                take(0);
            else if (state == input::state::end)
                start_data();
            else
                input_over_ = must_close_ = true;
        }
        if (input_over_ ||
            request_->role == static_cast<int>(role::authorizer)) // which may have no STDIN at all
            return true;
        must_close_ = session_->misses_input();
        return must_close_;
    }

    void finish()
    {
        if (!streams_ended_)
            end_streams();
        end_connection_use();
    }

    // END_REQUEST would make it look whole. Without it, and with a record that nobody knows, it fails wherever that
    // can be shown; the connection is closed by `answer`.
    void fail()
    {
        must_close_ = true;
        if (peer_gone_ || output_->broken())
            return end_connection_use();
        output_->send_fault();
        pause(fcgi::fault_pause, [this] {
            output_->shut_down();
            end_connection_use();
        });
    }

    template <class F>
    void pause(std::chrono::milliseconds most, F then)
    {
        pause_timer_.expires_after(most);
        pause_timer_.async_wait(when_ready([this, then] {
            if (connection_done_)
                return;
            then();
        }));
    }

    void end_connection_use()
    {
        connection_done_ = true;
        pause_timer_.cancel();
        end_if_done();
    }

    void end_if_done() { done_ = connection_done_ && !session_->app_running(); }

    // Before the context: apps that still wait when it goes live in its handlers, and give their exchanges back
    // then.
    std::optional<loop_resources> resources_;
    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
    asio::steady_timer check_timer_{context_}, pause_timer_{context_};
    std::optional<fcgi::connection_watch> watch_;
    std::atomic<unsigned> number_{0}; ///< changes when a request begins and when it ends

    // Of the request under way.
    FCGX_Request* request_ = nullptr;
    std::optional<input> input_;
    std::optional<output> output_;
    std::optional<cgi::session> session_;
    std::optional<asio::posix::stream_descriptor> waitable_;
    std::string error_text_;
    std::uint64_t skipped_ = 0;
    std::chrono::steady_clock::time_point last_input_;
    bool blocked_ = false, pumping_ = false, reading_ = false, input_over_ = false, in_data_ = false;
    bool watched_ = false, awaits_abort_ = false, checking_ = false, peer_gone_ = false;
    bool streams_ended_ = false;   ///< END_REQUEST is out
    bool closed_ = false;          ///< the response is over
    bool connection_done_ = false; ///< and nothing more is wanted of its connection
    bool must_close_ = false;      ///< the connection cannot carry another request
    bool done_ = false;            ///< and the app has returned
};

bridge::bridge(application app, const bridge_options& options)
    : impl_(std::make_unique<impl>(std::move(app), options))
{}

bridge::~bridge() = default;

bool bridge::answer(FCGX_Request& request)
{
    return impl_->answer(request);
}

void bridge::cancel()
{
    impl_->cancel();
}

executor bridge::get_executor() const
{
    return impl_->get_executor();
}

statistics bridge::stats() const
{
    statistics s;
    add_to(s);
    return s;
}

void bridge::add_to(statistics& s) const noexcept
{
    impl_->add_to(s);
}

} // namespace sluice::libfcgi
