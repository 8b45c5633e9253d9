// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "histogram.hpp"
#include "report.hpp"
#include "socket.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <system_error>
#include <vector>

namespace bench {

namespace {

// A closed loop: each connection has one request on its way, and sends the next when the answer is
// whole. Connections that never get an answer are told apart from wrong answers: libfcgi gives a
// kept connection a thread of its own and lets the others wait.
class request_loop {
public:
    explicit request_loop(const options& opt)
        : opt_{opt}, request_{request_of(opt)}, epoll_{::epoll_create1(EPOLL_CLOEXEC)},
          clients_(opt.connections)
    {
        if (!epoll_)
            throw std::system_error{errno, std::generic_category(), "epoll_create1"};
        for (auto& one : clients_) {
            one.got = answer_of(opt);
            one.got->keep_body(opt.expect_body.size());
        }
    }

    void run();
    int print() const;

private:
    struct client {
        unique_fd fd;
        std::unique_ptr<answer> got;
        std::uint64_t sent_at = 0;
        std::uint64_t ended_at = 0; // its last whole answer
        std::uint64_t answered = 0;
        bool checks_close = true; // the first answer of a closed client waits for the server's EOF
    };

    static constexpr std::uint64_t most_errors = 1000;

    void open(client& one);
    void send_request(client& one, std::uint64_t now);
    void on_readable(client& one);
    void on_answer(client& one);
    void go_on(client& one);
    void on_error(client& one, const char* kind);
    void start_measuring(std::uint64_t now);
    [[nodiscard]] bool at_end(std::uint64_t now) const;
    [[nodiscard]] bool finished(std::uint64_t now) const;
    void look_for_connections_left_open();

    const options& opt_;
    const std::string request_;
    unique_fd epoll_;
    std::vector<client> clients_;
    std::array<char, 64 * 1024> buffer_{};

    histogram latencies_;
    error_tally errors_;
    std::uint64_t now_ = 0;
    std::uint64_t measured_from_ = 0;
    std::uint64_t end_ = 0;
    std::size_t idle_ = 0; // clients that have nothing under way, at the end
    bool measuring_ = false;
    double cpu_from_ = 0;
    double cpu_used_ = 0;
    double elapsed_ = 0;
};

void request_loop::open(client& one)
{
    one.fd = connect_to(opt_.connect);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &one;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.fd.get(), &event) != 0)
        throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
}

void request_loop::send_request(client& one, std::uint64_t now)
{
    one.got->reset();
    one.sent_at = now;
    // The connection is idle, so the request always fits whole into the socket.
    const ssize_t n = ::send(one.fd.get(), request_.data(), request_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n != static_cast<ssize_t>(request_.size()))
        on_error(one, "request not taken");
}

void request_loop::on_error(client& one, const char* kind)
{
    errors_.add(kind);
    one.fd.reset();
    if (errors_.total() < most_errors) {
        open(one);
        one.got->reset();
        one.sent_at = now_;
        if (::send(one.fd.get(), request_.data(), request_.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            errors_.add("request not taken");
    }
}

void request_loop::on_answer(client& one)
{
    if (const char* kind = judge(*one.got, opt_))
        return on_error(one, kind);
    now_ = one.ended_at = now_ns();
    if (measuring_) {
        latencies_.add(now_ - one.sent_at);
        ++one.answered;
    }
    if (!opt_.keep && one.checks_close)
        return; // the EOF comes through on_readable
    go_on(one);
}

void request_loop::go_on(client& one)
{
    if (opt_.finish && at_end(now_)) {
        one.fd.reset();
        ++idle_;
        return;
    }
    if (!opt_.keep) {
        one.fd.reset();
        open(one);
    }
    send_request(one, now_);
}

void request_loop::on_readable(client& one)
{
    const ssize_t n = ::recv(one.fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            on_error(one, errno == ECONNRESET ? "connection reset" : "read error");
        return;
    }
    if (n == 0) {
        one.checks_close = false;
        if (!opt_.keep && !one.got->done()) {
            one.got->on_eof(); // the end of some answers in HTTP
            if (one.got->done())
                return on_answer(one);
        }
        if (opt_.keep || !one.got->done())
            return on_error(one, "connection closed before the answer was whole");
        now_ = now_ns();
        return go_on(one);
    }
    if (one.got->done())
        return on_error(one, "bytes after the end");
    const std::size_t used = one.got->feed(buffer_.data(), static_cast<std::size_t>(n));
    if (one.got->wrong())
        return on_error(one, one.got->reason());
    if (!one.got->done())
        return;
    if (used != static_cast<std::size_t>(n))
        return on_error(one, "bytes after the end");
    on_answer(one);
}

void request_loop::start_measuring(std::uint64_t now)
{
    measuring_ = true;
    measured_from_ = now;
    cpu_from_ = cpu_seconds();
    end_ = now + static_cast<std::uint64_t>(opt_.seconds * 1e9);
    latencies_.clear();
    for (auto& one : clients_)
        one.answered = 0;
}

bool request_loop::finished(std::uint64_t now) const
{
    return errors_.total() >= most_errors || (opt_.finish ? idle_ == clients_.size() : at_end(now));
}

bool request_loop::at_end(std::uint64_t now) const
{
    if (!measuring_)
        return false;
    return opt_.count != 0 ? latencies_.total() >= opt_.count : now >= end_;
}

void request_loop::run()
{
    const std::uint64_t began = now_ns();
    const auto warm_at = began + static_cast<std::uint64_t>(opt_.warmup * 1e9);
    now_ = began;
    if (opt_.warmup <= 0)
        start_measuring(began);
    for (auto& one : clients_) {
        open(one);
        send_request(one, now_ns());
    }
    std::array<epoll_event, 256> events{};
    while (!finished(now_)) {
        const int n =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), opt_.busy ? 0 : 50);
        if (n <= 0)
            now_ = now_ns();
        for (int i = 0; i < n && !finished(now_); ++i)
            on_readable(*static_cast<client*>(events[static_cast<std::size_t>(i)].data.ptr));
        if (!measuring_ && now_ >= warm_at)
            start_measuring(now_);
    }
    elapsed_ = static_cast<double>(now_ - measured_from_) * 1e-9;
    cpu_used_ = cpu_seconds() - cpu_from_;
    look_for_connections_left_open();
}

void request_loop::look_for_connections_left_open()
{
    constexpr std::uint64_t patience = 500'000'000;
    for (const auto& one : clients_)
        if (!opt_.keep && one.checks_close && one.got->done() && now_ - one.ended_at > patience)
            errors_.add("connection not closed after the end");
}

int request_loop::print() const
{
    std::uint64_t served = 0;
    for (const auto& one : clients_)
        served += one.answered != 0 ? 1 : 0;
    const auto microseconds = [this](double share) {
        return static_cast<double>(latencies_.percentile(share)) * 1e-3;
    };

    report out;
    out.add("mode", "requests");
    out.add("path", opt_.target.path);
    out.add("connections", std::uint64_t{opt_.connections});
    out.add("kept", std::uint64_t{opt_.keep ? 1U : 0U});
    out.add("requests", latencies_.total());
    out.add("seconds", elapsed_);
    out.add("requests_per_s", static_cast<double>(latencies_.total()) / elapsed_);
    out.add("p50_us", microseconds(0.5));
    out.add("p90_us", microseconds(0.9));
    out.add("p99_us", microseconds(0.99));
    out.add("max_us", microseconds(1.0));
    out.add("connections_served", served);
    out.add("client_cpu", cpu_used_ / elapsed_);
    errors_.add_to(out);
    std::puts(out.str().c_str());
    return errors_.total() == 0 && latencies_.total() != 0 ? 0 : 1;
}

} // namespace

int run_requests(const options& opt)
{
    request_loop loop{opt};
    loop.run();
    return loop.print();
}

} // namespace bench
