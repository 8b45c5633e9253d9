// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fake_pipes.hpp"

#include <boost/asio/post.hpp>
#include <fmt/core.h>

#include <algorithm>

namespace sluice::test {

fake_pipes::fake_pipes(fake_loop& loop) : loop_(loop), session_(loop.resources(), *this) {}

fake_pipes::~fake_pipes()
{
    leave();
}

void fake_pipes::start(std::string_view method, const std::vector<std::string>& more)
{
    std::vector<std::string> all{"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=" + std::string(method),
                                 "SCRIPT_NAME=/app",          "PATH_INFO=/page",
                                 "REQUEST_URI=/app/page?q=1", "QUERY_STRING=q=1",
                                 "SERVER_NAME=localhost",     "SERVER_PORT=80",
                                 "SERVER_PROTOCOL=HTTP/1.1",  "REMOTE_ADDR=127.0.0.1"};
    all.insert(all.end(), more.begin(), more.end());
    start_with(all);
}

void fake_pipes::start_with(const std::vector<std::string>& variables)
{
    std::vector<const char*> pointers;
    for (const auto& v : variables)
        pointers.push_back(v.c_str());
    pointers.push_back(nullptr);
    {
        const detail::turn::scope turn(loop_.resources().turn());
        session_.begin(pointers.data());
        read();
    }
    loop_.poll();
}

// stdin

void fake_pipes::write(std::string_view bytes)
{
    input_ += bytes;
    {
        const detail::turn::scope turn(loop_.resources().turn());
        read();
    }
    loop_.poll();
}

void fake_pipes::close_stdin()
{
    input_closed_ = true;
    write({});
}

void fake_pipes::read()
{
    while (const auto room = session_.read_limit(blocked_)) {
        const auto n = std::min(room, input_.size());
        if (n == 0) {
            if (std::exchange(input_closed_, false))
                session_.receive_end();
            return;
        }
        session_.receive(std::as_bytes(std::span(input_.data(), n)));
        input_.erase(0, n);
    }
}

// stdout

void fake_pipes::take(std::uint64_t n)
{
    allowance_ = n;
    if (std::exchange(blocked_, false)) {
        const detail::turn::scope turn(loop_.resources().turn());
        pump();
    }
    loop_.poll();
}

void fake_pipes::cut_writes(std::deque<std::uint64_t> sizes, std::uint64_t rest)
{
    cuts_ = std::move(sizes);
    rest_ = rest;
}

std::uint64_t fake_pipes::kernel_takes(std::uint64_t offered)
{
    auto n = std::min({offered, allowance_, rest_});
    if (!cuts_.empty()) {
        n = std::min({offered, allowance_, cuts_.front()});
        cuts_.pop_front();
    }
    if (allowance_ != everything)
        allowance_ -= n;
    return n;
}

void fake_pipes::leave()
{
    {
        const detail::turn::scope turn(loop_.resources().turn());
        session_.lost(errc::client_gone);
    }
    loop_.poll();
}

std::string fake_pipes::body() const
{
    const auto end = output_.find("\r\n\r\n");
    return end == output_.npos ? std::string() : output_.substr(end + 4);
}

void fake_pipes::pump()
{
    if (blocked_ || pumping_)
        return;
    pumping_ = true;
    for (;;) {
        const auto slices = session_.gather();
        if (slices.empty())
            break;
        if (broken_) {
            session_.lost(errc::client_gone);
            break;
        }
        std::uint64_t total = 0;
        for (const auto s : slices)
            total += s.size();
        const auto n = kernel_takes(total);
        auto left = n;
        for (const auto s : slices) {
            const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(left, s.size()));
            if (keep_)
                output_.append(reinterpret_cast<const char*>(s.data()), part);
            left -= part;
        }
        output_bytes_ += n;
        if (n > 0) {
            ++writes_;
            session_.sent(static_cast<std::size_t>(n));
        }
        if (after_write)
            after_write();
        if (n < total) {
            blocked_ = true;
            unblock_later();
            output_ready();
            break;
        }
    }
    pumping_ = false;
}

// What the reactor does when there is room again.
void fake_pipes::unblock_later()
{
    if (allowance_ == 0)
        return; // `take` will
    boost::asio::post(loop_.context(), [this] {
        const detail::turn::scope turn(loop_.resources().turn());
        blocked_ = false;
        pump();
    });
}

void fake_pipes::output_ready()
{
    loop_.resources().turn().put_off(*this);
}

void fake_pipes::input_wanted()
{
    loop_.resources().turn().put_off(*this);
}

void fake_pipes::run()
{
    session_.take_errors(error_text_);
    errors_ += error_text_;
    pump();
    session_.sent(0); // a response with nothing left to send ends here
    read();
}

error_code fake_pipes::check(std::chrono::steady_clock::time_point now)
{
    const auto why = session_.check(now);
    if (why) {
        const detail::turn::scope turn(loop_.resources().turn());
        session_.lost(why);
    }
    loop_.poll();
    return why;
}

std::string pattern(std::size_t n)
{
    std::string bytes(n, '\0');
    std::uint32_t state = 12345;
    for (char& c : bytes) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return bytes;
}

std::string difference(std::string_view got, std::string_view wanted)
{
    if (got == wanted)
        return {};
    const auto at = static_cast<std::size_t>(
        std::mismatch(got.begin(),
                      got.begin() + static_cast<std::ptrdiff_t>(std::min(got.size(), wanted.size())),
                      wanted.begin())
            .first -
        got.begin());
    return fmt::format("differs at byte {} of {} (wanted {}): got \"{}\", wanted \"{}\"", at, got.size(),
                       wanted.size(), got.substr(at, 20), wanted.substr(at, 20));
}

} // namespace sluice::test
