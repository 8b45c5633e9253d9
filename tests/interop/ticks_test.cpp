// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Where the server can stream, what the app writes is with the client before the app goes on.
#include "interop/on_each_server.hpp"
#include "support/curl.hpp"

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void ticks(const front_server& front)
{
    const auto site = front.start({});
    constexpr int count = 5;
    constexpr milliseconds pause{400};
    curl_stream client(site->url("/ticks?n=5&ms=" + std::to_string(pause.count())));
    steady_clock::time_point first;
    for (int tick = 0; tick < count; ++tick) {
        // The first line waits for the process to start; every other one for the app's pause.
        const std::string line = client.read_line(std::chrono::seconds(20));
        const auto now = steady_clock::now();
        CHECK(line == "tick " + std::to_string(tick));
        if (tick == 0)
            first = now;
        // Tick i leaves the app i pauses after the first. It must be here before the next is due.
        INFO("tick " << tick << " came " << std::chrono::duration_cast<milliseconds>(now - first).count()
                     << " ms after the first");
        CHECK(now - first < pause * (tick + 1));
        // And held up by nothing but the app: lines that come together were kept together.
        CHECK(now - first > pause * tick - pause / 2);
    }
    CHECK(client.read_line(std::chrono::seconds(20)).empty());
    CHECK(client.finish().complete());
}
const on_each_server<ticks> ticks_tests("F7: ticks arrive one by one", "[streaming]",
                                        [](const front_server& front) { return front.streams; });

void idle(const front_server& front)
{
    // One process is kept busy by the silent response: behind mod_fcgid for as long as it lasts.
    const auto site = front.start({.max_processes = 2});
    curl_stream client(site->url("/idle"));
    CHECK_FALSE(client.read_line(std::chrono::seconds(20)).empty());
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
    client.leave();
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}
const on_each_server<idle> idle_tests("F11: a silent response holds up nobody", "[streaming]",
                                      [](const front_server& front) { return front.streams; });

} // namespace

} // namespace sluice::test
