// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"
#include "socket.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv)
{
    const bench::options opt = bench::parse_options(argc, argv);
    bench::end_after(opt.deadline);
    try {
        if (opt.mode == "requests")
            return bench::run_requests(opt);
        if (opt.mode == "stream")
            return bench::run_stream(opt);
        if (opt.mode == "first")
            return bench::run_first(opt);
        if (opt.mode == "upload")
            return bench::run_upload(opt);
        if (opt.mode == "slow")
            return bench::run_slow(opt);
        if (opt.mode == "multiplexed")
            return bench::run_multiplexed(opt);
        if (opt.mode == "leave")
            return bench::run_leave(opt);
        return bench::run_get(opt);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "fcgi_load: %s\n", error.what());
        return 1;
    }
}
