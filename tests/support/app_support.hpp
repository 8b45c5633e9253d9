// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/fake_host.hpp"

#include <sluice/request.hpp>
#include <sluice/responder.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// What the apps in these tests share.
namespace sluice::test {

response_head plain_text(int status = 200);

response_head with_length(std::uint64_t n);

/// Up to 1 MiB of a text whose byte i is the same for every piece; its period is a prime, so that a lost, doubled or swapped
/// block shows.
std::string_view piece_at(std::uint64_t offset, std::size_t size);

std::string text_of_size(std::size_t n);

/// Bytes of every value, in no order that repeats soon.
std::string binary(std::size_t n);

/// Lets everything else of the loop run first.
task<void> yield();

/// A request kept by its responder: then the test itself is the app.
struct kept_request {
    std::optional<responder> respond;
    request* req = nullptr;
    application app();
};

/// A response whose writer the test keeps; its client takes nothing until told.
struct kept_writer {
    explicit kept_writer(fake_host::direct way = fake_host::direct::adopt);
    ~kept_writer();
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
