// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "fcgi_answer.hpp"
#include "report.hpp"
#include "socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace bench {

namespace {

// How long after its client's leaving an app knows. The app's word for it is the number "client_gone" of
// GET /stats, asked for on a connection of its own without pause; so the time of one such answer, some 50 µs, is
// in each figure.
class leaving {
public:
    explicit leaving(const options& opt) : opt_{opt}, control_{connect_to(opt.connect)} {}

    void run();
    int print() const;

private:
    std::uint64_t gone();
    void read_for(int fd, std::chrono::milliseconds time);
    std::uint64_t leave(unique_fd& fd) const;
    bool once();

    const options& opt_;
    unique_fd control_;
    std::vector<double> told_;
    std::uint64_t not_told_ = 0;
};

// The kept connection answers one question after the other.
std::uint64_t leaving::gone()
{
    static const std::string question = wire::plain_request({"GET", "/stats", "", 0}, true);
    std::array<char, 4096> buffer{};
    fcgi_answer got;
    got.keep_body(buffer.size());
    send_all(control_.get(), question.data(), question.size());
    while (!got.done() && !got.wrong()) {
        const ssize_t n = ::recv(control_.get(), buffer.data(), buffer.size(), 0);
        if (n <= 0)
            throw std::runtime_error("GET /stats: connection lost");
        got.feed(buffer.data(), static_cast<std::size_t>(n));
    }
    constexpr std::string_view name = "\"client_gone\":";
    const auto text = got.body_start();
    const auto at = text.find(name);
    std::uint64_t value = 0;
    if (got.wrong() || at == text.npos ||
        std::from_chars(text.data() + at + name.size(), text.data() + text.size(), value).ec != std::errc{})
        throw std::runtime_error("GET /stats has no client_gone");
    return value;
}

void leaving::read_for(int fd, std::chrono::milliseconds time)
{
    std::vector<char> buffer(256 * 1024);
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until)
        if (::recv(fd, buffer.data(), buffer.size(), 0) <= 0)
            throw std::runtime_error("the answer ended before its client left");
}

// The moment at which it left.
std::uint64_t leaving::leave(unique_fd& fd) const
{
    if (opt_.how == "reset") {
        const linger at_once{1, 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    const std::uint64_t now = now_ns();
    if (opt_.how == "abort") {
        std::string record;
        wire::append_record(record, wire::record_type::abort_request, {});
        send_all(fd.get(), record.data(), record.size());
    } else if (opt_.how == "half-close") {
        ::shutdown(fd.get(), SHUT_WR);
    } else {
        fd.reset();
    }
    return now;
}

bool leaving::once()
{
    using std::chrono::milliseconds;
    const std::uint64_t before = gone();
    unique_fd fd = connect_to(opt_.connect);
    const std::string request = wire::plain_request(opt_.target, true);
    send_all(fd.get(), request.data(), request.size());
    if (opt_.state == "busy") {
        read_for(fd.get(), milliseconds(30));
    } else {
        std::array<char, 64> head{};
        if (::recv(fd.get(), head.data(), head.size(), 0) <= 0)
            throw std::runtime_error("no answer");
        std::this_thread::sleep_for(milliseconds(100)); // until all buffers are full
    }
    const std::uint64_t from = leave(fd);
    // Whoever is still there and was reading reads on.
    std::thread reader;
    if (fd && opt_.state == "busy")
        reader = std::thread([&fd] {
            std::vector<char> buffer(256 * 1024);
            while (::recv(fd.get(), buffer.data(), buffer.size(), 0) > 0) {
            }
        });
    bool told = false;
    const auto patience = static_cast<std::uint64_t>(opt_.seconds * 1e9);
    while (!told && now_ns() - from < patience)
        told = gone() > before;
    if (told)
        told_.push_back(static_cast<double>(now_ns() - from) * 1e-6);
    if (reader.joinable()) {
        ::shutdown(fd.get(), SHUT_RDWR);
        reader.join();
    }
    return told;
}

void leaving::run()
{
    const std::uint64_t repeats = std::max<std::uint64_t>(opt_.count, 1);
    for (std::uint64_t i = 0; i < repeats; ++i) {
        if (once())
            continue;
        ++not_told_;
        break; // nor the next time
    }
}

int leaving::print() const
{
    report out;
    out.add("mode", "leave");
    out.add("path", opt_.target.path);
    out.add("state", opt_.state);
    out.add("how", opt_.how);
    out.add("told_ms", told_);
    out.add("not_told", not_told_);
    std::puts(out.str().c_str());
    return 0;
}

} // namespace

int run_leave(const options& opt)
{
    leaving one{opt};
    one.run();
    return one.print();
}

} // namespace bench
