// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The main job: a response larger than memory should ever hold, to a client that is slow for a
// while and then reads all it can.
//
// SLUICE_MAIN_JOB_BYTES sets the size for every server, 2147483648 say; without it the three ways
// that sluice promises first carry 2 GiB and the others less.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"
#include "support/process_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::uint64_t kibibyte = 1024;
constexpr std::uint64_t mebibyte = 1024 * kibibyte;
constexpr std::uint64_t gibibyte = 1024 * mebibyte;

constexpr std::uint64_t window = 64 * kibibyte;
constexpr std::uint64_t block = 16 * kibibyte;
constexpr std::uint64_t slow_rate = 8 * mebibyte; // a second
constexpr seconds slow_phase{3};

bool promised_first(const front_server& front)
{
    return front.name == "apache mod_fcgid" || front.name == "lighttpd spawn, streaming" ||
           front.name == "lighttpd mod_cgi, streaming";
}

std::uint64_t job_size(const front_server& front)
{
    if (const char* chosen = std::getenv("SLUICE_MAIN_JOB_BYTES"))
        return std::strtoull(chosen, nullptr, 10);
    return promised_first(front) ? 2 * gibibyte : 256 * mebibyte;
}

// The lowest and highest resident memory of the probe's process that was seen.
class memory_watch {
public:
    explicit memory_watch(pid_t pid) : pid_(pid) {}

    void look()
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

    std::size_t lowest() const { return lowest_; }
    std::size_t highest() const { return highest_; }
    int samples() const { return samples_; }

private:
    pid_t pid_;
    steady_clock::time_point next_;
    std::size_t lowest_ = SIZE_MAX;
    std::size_t highest_ = 0;
    int samples_ = 0;
};

struct delivery {
    std::uint64_t bytes = 0;
    bool content_good = true;

    bool take(std::string_view piece)
    {
        content_good = content_good && is_probe_content(piece, bytes);
        bytes += piece.size();
        return !piece.empty();
    }
};

void main_job(const front_server& front)
{
    const std::uint64_t size = job_size(front);
    const auto site = front.start({});
    curl_stream client(site->url("/stream?chunk=65536&bytes=" + std::to_string(size)), {},
                       std::chrono::minutes(10));
    std::vector<char> space(256 * kibibyte);
    delivery got;
    const auto read = [&](std::size_t most) {
        const std::size_t count = client.read_some(std::span(space).first(most), seconds(30));
        return got.take({space.data(), count});
    };
    REQUIRE(read(4096));
    const std::vector<pid_t> processes = site->probe_processes();
    REQUIRE(processes.size() == 1);
    memory_watch memory(processes.front());

    // Slowly: never ahead of the rate. What curl cannot hand on it does not read.
    const auto start = steady_clock::now();
    while (steady_clock::now() - start < slow_phase) {
        const auto due = std::chrono::duration<double>(steady_clock::now() - start).count() *
                         static_cast<double>(slow_rate);
        if (static_cast<double>(got.bytes) < due)
            REQUIRE(read(64 * kibibyte));
        else
            std::this_thread::sleep_for(milliseconds(2)); // the rate itself, not a wait for anything
        memory.look();
    }
    const std::uint64_t slow_bytes = got.bytes;
    CHECK(slow_bytes < size);

    // Then as fast as it goes.
    const auto fast_start = steady_clock::now();
    while (read(space.size()))
        memory.look();
    const std::chrono::duration<double> fast = steady_clock::now() - fast_start;

    const curl_result result = client.finish();
    INFO(result.errors);
    CHECK(result.complete());
    CHECK(result.response.status == 200);
    CHECK(got.bytes == size);
    CHECK(got.content_good);

    std::cout << front.name << ": " << size / mebibyte << " MiB, "
              << static_cast<double>(slow_bytes) / static_cast<double>(mebibyte) / 3.0
              << " MiB/s for 3 s, then "
              << static_cast<double>(size - slow_bytes) / static_cast<double>(mebibyte) / fast.count()
              << " MiB/s; resident " << memory.lowest() / kibibyte << " to " << memory.highest() / kibibyte
              << " KiB";
    CHECK(memory.samples() > 50);
    CHECK(memory.highest() - memory.lowest() <= mebibyte);
    if (front.speaks == gateway::fastcgi) {
        const probe_stats stats = fetch_stats(*site);
        std::cout << ", held at most " << stats.peak_held / kibibyte << " KiB";
        CHECK(stats.pid == processes.front());
        CHECK(stats.peak_held > 0);
        CHECK(stats.peak_held <= window + block);
        CHECK(stats.client_gone == 0);
    }
    std::cout << std::endl;
}
const on_each_server<main_job> main_job_tests("F1: the main job", "[main-job]",
                                              [](const front_server& front) { return front.streams; });

} // namespace

} // namespace sluice::test
