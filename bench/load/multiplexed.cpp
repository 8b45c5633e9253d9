// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "fcgi_answer.hpp"
#include "histogram.hpp"
#include "report.hpp"
#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <vector>

namespace bench {

namespace {

// Many requests at once on one connection: each id sends its next request when its answer is whole.
// Ids are 1 to --in-flight.
class multiplexed_loop {
public:
    explicit multiplexed_loop(const options& opt);

    void run();
    int print() const;

private:
    struct stream {
        std::string request;
        fcgi_answer got;
        std::uint64_t sent_at = 0;
        std::uint64_t answered = 0;
    };

    void send_next(stream& one);
    void send_waiting();
    void receive();
    void take(const char* data, std::size_t size);
    void feed(const char* data, std::size_t size);
    void on_answer();
    void start_measuring();
    void fail(const char* kind);

    const options& opt_;
    unique_fd fd_;
    std::vector<stream> streams_;
    std::array<char, 256 * 1024> buffer_{};
    std::string waiting_; // requests not yet taken by the socket
    std::size_t waiting_at_ = 0;

    // The record that is being read.
    std::array<unsigned char, wire::header_size> header_{};
    std::size_t header_size_ = 0;
    std::size_t record_left_ = 0;
    stream* current_ = nullptr;

    histogram latencies_;
    error_tally errors_;
    std::uint64_t measured_from_ = 0;
    std::uint64_t now_ = 0;
    bool measuring_ = false;
    double cpu_from_ = 0;
};

multiplexed_loop::multiplexed_loop(const options& opt)
    : opt_{opt}, fd_{connect_to(opt.connect)}, streams_(opt.in_flight)
{
    for (std::size_t i = 0; i < streams_.size(); ++i) {
        streams_[i].request =
            wire::with_id(wire::plain_request(opt.target, true), static_cast<std::uint16_t>(i + 1));
        streams_[i].got.expect_id(static_cast<std::uint16_t>(i + 1));
        streams_[i].got.keep_body(opt.expect_body.size());
    }
}

void multiplexed_loop::fail(const char* kind)
{
    errors_.add(kind);
    fd_.reset(); // one wrong byte and nothing behind it can be trusted
}

void multiplexed_loop::send_next(stream& one)
{
    one.got.reset();
    one.sent_at = now_;
    waiting_ += one.request;
}

void multiplexed_loop::send_waiting()
{
    while (waiting_at_ < waiting_.size()) {
        const ssize_t n = ::send(fd_.get(), waiting_.data() + waiting_at_, waiting_.size() - waiting_at_,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                fail("connection closed");
            return;
        }
        waiting_at_ += static_cast<std::size_t>(n);
    }
    waiting_.clear();
    waiting_at_ = 0;
}

void multiplexed_loop::on_answer()
{
    if (const char* kind = judge(current_->got, opt_))
        return fail(kind);
    if (measuring_) {
        latencies_.add(now_ - current_->sent_at);
        ++current_->answered;
    }
    send_next(*current_);
}

void multiplexed_loop::feed(const char* data, std::size_t size)
{
    if (current_->got.done())
        return; // the padding of END_REQUEST, if any
    current_->got.feed(data, size);
    if (current_->got.wrong())
        fail(current_->got.reason());
}

void multiplexed_loop::take(const char* data, std::size_t size)
{
    while (size > 0 && fd_) {
        if (record_left_ == 0) {
            const std::size_t n = std::min(size, header_.size() - header_size_);
            std::copy_n(data, n, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
            header_size_ += n;
            data += n;
            size -= n;
            if (header_size_ < header_.size())
                return;
            header_size_ = 0;
            const std::size_t id = std::size_t{header_[2]} << 8U | header_[3];
            if (id == 0 || id > streams_.size())
                return fail("a record for an id that is not in use");
            current_ = &streams_[id - 1];
            record_left_ = (std::size_t{header_[4]} << 8U | header_[5]) + header_[6];
            feed(reinterpret_cast<const char*>(header_.data()), header_.size());
        } else {
            const std::size_t n = std::min(size, record_left_);
            feed(data, n);
            record_left_ -= n;
            data += n;
            size -= n;
        }
        if (fd_ && record_left_ == 0 && current_->got.done())
            on_answer();
    }
}

void multiplexed_loop::receive()
{
    const ssize_t n = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    now_ = now_ns();
    if (n > 0)
        take(buffer_.data(), static_cast<std::size_t>(n));
    else if (n == 0)
        fail("connection closed");
    else if (errno != EAGAIN && errno != EINTR)
        fail("read error");
}

void multiplexed_loop::start_measuring()
{
    measuring_ = true;
    measured_from_ = now_;
    cpu_from_ = cpu_seconds();
    latencies_.clear();
    for (auto& one : streams_)
        one.answered = 0;
}

void multiplexed_loop::run()
{
    const std::uint64_t began = now_ = now_ns();
    const auto nanoseconds = [](double s) { return static_cast<std::uint64_t>(s * 1e9); };
    const std::uint64_t end = began + nanoseconds(opt_.warmup + opt_.seconds);
    if (opt_.warmup <= 0)
        start_measuring();
    for (auto& one : streams_)
        send_next(one);
    while (fd_ && now_ < end) {
        send_waiting();
        if (!fd_)
            break;
        pollfd wait{fd_.get(), static_cast<short>(POLLIN | (waiting_.empty() ? 0 : POLLOUT)), 0};
        if (::poll(&wait, 1, 50) > 0 && (wait.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            receive();
        else
            now_ = now_ns();
        if (!measuring_ && now_ >= began + nanoseconds(opt_.warmup))
            start_measuring();
    }
}

int multiplexed_loop::print() const
{
    const double elapsed = static_cast<double>(now_ - measured_from_) * 1e-9;
    const auto microseconds = [this](double share) {
        return static_cast<double>(latencies_.percentile(share)) * 1e-3;
    };
    std::uint64_t served = 0;
    for (const auto& one : streams_)
        served += one.answered != 0 ? 1 : 0;
    report out;
    out.add("mode", "multiplexed");
    out.add("path", opt_.target.path);
    out.add("connections", std::uint64_t{streams_.size()}); // as many readers as that
    out.add("connections_served", served);
    out.add("requests", latencies_.total());
    out.add("seconds", elapsed);
    out.add("requests_per_s", static_cast<double>(latencies_.total()) / elapsed);
    out.add("p50_us", microseconds(0.5));
    out.add("p99_us", microseconds(0.99));
    out.add("client_cpu", (cpu_seconds() - cpu_from_) / elapsed);
    errors_.add_to(out);
    std::puts(out.str().c_str());
    return errors_.total() == 0 && latencies_.total() != 0 ? 0 : 1;
}

} // namespace

int run_multiplexed(const options& opt)
{
    multiplexed_loop loop{opt};
    loop.run();
    return loop.print();
}

} // namespace bench
