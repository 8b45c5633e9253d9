// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/fake_host.hpp"

#include <sluice/request.hpp>
#include <sluice/responder.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What the apps in these tests share.
namespace sluice::test {

inline response_head plain_text(int status = 200)
{
    response_head head;
    head.status = status;
    head.headers.add("Content-Type", "text/plain");
    return head;
}

inline response_head with_length(std::uint64_t n)
{
    auto head = plain_text();
    head.headers.add("Content-Length", std::to_string(n));
    return head;
}

/// Up to 1 MiB of a text whose byte i is the same for every piece; its period is a prime, so that a lost, doubled or swapped
/// block shows.
inline std::string_view piece_at(std::uint64_t offset, std::size_t size)
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

inline std::string text_of_size(std::size_t n)
{
    std::string s;
    while (s.size() < n)
        s += piece_at(s.size(), std::min<std::size_t>(n - s.size(), 1 << 20));
    return s;
}

/// Lets everything else of the loop run first.
inline task<void> yield()
{
    return boost::asio::post(boost::asio::use_awaitable);
}

/// Bytes of every value, in no order that repeats soon.
inline std::string binary(std::size_t n)
{
    std::string s(n, '\0');
    for (std::size_t i = 0; i < n; ++i)
        s[i] = static_cast<char>(i * 7 % 256 ^ i / 256 % 256);
    return s;
}

/// A request kept by its responder: then the test itself is the app.
struct kept_request {
    std::optional<responder> respond;
    request* req = nullptr;
    application app()
    {
        return [this](request& r, responder re) -> task<void> {
            req = &r;
            respond.emplace(std::move(re));
            co_return;
        };
    }
};

/// A response whose writer the test keeps; its client takes nothing until told.
struct kept_writer {
    explicit kept_writer(fake_host::direct way = fake_host::direct::adopt)
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
    ~kept_writer() { out.reset(); }
    kept_writer(const kept_writer&) = delete;
    kept_writer& operator=(const kept_writer&) = delete;

    std::optional<writer> out;
    fake_loop loop;
    fake_host client;
};

/// What an app met when it waited.
struct outcome {
    bool ended = false;
    error_code ec;
};

/// Runs `wait` and notes how it ended.
template <class Wait>
task<void> note(outcome& o, Wait wait)
{
    try {
        co_await wait();
    } catch (const system_error& e) {
        o.ec = e.code();
    }
    o.ended = true;
}

} // namespace sluice::test
