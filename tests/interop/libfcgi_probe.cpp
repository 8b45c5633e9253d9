// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The probe in a program on libfcgi: started by the web server, threads that accept, a bridge for each.
#include "probe.hpp" // examples/

#include <sluice/libfcgi/bridge.hpp>

#include <csignal>
#include <deque>
#include <thread>
#include <vector>

#include <fcgiapp.h>

namespace {

constexpr int listening_socket = 0;
constexpr std::size_t threads = 8;

std::deque<sluice::libfcgi::bridge> bridges;

// What one bridge says is only its own.
sluice::statistics all_figures()
{
    sluice::statistics sum;
    for (const auto& b : bridges)
        b.add_to(sum);
    return sum;
}

void serve(sluice::libfcgi::bridge& b)
{
    FCGX_Request request;
    FCGX_InitRequest(&request, listening_socket, 0);
    while (FCGX_Accept_r(&request) == 0) {
        b.answer(request);
        FCGX_Finish_r(&request);
    }
}

} // namespace

int main()
{
    FCGX_Init();
    std::signal(SIGTERM, SIG_DFL); // libfcgi takes it for itself
    sluice::libfcgi::bridge_options options;
    options.multithread = true;
    options.statistics = all_figures;
    for (std::size_t i = 0; i < threads; ++i)
        bridges.emplace_back(probe, options);
    std::vector<std::jthread> all;
    for (auto& b : bridges)
        all.emplace_back([&b] { serve(b); });
}
