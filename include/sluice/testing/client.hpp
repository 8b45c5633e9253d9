// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/exchange.hpp>
#include <sluice/testing/app_loop.hpp>

#include <boost/circular_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::testing {

/// One request of a client without a socket. It carries an exchange as a connection does: pulls what is queued, hands it
/// to a kernel of which the test says how much it takes, and ends the exchange when all has gone.
///
///     testing::app_loop loop(app);
///     testing::client c(loop);
///     c.stall();
///     c.request("GET");
///     loop.poll();
///     c.take(100);
///
/// The client reads everything at once until told otherwise.
class client final : public exchange_host, private detail::turn::task {
public:
    static constexpr std::uint64_t everything = std::numeric_limits<std::uint64_t>::max();

    /// What becomes of bytes that the app offers directly and the kernel does not take.
    enum class direct {
        no,        ///< none are taken at all
        give_back, ///< they stay the app's, as in CGI
        adopt,     ///< the rest of a begun record is copied, as in FastCGI
    };

    explicit client(app_loop& loop, direct way = direct::adopt);
    ~client();

    // The web server's side.

    /// Takes a fresh exchange without anything in it; false when the pool has no block for it.
    bool open(sluice::role r = sluice::role::responder);

    /// A whole environment for `method`, with `more` added, then the app is started; false when it was answered
    /// without the app.
    bool request(std::string_view method = "GET", std::initializer_list<field> more = {},
                 bool body_follows = false);

    /// The same with that environment, as a web server would send it.
    bool request(const environment& env, bool body_follows);

    // The request's body.

    /// Hands over as much of `bytes` as there is credit for, at once; says how much.
    std::size_t feed(std::string_view bytes);

    /// Hands `bytes` over as there is credit, and then the end.
    void feed_all(std::string bytes);

    /// Hands `bytes` over as there is credit, behind those of earlier calls.
    void feed_later(std::string_view bytes);

    /// The end, behind all of these; `cut_off` as for `request_stream::ended`.
    void feed_end(bool cut_off = false);

    /// The end, now.
    void end_body();

    /// Bytes that wait for credit.
    std::size_t unfed() const noexcept { return pending_body_.size() - pending_at_; }

    // The client's side.

    /// The client reads up to `n` bytes more, and nothing after them.
    void take(std::uint64_t n);
    void take_all() { take(everything); }
    void stall() { allowance_ = 0; }

    /// The client leaves, and the transport sees it.
    void leave(error_code reason = errc::client_gone);

    /// The connection breaks once `n` bytes in all have gone; nobody sees it before the next write.
    void break_after(std::uint64_t n) { break_at_ = n; }
    /// All those bytes have gone, and there is more to send.
    bool at_break() const noexcept { return x_ && received_bytes_ >= break_at_ && !in_flight_.empty(); }

    /// What a transport does every second or so: gives up on a client that has taken nothing for too long, by the time of
    /// the loop (`limits::write_stall`, `limits::linger`).
    void let_time_pass();

    /// Shutdown: ends the response from outside.
    void cancel(error_code reason = errc::shutting_down);

    // What came.

    /// What is kept of a response, so that one without end costs its test no more: then the client reads nothing more, as if
    /// stalled.
    static constexpr std::uint64_t most_kept = 64 * 1024 * 1024;

    /// True when that is so.
    bool full() const noexcept { return keep_ && received_.size() == most_kept; }

    /// Head and body, as long as `forget_content` was not called.
    const std::string& received() const noexcept { return received_; }
    std::string head() const { return received_.substr(0, head_size()); }
    std::string body() const { return received_.substr(head_size()); }
    int status() const;
    /// The values of a header, one a line.
    std::string header(std::string_view name) const;
    bool has_header(std::string_view name) const;
    const std::string& errors() const noexcept { return errors_; }

    /// From now on only counts what comes.
    void forget_content() { keep_ = false; }

    std::uint64_t received_bytes() const noexcept { return received_bytes_; }
    std::uint64_t records() const noexcept { return records_; } ///< blocks and pieces the transport framed
    /// How much of the response is in each, as long as `forget_content` was not called.
    const std::vector<std::size_t>& record_sizes() const noexcept { return record_sizes_; }
    std::uint64_t input_wanted_calls() const noexcept { return input_wanted_; }
    bool ended() const noexcept { return ended_; } ///< well or not
    bool ended_well() const noexcept { return ended_ && well_; }
    bool ended_aborted() const noexcept
    {
        return ended_ && aborted_;
    } ///< given up by the app, not by the client
    std::size_t peak_held() const noexcept { return x_ ? x_->output().peak_held() : peak_held_; }
    std::size_t held() const noexcept { return x_ ? x_->output().held() : 0; }

    /// Precondition: not ended.
    sluice::exchange& x() const noexcept { return *x_; }
    /// Keeps nothing alive after the end.
    const exchange_ptr& exchange_or_null() const noexcept { return x_; }

    /// Called after each trip to the kernel.
    std::function<void()> after_send;

    // exchange_host
    std::size_t send(sluice::exchange& x, std::span<const std::byte> direct_bytes) override;
    void output_ready(sluice::exchange& x) override;
    void input_wanted(sluice::exchange& x) override;

private:
    struct slice {
        std::span<const std::byte> rest;
        std::size_t content; ///< bytes of the response it stands for
    };

    void run() override;
    void pump();
    bool pump_queue();
    void take_direct();
    std::uint64_t kernel_takes(std::span<const std::byte> bytes);
    void count_record(std::size_t content);
    void feed_more();
    void end(error_code lost);
    std::size_t head_size() const;

    app_loop& loop_;
    direct way_;
    exchange_ptr x_;
    boost::circular_buffer<slice> in_flight_{256}; ///< allocates nothing later on, as F5 counts
    std::span<const std::byte> direct_;
    std::size_t direct_taken_ = 0;
    bool pumping_ = false, keep_ = true, ended_ = false, well_ = false, aborted_ = false, broken_ = false;
    std::uint64_t allowance_ = everything, break_at_ = everything;
    std::string received_, errors_, pending_body_;
    std::size_t pending_at_ = 0;
    bool end_pending_ = false, cut_off_ = false;
    std::vector<std::size_t> record_sizes_;
    std::uint64_t received_bytes_ = 0, records_ = 0, input_wanted_ = 0;
    std::size_t peak_held_ = 0;
};

} // namespace sluice::testing
