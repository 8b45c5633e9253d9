// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "fuzz/fuzz.hpp"
#include "fuzz/session_model.hpp"

#include <sluice/fcgi/session.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::fuzz {

/// Reads a request's body or data for an app, and checks what comes.
class stream_reader {
public:
    stream_reader(peer_request_ptr peer, bool is_data) : peer_(std::move(peer)), is_data_(is_data) {}

    /// `bytes` came of `asked`; none: the end, or nothing was asked for.
    void got(std::string_view bytes, std::size_t asked);
    void failed(error_code why) const;
    std::size_t unread() const;

    std::string buffer;    ///< of the read that is pending
    bool reading = false;  ///< one is
    bool given_up = false; ///< what is left of it comes no more

private:
    peer_request_ptr peer_;
    bool is_data_;
    std::size_t so_far_ = 0;
};

/// One request of which the script plays the app.
class played_app {
public:
    played_app(request& r, responder respond, unsigned number, app_run& run, peer_request_ptr peer);

    bool alive() const noexcept { return out_ || respond_; }

    void answer(std::size_t n);
    void start(unsigned how, std::size_t n);
    void write(std::size_t n);
    void write_all(std::size_t n);
    void try_flush();
    void flush();
    void finish();
    void abort();
    void read_body(std::size_t n) { read(body_, n); }
    void read_data(std::size_t n) { read(data_, n); }
    void complain(std::size_t n);
    void throw_when_written(std::size_t n);
    void drop();

    /// Tells the model what the writer says; checks that nobody waits in vain.
    void check(bool peer_gone, bool input_over, bool kernel_open);
    /// True while its request is in service, for all it knows.
    bool unfinished() const { return alive() && !run_.meant_well && !failed_ && !request_.aborted(); }
    /// True when more input would be of use to it.
    bool wants_input() const { return data_.reading || body_.reading; }
    /// True when its client does not take what it writes.
    bool is_stuck() const { return out_ && out_->accepted() > out_->sent(); }
    /// Bytes that have come for it and not been read.
    std::size_t unread() const { return body_.unread() + data_.unread(); }

private:
    void refresh();
    void read(stream_reader& from, std::size_t n);
    std::size_t next_bytes(std::size_t n, std::string& to);

    request& request_; ///< while `alive`
    std::optional<responder> respond_;
    std::optional<writer> out_;
    unsigned number_;
    app_run& run_;
    peer_request_ptr peer_;
    stream_reader body_{peer_, false}, data_{peer_, true};
    std::string write_buffer_;
    std::uint64_t write_end_ = 0; ///< `accepted` when the write that is pending is done
    int finishing_ = 0;
    bool writing_ = false, waiting_ = false;
    bool failed_ = false; ///< has ended its response badly
};

/// A FastCGI session between a scripted kernel, its peer and its apps. Does what `connection` does, without a socket, and
/// tells the model everything.
class session_world final : public session_driver, private detail::turn::task {
public:
    static constexpr auto everything = std::numeric_limits<std::size_t>::max();

    /// `script` is asked how the apps behave that the script does not play itself. `at_once`: how authorizers answer.
    session_world(const limits& l, const session_model::rules& rules, bool at_once, input& script);
    ~session_world();
    session_world(const session_world&) = delete;
    session_world& operator=(const session_world&) = delete;

    /// Calls `f` from the loop; in a turn as a handler of the driver does, or outside as an app's own timer does.
    template <class F>
    void act(bool in_turn, F f)
    {
        bool done = false;
        boost::asio::post(context_, [&] {
            if (in_turn) {
                const detail::turn::scope turn(resources().turn());
                f();
            } else {
                f();
            }
            done = true;
        });
        context_.restart();
        while (!done) // what was ready before comes first
            context_.poll_one();
    }
    /// Lets everything happen that can; then checks.
    void settle();

    // The kernel.
    void take_slowly(std::size_t n) noexcept { take_ = n, slow_takes_ = 32; }
    void give_slowly(std::size_t n) noexcept { give_ = n, slow_gives_ = 64; }
    void stop_reading() noexcept { room_ = 0; }
    void peer_reads(std::size_t n) noexcept
    {
        room_ = n == everything ? n : room_ == everything ? n : room_ + n;
    }
    void break_off() noexcept { broken_ = true; }

    // The peer. What it sends is read when things settle.
    void peer_sends(std::string_view bytes);
    void peer_ends(bool half_closed) noexcept;

    // Time, and the process.
    void pass(std::chrono::seconds time);
    void drain();
    void cancel();

    std::deque<played_app> apps;

    /// Whatever the script left: the peer reads all, the apps let go, the peer stops sending.
    void wind_up(bool half_closed);

    // session_driver
    void pump() override;
    std::size_t send_now(std::span<const std::byte> bytes) override;
    void output_ready() override;
    void input_wanted() override;

private:
    loop_resources& resources() noexcept { return *resources_; }
    application make_app(bool at_once);
    unsigned begin_run(const request& r);
    sluice::task<void> run_app(request& r, responder respond);
    sluice::task<void> run_unplayed(unsigned mode, request& r, responder respond, unsigned number,
                                    peer_request_ptr peer);
    static sluice::task<void> read_all(request_body from, stream_reader& reader, std::size_t piece);
    sluice::task<authorization> decide_later(request& r);
    authorization decide_now(request& r);
    authorization decide(unsigned mode, const request& r, app_run& run, unsigned number);
    void run() override;
    void poll();
    void feed();
    void feed_end();
    std::size_t kernel_takes(std::size_t offered) noexcept;
    void close_when_finished();
    void fail(error_code why);
    void check_bounds();
    void check_input();

    input& script_;
    session_model model_;
    std::optional<loop_resources> resources_;
    boost::asio::io_context context_{
        1}; ///< behind the resources: its handlers may hold exchanges to give back
    std::optional<fcgi::session> session_;

    std::string inbox_;
    std::size_t take_ = everything, room_ = everything, give_ = everything;
    int slow_takes_ = 0, slow_gives_ = 0;
    bool broken_ = false, peer_ended_ = false, half_closed_ = false, end_seen_ = false;
    bool pumping_ = false, blocked_ = false, closed_ = false;
    bool lost_ = false; ///< not closed by the session of its own accord
    std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
};

} // namespace sluice::fuzz
