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
    void read(std::size_t n);
    void complain(std::size_t n);
    void throw_when_written(std::size_t n);
    void drop();

    /// What the writer says now, for the model.
    void refresh();

private:
    std::size_t next_bytes(std::size_t n, std::string& to);

    request& request_; ///< while `alive`
    std::optional<responder> respond_;
    std::optional<writer> out_;
    unsigned number_;
    app_run& run_;
    peer_request_ptr peer_;
    std::string write_buffer_, read_buffer_;
    std::uint64_t write_end_ = 0; ///< `accepted` when the write that is pending is done
    std::size_t read_ = 0;
    bool writing_ = false, reading_ = false, waiting_ = false;
};

/// What a request's body has to look like, for an app that has `so_far` of it and gets `bytes`, or the end.
void check_body_piece(const peer_request& peer, std::size_t so_far, std::string_view bytes);
void check_body_end(const peer_request& peer, std::size_t so_far);

/// A FastCGI session between a scripted kernel, its peer and its apps. Does what `connection` does, without a socket, and
/// tells the model everything.
class session_world final : public session_driver, private detail::turn::task {
public:
    static constexpr auto everything = std::numeric_limits<std::size_t>::max();

    /// `script` is asked how the apps behave that the script does not play itself.
    session_world(const limits& l, const session_model::rules& rules, input& script);
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
    sluice::task<void> run_app(request& r, responder respond);
    sluice::task<void> run_unplayed(unsigned mode, request& r, responder respond, unsigned number,
                                    peer_request_ptr peer);
    void run() override;
    void poll();
    void feed();
    void feed_end();
    std::size_t kernel_takes(std::size_t offered) noexcept;
    void close_when_finished();
    void fail(error_code why);
    void check_bounds();

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
