// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/environment.hpp>
#include <sluice/fcgi/listener.hpp>
#include <sluice/limits.hpp>
#include <sluice/statistics.hpp>

#include <memory>
#include <string>

namespace sluice::fcgi {

/// How a server runs.
struct server_options {
    sluice::limits limits;
    normalize_options normalize;

    /// Loops, each in a thread of its own with its share of the pool; a connection stays on one.
    unsigned threads = 1;

    /// FCGI_WEB_SERVER_ADDRS: IP addresses with commas between, of whom alone TCP connections are taken; "" is everybody.
    std::string web_server_addresses;

    /// Whether other processes run the same app (`service_facts::multiprocess`).
    bool multiprocess = true;
};

/// Runs an app for all connections of a listening socket.
///
/// Thread safety: `drain`, `stop` and `stats` may be called from any thread and while `run` runs; the rest not.
class server {
public:
    /// Errors: throws std::invalid_argument for `web_server_addresses` that are none.
    server(listener l, application app, const server_options& options = {});
    ~server();

    /// The first loop, for signal handlers and the like.
    executor get_executor() const;

    /// Serves until stopped; the calling thread is one of the loops.
    void run();

    /// Accepts no more, lets running responses end, and returns from `run`: when they have, at the latest after
    /// `limits::drain`, when what is left is made to fail visibly.
    void drain();

    /// Ends at once.
    void stop();

    statistics stats() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace sluice::fcgi
