// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/loop_resources.hpp>
#include <sluice/outflow.hpp>
#include <sluice/request.hpp>
#include <sluice/request_stream.hpp>
#include <sluice/responder.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice {

/// What carries an exchange: a FastCGI connection, a CGI program's descriptors, a test.
class exchange_host {
public:
    /// Hands what is queued to the kernel as far as it goes without waiting, then as much of `direct` (the
    /// caller's own bytes, not copied) as goes too; says how much of `direct` that was.
    virtual std::size_t send(exchange& x, std::span<const std::byte> direct) = 0;

    /// There is something to send, or the response has ended: to be looked at in this turn.
    virtual void output_ready(exchange& x) = 0;

    /// The app has read some of the body: there is credit again.
    virtual void input_wanted(exchange& x) = 0;

    /// Appends the head in the transport's form; CGI's unless overridden.
    virtual void serialize_head(const response_head& head, std::string& out) const
    {
        serialize_cgi_head(head, out);
    }

protected:
    ~exchange_host() = default;
};

/// What a transport's machine asks of the driver that owns its descriptors.
class session_driver {
public:
    /// Sends: asks the machine for what is ready, hands it to the kernel and reports what went, until nothing is left
    /// or the kernel takes no more. Called from inside an app's write.
    virtual void pump() = 0;

    /// A short way for one piece while nothing else waits to be sent: hands it to the kernel and says how much it took.
    /// 0 when it took none, for whatever reason: `pump` then finds out.
    virtual std::size_t send_now(std::span<const std::byte>) { return 0; }

    /// Something to send turned up: `pump` in this turn.
    virtual void output_ready() = 0;

    /// The machine may take more input now.
    virtual void input_wanted() = 0;

protected:
    ~session_driver() = default;
};

/// One request with its response: where the app's side and the transport's side meet. Holds all rules of the
/// contract that do not depend on the transport, so that they hold on each.
///
///     idle ─open()▶ reading ─admit()──▶ waiting ─start()▶ streaming ─finish()▶ finished ┐
///                                      │ send()─────────────────────────▶ finished ├─ended()/lost()▶ over
///                                      └ no answer: 500 ─────────────────▶ finished │
///                                   streaming ─abort(), exception, dropped▶ aborted ┘
///
/// Sans-I/O but for the executor on which it starts the app.
/// Thread safety: none.
class exchange final : public response_port, public sink {
public:
    enum class phase : unsigned char {
        idle,      ///< not in use
        reading,   ///< the environment is being filled
        waiting,   ///< the app runs, nothing is answered yet
        streaming, ///< the head is out, the body follows
        finished,  ///< the response is complete; what is queued still goes out
        aborted,   ///< the response is given up; what is queued still goes out, then a visible failure
        over,      ///< the transport is done with it
    };

    explicit exchange(loop_resources& r);

    // The transport's side.

    /// Takes the reserve and begins. False when the pool has none left.
    bool open(exchange_host& host, sluice::role r = sluice::role::responder);

    environment& env() noexcept { return env_; }
    const environment& env() const noexcept { return env_; }

    /// The environment is complete: normalizes it and gets ready for the body. `body_follows` is false when there
    /// will be none. False when the request was answered already, because it cannot be served.
    bool admit(bool body_follows);

    /// Starts the app. Precondition: `admit` said true.
    void run();

    request_stream& body() noexcept { return body_; }
    const request_stream& body() const noexcept { return body_; }

    /// A filter's data. Other requests have none: it is empty.
    request_stream& data();

    /// True when the app does not read `in` and cannot write either: the transport that carries both should read on,
    /// or both sides might wait for each other. `limits::spill` bounds it.
    bool stuck(const request_stream& in) const noexcept;
    /// True while the app has not returned.
    bool app_running() const noexcept { return app_running_; }
    /// Calls `f` when the app has returned. Precondition: app_running().
    void when_app_returns(detail::unique_function<void()> f) { app_ended_ = std::move(f); }

    outflow& output() noexcept
    {
        close_put_area();
        return out_;
    }
    phase state() const noexcept { return phase_; }

    /// The kernel took `n` bytes that came from this exchange (head and body, not framing).
    void output_sent(std::size_t n);

    /// The transport looked in the order of things and found nothing to send: the next byte is announced to it again, and
    /// a block that a flush left for it goes back.
    void output_rests() noexcept
    {
        if (!output().empty())
            return;
        announced_ = false;
        out_.trim();
    }

    /// Text for the error stream since the last call; empties it.
    void take_errors(std::string& to);
    bool has_errors() const noexcept { return !errors_.empty(); }

    /// The end of the response has been handed over; `well` is false when it was made to fail.
    void ended();

    /// The transport is gone: the app is told, all blocks go back at once.
    void lost(error_code reason);

    /// Ends a response from outside (shutdown): as `abort`, and the app is told.
    void cancel(error_code reason);

    /// Lets time pass: says true when the client has taken nothing for longer than the limits allow, and the
    /// transport should give the exchange up as lost. To be called every second or so.
    /// Where several exchanges share the transport: `moving`, it has sent something, though perhaps of the others;
    /// `others_stream`, some are not finished, and lost with this one: then it has `write_stall` like them, not `linger`.
    bool stalled(std::chrono::steady_clock::time_point now, bool moving = false, bool others_stream = false);

    /// Set by a transport that carries several exchanges; not used here.
    std::uint16_t transport_id = 0;

    // The app's side: what request, request_body and error_stream stand for.

    std::uint64_t id() const noexcept { return id_; }
    sluice::role role() const noexcept { return role_; }
    loop_resources& resources() const noexcept { return resources_; }
    bool gone() const noexcept { return told_; }
    int sent_status() const noexcept { return sent_status_; }
    /// Why the client did not get all; none while that may still be, and when it did.
    error_code cut_short() const noexcept { return complete_ ? error_code() : error_; }
    void write_error_text(std::string_view text);
    void on_end(detail::unique_function<void()> f);
    void on_failure(detail::unique_function<void(int)> f) { failure_handler_ = std::move(f); }

    /// The app in its coroutine. Destroyed with it, the exchange has nothing to cancel any more.
    class running_app {
    public:
        running_app(exchange_ptr x, detail::app_runner& r) noexcept : x_(std::move(x)) { x_->runner_ = &r; }
        ~running_app() { x_->runner_ = nullptr; }
        running_app(const running_app&) = delete;
        running_app& operator=(const running_app&) = delete;

        task<void> start(responder r) const { return x_->resources_.app()(x_->request_, std::move(r)); }
        void returned(const std::exception_ptr& failure) const { x_->app_returned(failure); }

    private:
        exchange_ptr x_;
    };

    // response_port
    response_head& head() override { return head_; }
    sink_ptr start(error_code& ec, std::string& why) override;
    void send(std::string body, error_code& ec, std::string& why) override;
    void responder_dropped() override;

    // sink
    executor get_executor() const override { return resources_.get_executor(); }
    std::size_t try_write(std::span<const std::byte> bytes, error_code& ec) override;
    std::span<std::byte> prepare(error_code& ec) override;
    void commit(std::size_t n) override;
    bool try_flush(error_code& ec) override;
    bool wait(wait_for what, waiter w) override;
    void cancel_wait() override;
    void complete_soon(detail::unique_function<void()> handler) override;
    void finish(error_code& ec) override;
    void drop_rest() override;
    void abort(error_code reason) override;
    void writer_dropped() override;
    error_code error() const override { return error_; }
    bool wants_body() const override { return !head_only_; }
    std::uint64_t accepted() const override { return accepted_ + bytes_put(); }
    std::uint64_t sent() const override;

private:
    friend request_stream;
    friend detail::request_link;

    struct resume_task final : detail::turn::task {
        explicit resume_task(exchange& x) noexcept : owner(x) {}
        void run() override
        {
            const exchange_ptr keep(&owner); // the app may drop the last handle meanwhile
            owner.resume_writer();
        }
        exchange& owner;
    };

    void unreferenced() noexcept override;
    void reset() noexcept;

    void app_returned(const std::exception_ptr& failure);
    void app_failed(const std::exception_ptr& failure);

    /// Calls a completion handler of the app. One that throws fails its request, and nothing else (R39, R40).
    template <class F>
    void complete(F handler)
    {
        try {
            handler();
        } catch (...) {
            app_failed(std::current_exception());
        }
    }
    void answer_error(int status, std::string_view text);
    void answer_failure(int status, std::string_view text);
    void send_head(error_code& ec, std::string& why);
    void feed_body();
    void announce();
    bool push();
    std::size_t take(std::span<const std::byte> bytes);
    void open_put_area() noexcept;
    void close_put_area() noexcept
    {
        if (put_area_.next)
            count_bytes_put();
    }
    void count_bytes_put() noexcept;
    std::size_t bytes_put() const noexcept
    {
        return put_area_.next ? static_cast<std::size_t>(put_area_.next - out_.room_in_block().data()) : 0;
    }
    bool may_write(error_code& ec) const noexcept;
    bool satisfied(wait_for what) const noexcept;
    void check_waiter();
    void renew_budget() noexcept;
    void want_input()
    {
        if (host_)
            host_->input_wanted(*this);
    }
    void discard_input() noexcept;
    void set_phase(phase next) noexcept;
    void resume_writer();
    void tell(error_code reason);
    void end(std::string_view how);
    void run_end_handlers();
    bool end_if_endless(error_code& ec);
    void end_without_body();
    void log_end(std::string_view how) const;

    loop_resources& resources_;
    exchange_host* host_ = nullptr;
    std::uint64_t id_ = 0;
    sluice::role role_ = sluice::role::responder;
    phase phase_ = phase::idle;
    bool app_running_ = false;
    bool responder_alive_ = false;
    bool writer_alive_ = false;
    bool announced_ = false; ///< the host knows that there is something to send
    bool answered_ = false;  ///< the responder was called
    bool told_ = false;      ///< the app has been told that nobody waits any more
    bool complete_ = false;  ///< the end of the response was handed over, and it is a good one
    bool head_only_ = false; ///< HEAD, a status without body, or `drop_rest`: writes are counted, not sent
    bool is_head_request_ = false;
    bool is_safe_ = false;      ///< GET or HEAD (RFC 9110 section 9.2.1)
    bool wants_direct_ = false; ///< a large write waits for an empty queue
    bool stalling_ = false;

    environment env_;
    request request_;
    response_head head_;
    int sent_status_ = 0; ///< of the head that was sent; `head_` may be filled again, in vain
    outflow out_;
    request_stream body_;
    std::unique_ptr<request_stream> data_; ///< only where there was a filter
    std::string whole_body_;               ///< of a complete response, while it is being sent
    std::size_t whole_body_at_ = 0;
    std::string errors_;
    std::size_t errors_dropped_ = 0;
    std::vector<detail::unique_function<void()>> at_end_;
    detail::unique_function<void(int)> failure_handler_;
    detail::unique_function<void()> app_ended_;
    detail::app_runner* runner_ = nullptr; ///< while the app runs in a coroutine

    error_code error_; ///< why writing is impossible
    std::uint64_t accepted_ = 0, sent_ = 0, head_bytes_ = 0;
    std::optional<std::uint64_t> length_; ///< announced for the response
    std::ptrdiff_t budget_ = 0;           ///< what may still be sent before the loop gets its turn

    wait_for waiting_for_ = wait_for::writable;
    waiter waiter_;
    error_code waiter_result_; ///< operation_aborted when cancelled
    resume_task writer_task_;

    std::chrono::steady_clock::time_point started_, stalled_since_;
    std::uint64_t sent_at_check_ = 0;
};

} // namespace sluice
