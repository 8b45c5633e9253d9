// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A program on libfcgi that is being moved to sluice, one handler at a time. Its main loop and the handler for
// /status are as they have always been; /log has been moved, and streams.
//
//     spawn-fcgi -s /tmp/ported.sock -- ./ported_libfcgi        or started by lighttpd
#include <sluice/libfcgi/bridge.hpp>
#include <sluice/sluice.hpp>

#include <fmt/core.h>

#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include <fcgiapp.h>

using namespace std::chrono_literals;

namespace {

constexpr int listening_socket = 0; // the web server's, or spawn-fcgi's
constexpr int threads = 8;

// As ever: what libfcgi cannot pass on yet makes FCGX_FPrintF wait, and that a client has left shows only then.
void status(FCGX_Request& request)
{
    const char* const name = FCGX_GetParam("SERVER_NAME", request.envp); // null when nobody sent it
    FCGX_FPrintF(request.out, "Content-Type: text/plain\r\n\r\nIn service, %s.\n", name ? name : "nameless");
}

// Moved: a line a second, each with the client at once. When the client leaves, the wait throws and the thread is
// free for the next request.
sluice::task<void> follow_log(sluice::request&, sluice::responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain; charset=utf-8"}});
    for (int line = 1; line <= 10; ++line) {
        co_await out.write(fmt::format("log line {}\n", line));
        co_await sluice::sleep_for(1s);
    }
}

// One loop for each thread. A bridge belongs to its thread; the app, `follow_log`, is shared by all.
void serve()
{
    sluice::libfcgi::bridge log_bridge(follow_log);
    FCGX_Request request;
    FCGX_InitRequest(&request, listening_socket, 0);
    while (FCGX_Accept_r(&request) == 0) {
        const char* path = FCGX_GetParam("REQUEST_URI", request.envp);
        if (path != nullptr && std::strstr(path, "/log") != nullptr)
            log_bridge.answer(request); // returns when the response is over
        else
            status(request);
        FCGX_Finish_r(&request);
    }
}

} // namespace

int main()
{
    FCGX_Init();
    std::signal(SIGTERM, SIG_DFL); // libfcgi takes it for itself, and goes on waiting
    std::vector<std::jthread> all;
    for (int i = 0; i < threads; ++i)
        all.emplace_back(serve);
}
