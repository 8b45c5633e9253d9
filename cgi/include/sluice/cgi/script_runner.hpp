// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/cgi/script_environment.hpp>
#include <sluice/cgi/script_finder.hpp>

#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace sluice::cgi {

/// How CGI programs are run. Every bound has its default here.
struct runner_options {
    script_options scripts;
    script_environment_options environment;

    /// Programs that run at once. Each is a process: what the machine has memory and cores for.
    std::size_t processes = 64;

    /// Requests that wait for one to end; over it they get 503.
    std::size_t queue = 1000;

    /// From the request to the program's head, its time in the queue included; then 504 (503 in the queue). From when the
    /// request's body last moved, if that is later: a slow upload is not the program's doing. As long may a program that has
    /// answered leave the rest of its body unread, before it is ended.
    std::chrono::milliseconds timeout = std::chrono::seconds(60);

    /// Between two pieces of output after that, while the client takes what comes and the request's body does not move; then
    /// the response is given up. 0: no limit, for programs that wait for events.
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(0);

    /// Between SIGTERM and SIGKILL, for a program nobody waits for any more.
    std::chrono::milliseconds grace = std::chrono::seconds(5);

    /// A program that has closed its output and goes on is ended, not left alone.
    bool end_after_output = false;

    /// A program that ends with another status than 0 in mid-body has failed, and the client is to see it: of a script
    /// that died that is all there is to be known. Without it only a signal counts.
    bool status_counts = true;

    /// What a request's program may write to its stderr before the rest is dropped, and counted.
    std::size_t error_text = 64 * 1024;

    /// setrlimit(2) for each program.
    std::vector<std::pair<int, rlimit>> resources;
};

/// An app that runs an unmodified CGI program (RFC 3875) for each request.
///
/// The program's output is read only while the response has room: a slow client makes it wait in its own `write`. Its input
/// flows at the same time. When the client leaves, its process group gets SIGTERM, then SIGKILL.
///
/// SIGPIPE is ignored from then on, unless the process has a handler of its own.
/// Errors: throws std::invalid_argument in words when the options are wrong (as `script_finder`).
/// Thread safety: the app may be run by several loops at once; they share the limit of `processes`.
application script_runner(runner_options options);

} // namespace sluice::cgi
