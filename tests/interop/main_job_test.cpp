// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The main job: a response larger than memory should ever hold, to a client that is slow for a
// while and then reads all it can.
//
// SLUICE_MAIN_JOB_BYTES sets the size for every server, 2147483648 say; without it the three ways
// that sluice promises first carry 2 GiB and the others less.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "interop/slow_client.hpp"
#include "support/curl.hpp"

#include <cstdlib>
#include <iostream>

namespace sluice::test {

namespace {

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

void main_job(const front_server& front)
{
    const std::uint64_t size = job_size(front);
    const auto site = front.start({});
    curl_stream client(site->url("/stream?chunk=65536&bytes=" + std::to_string(size)), {},
                       std::chrono::minutes(10));
    std::vector<pid_t> processes;
    const slow_then_fast job(client, [&] {
        processes = site->probe_processes();
        REQUIRE(processes.size() == 1);
        return processes.front();
    });
    job.check(size);
    job.print(front.name);
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
