// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "fcgi_answer.hpp"
#include "report.hpp"
#include "socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <poll.h>
#include <sys/socket.h>
#include <vector>

namespace bench {

namespace {

struct reader {
    unique_fd fd;
    fcgi_answer got;
    double credit = 0; // bytes it may read now
    std::uint64_t wire_bytes = 0;
    std::uint64_t last_read_at = 0;
    const char* wrong = nullptr;
};

// Many connections, each of which reads so many bytes a second and no more: the socket's buffer
// fills, and the server has to wait. Turns are spread evenly over the interval, so that the
// readers do not all wake the server at once.
class slow_readers {
public:
    explicit slow_readers(const options& opt) : opt_{opt}, readers_(opt.connections), buffer_(256 * 1024) {}

    void open_all();
    void read_slowly();
    void drain_all();
    int print();

private:
    void take_turn(reader& one, double share);
    void read_into(reader& one, std::size_t most);
    [[nodiscard]] bool all_served() const;
    [[nodiscard]] std::uint64_t interval() const;

    const options& opt_;
    std::vector<reader> readers_;
    std::vector<char> buffer_;
    std::uint64_t slow_ns_ = 0;
    std::uint64_t slow_end_ = 0;
    std::uint64_t served_after_ = 0; // nanoseconds until each had some of its body
    double drain_seconds_ = 0;
};

void slow_readers::open_all()
{
    const std::string request = wire::plain_request(opt_.target, opt_.keep);
    for (auto& one : readers_) {
        one.fd = connect_to(opt_.connect);
        send_all(one.fd.get(), request.data(), request.size());
    }
}

// One turn reads about 1 KiB at least, and comes every 10 ms at most.
std::uint64_t slow_readers::interval() const
{
    const double seconds = std::clamp(1024.0 / opt_.rate, 0.01, 1.0);
    return static_cast<std::uint64_t>(seconds * 1e9);
}

void slow_readers::read_into(reader& one, std::size_t most)
{
    const ssize_t n = ::recv(one.fd.get(), buffer_.data(), std::min(most, buffer_.size()), MSG_DONTWAIT);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            one.wrong = "read error";
        return;
    }
    if (n == 0) {
        one.wrong = "connection closed before the answer was whole";
        return;
    }
    one.credit -= static_cast<double>(n);
    one.wire_bytes += static_cast<std::uint64_t>(n);
    one.last_read_at = now_ns();
    const std::size_t used = one.got.feed(buffer_.data(), static_cast<std::size_t>(n));
    if (one.got.wrong())
        one.wrong = one.got.reason();
    else if (used != static_cast<std::size_t>(n))
        one.wrong = "bytes after END_REQUEST";
    else if (one.got.head_seen() && one.got.status() != opt_.expect_status)
        one.wrong = "wrong status";
}

bool slow_readers::all_served() const
{
    return std::all_of(readers_.begin(), readers_.end(),
                       [](const reader& one) { return one.wrong != nullptr || one.got.body_bytes() != 0; });
}

void slow_readers::take_turn(reader& one, double share)
{
    if (one.wrong != nullptr || one.got.done())
        return;
    // What could not be read in its turn is not saved up: a slow line has no bursts.
    one.credit = std::min(one.credit + share, 2 * share);
    if (one.credit >= 1)
        read_into(one, static_cast<std::size_t>(one.credit));
}

// For the given time, which begins when every reader has been served: on a busy machine a thousand
// answers take a while to start. A server that does not serve them all gets some patience, no more.
void slow_readers::read_slowly()
{
    constexpr std::uint64_t patience = 15'000'000'000;
    const std::uint64_t from = now_ns();
    const auto duration = static_cast<std::uint64_t>(opt_.seconds * 1e9);
    const std::uint64_t every = interval();
    const double share = opt_.rate * static_cast<double>(every) * 1e-9;
    bool served = false;
    for (std::uint64_t turn = 0; turn * every < served_after_ + duration; ++turn) {
        for (std::size_t i = 0; i < readers_.size(); ++i) {
            const std::uint64_t due = from + turn * every + i * every / readers_.size();
            const timespec at{static_cast<std::time_t>(due / 1'000'000'000),
                              static_cast<long>(due % 1'000'000'000)};
            while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr) == EINTR) {
            }
            take_turn(readers_[i], share);
        }
        served = served || all_served();
        if (!served && now_ns() - from < patience)
            served_after_ = (turn + 1) * every;
    }
    slow_end_ = now_ns();
    slow_ns_ = slow_end_ - from;
}

void slow_readers::drain_all()
{
    const std::uint64_t from = now_ns();
    std::vector<pollfd> waiting;
    for (;;) {
        waiting.clear();
        for (const auto& one : readers_)
            if (one.wrong == nullptr && !one.got.done())
                waiting.push_back({one.fd.get(), POLLIN, 0});
        if (waiting.empty() || ::poll(waiting.data(), waiting.size(), -1) < 0)
            break;
        std::size_t k = 0;
        for (auto& one : readers_)
            if (k < waiting.size() && waiting[k].fd == one.fd.get() && waiting[k++].revents != 0)
                read_into(one, buffer_.size());
    }
    drain_seconds_ = static_cast<double>(now_ns() - from) * 1e-9;
    for (auto& one : readers_)
        if (one.wrong == nullptr)
            one.wrong = judge(one.got, opt_);
}

int slow_readers::print()
{
    error_tally errors;
    std::vector<double> rates;
    std::uint64_t served = 0;
    std::uint64_t flowing = 0;
    std::uint64_t content = 0;
    const std::uint64_t lately = slow_end_ - slow_ns_ / 3;
    for (const auto& one : readers_) {
        if (one.wrong != nullptr)
            errors.add(one.wrong);
        served += one.got.head_seen() && one.got.body_bytes() != 0 ? 1 : 0;
        flowing += one.got.done() || one.last_read_at >= lately ? 1 : 0;
        content += one.got.body_bytes();
        rates.push_back(static_cast<double>(one.wire_bytes) /
                        (static_cast<double>(slow_ns_) * 1e-9 + drain_seconds_));
    }
    report out;
    out.add("mode", "slow");
    out.add("path", opt_.target.path);
    out.add("connections", std::uint64_t{readers_.size()});
    out.add("rate", opt_.rate);
    out.add("slow_seconds", static_cast<double>(slow_ns_) * 1e-9);
    out.add("drain_seconds", drain_seconds_);
    out.add("served_after_seconds", static_cast<double>(served_after_) * 1e-9);
    out.add("served", served);   // a good head and some of the body came
    out.add("flowing", flowing); // and bytes still came in the last third of the time
    out.add("body_bytes", content);
    out.add("least_bytes_per_s", *std::min_element(rates.begin(), rates.end()));
    out.add("median_bytes_per_s", median(rates));
    out.add("most_bytes_per_s", *std::max_element(rates.begin(), rates.end()));
    errors.add_to(out);
    std::puts(out.str().c_str());
    return errors.total() == 0 && served == readers_.size() ? 0 : 1;
}

} // namespace

int run_slow(const options& opt)
{
    slow_readers all{opt};
    all.open_all();
    all.read_slowly();
    if (opt.drain)
        all.drain_all();
    return all.print();
}

} // namespace bench
