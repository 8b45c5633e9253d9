// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A response that takes its time: a line a second, and the browser shows each as it comes.
#include <sluice/sluice.hpp>

#include <fmt/core.h>

using namespace std::chrono_literals;

// An app that streams is a coroutine. `respond.start` sends status and headers and gives the writer for the body.
sluice::task<void> countdown(sluice::request&, sluice::responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain; charset=utf-8"}});
    for (int i = 10; i > 0; --i) {
        // On the wire before the second begins: nothing waits for a buffer to fill.
        co_await out.write(fmt::format("{}\n", i));
        // Other requests go on meanwhile. If this client leaves, the wait throws, and the app is over.
        co_await sluice::sleep_for(1s);
    }
    co_await out.write("Lift-off!\n");
} // returning ends the response

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, countdown);
}
