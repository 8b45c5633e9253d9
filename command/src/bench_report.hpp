// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "latencies.hpp"

#include <cstdint>
#include <string>

namespace sluice::command {

/// What a load has shown so far.
struct bench_figures {
    std::string what; ///< target and URI
    double seconds = 0;
    std::uint64_t answers = 0;    ///< complete ones
    std::uint64_t not_2xx = 0;    ///< of these, those with another Status
    std::uint64_t failed = 0;     ///< no complete answer: refused, broken off, not connected
    std::uint64_t unfinished = 0; ///< under way when the time was over; in no other figure
    std::uint64_t bytes = 0;      ///< of STDOUT
    std::string first_failure;
    latencies times; ///< of complete answers, from the asking to END_REQUEST
};

std::string progress_line(const bench_figures& f);
std::string report(const bench_figures& f);
/// One JSON object with its line end; times in microseconds.
std::string json_report(const bench_figures& f);

/// The Status of a CGI head's beginning; 200 without one (RFC 3875 section 6.3.3), also when it is no number.
int status_of(std::string_view head);

} // namespace sluice::command
