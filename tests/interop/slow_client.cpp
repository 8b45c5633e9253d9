// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/slow_client.hpp"

#include "interop/probe_client.hpp"
#include "support/catch.hpp"
#include "support/process_memory.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <span>
#include <thread>

namespace sluice::test {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr std::uint64_t slow_rate = 8 * mebibyte; // a second
constexpr seconds slow_phase{3};

} // namespace

void memory_watch::look()
{
    if (steady_clock::now() < next_)
        return;
    next_ = steady_clock::now() + milliseconds(20);
    if (const auto now = resident_anonymous_bytes(pid_)) {
        lowest_ = std::min(lowest_, *now);
        highest_ = std::max(highest_, *now);
        ++samples_;
    }
}

slow_then_fast::slow_then_fast(curl_stream& client, const std::function<pid_t()>& gateway,
                               const std::function<void(std::uint64_t)>& slow_over)
    : client_(client)
{
    REQUIRE(read(4096));
    memory_ = memory_watch(gateway());

    // Slowly: never ahead of the rate. What curl cannot hand on it does not read.
    const auto start = steady_clock::now();
    while (steady_clock::now() - start < slow_phase) {
        const auto due = std::chrono::duration<double>(steady_clock::now() - start).count() *
                         static_cast<double>(slow_rate);
        if (static_cast<double>(bytes_) < due)
            REQUIRE(read(64 * kibibyte));
        else
            std::this_thread::sleep_for(milliseconds(2)); // the rate itself, not a wait for anything
        memory_.look();
    }
    slow_bytes_ = bytes_;
    if (slow_over)
        slow_over(slow_bytes_);

    // Then as fast as it goes.
    const auto fast_start = steady_clock::now();
    while (read(256 * kibibyte))
        memory_.look();
    fast_ = steady_clock::now() - fast_start;
}

bool slow_then_fast::read(std::size_t most)
{
    static std::array<char, 256 * kibibyte> space;
    const std::size_t count = client_.read_some(std::span(space).first(most), seconds(30));
    content_good_ = content_good_ && is_probe_content({space.data(), count}, bytes_);
    bytes_ += count;
    return count > 0;
}

void slow_then_fast::check(std::uint64_t size) const
{
    const curl_result result = client_.finish();
    INFO(result.errors);
    CHECK(result.complete());
    CHECK(result.response.status == 200);
    CHECK(slow_bytes_ < size);
    CHECK(bytes_ == size);
    CHECK(content_good_);
    CHECK(memory_.samples() > 50);
    CHECK(memory_.growth() <= mebibyte);
}

void slow_then_fast::print(std::string_view name) const
{
    const auto mebibytes = [](std::uint64_t n) {
        return static_cast<double>(n) / static_cast<double>(mebibyte);
    };
    std::cout << name << ": " << bytes_ / mebibyte << " MiB, " << mebibytes(slow_bytes_) / 3.0
              << " MiB/s for 3 s, then " << mebibytes(bytes_ - slow_bytes_) / fast_.count()
              << " MiB/s; resident " << memory_.lowest() / kibibyte << " to " << memory_.highest() / kibibyte
              << " KiB";
}

} // namespace sluice::test
