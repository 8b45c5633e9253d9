// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/app_support.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace sluice::test {

response_head plain_text(int status)
{
    response_head head;
    head.status = status;
    head.headers.add("Content-Type", "text/plain");
    return head;
}

response_head with_length(std::uint64_t n)
{
    auto head = plain_text();
    head.headers.add("Content-Length", std::to_string(n));
    return head;
}

std::string_view piece_at(std::uint64_t offset, std::size_t size)
{
    static const std::string table = [] {
        constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY";
        std::string t;
        while (t.size() < (1 << 20) + alphabet.size())
            t += alphabet;
        return t;
    }();
    return std::string_view(table).substr(offset % 61, size);
}

std::string text_of_size(std::size_t n)
{
    std::string s;
    while (s.size() < n)
        s += piece_at(s.size(), std::min<std::size_t>(n - s.size(), 1 << 20));
    return s;
}

std::string binary(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        s[i] = static_cast<char>(i * 7 % 256 ^ i / 256 % 256);
    return s;
}

task<void> yield()
{
    return boost::asio::post(boost::asio::use_awaitable);
}

application kept_request::app()
{
    return [this](request& r, responder re) -> task<void> {
        req = &r;
        respond.emplace(std::move(re));
        co_return;
    };
}

kept_writer::kept_writer(fake_host::direct way)
    : loop([this](request&, responder respond) -> task<void> {
          out.emplace(respond.start(plain_text()));
          co_return;
      }),
      client(loop, way)
{
    client.request();
    loop.poll();
    client.stall(); // the head is out
}

kept_writer::~kept_writer()
{
    out.reset();
}

} // namespace sluice::test
