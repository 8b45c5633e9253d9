// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/environment.hpp>
#include <sluice/limits.hpp>
#include <sluice/statistics.hpp>

#include <functional>
#include <memory>

struct FCGX_Request; // fcgiapp.h

namespace sluice::libfcgi {

/// How a bridge runs its app.
struct bridge_options {
    sluice::limits limits;
    normalize_options normalize;

    /// Whether other threads of this process run the same app (`service_facts::multithread`), and other processes.
    bool multithread = false;
    bool multiprocess = true;

    /// What `request::statistics()` says; by default the figures of this bridge alone.
    std::function<sluice::statistics()> statistics;
};

/// Runs a sluice app inside a program's own `FCGX_Accept_r` loop, request by request, so that an old libfcgi
/// program moves handler by handler:
///
///     sluice::libfcgi::bridge reports(report_app);       // one for each thread that accepts
///     while (FCGX_Accept_r(&request) == 0) {
///         if (is_report(request))
///             reports.answer(request);
///         else
///             old_handler(request);                      // stays as it is
///         FCGX_Finish_r(&request);
///     }
///
/// The app meets the same contract as on the other transports. What is different is that a thread has one request
/// at a time: the app may block it, and while the app waits for its client, for the body or for a timer, the thread
/// waits too.
///
/// Thread safety: a bridge belongs to one thread; `cancel`, `stats` and `add_to` may be called from any. Several
/// bridges may share an app.
class bridge {
public:
    bridge(application app, const bridge_options& options = {});
    ~bridge();

    /// Answers a request that `FCGX_Accept_r` has filled. Returns when the response is over and the app has
    /// returned: true for a response that ended well, false for one that was made to fail, or lost its client.
    ///
    /// Preconditions: nothing was read from or written to the request, nor does anybody else use it, or this
    /// bridge, until `answer` returns.
    ///
    /// Postconditions: the response's end is with the web server. The request is to be given to `FCGX_Finish_r`,
    /// `FCGX_Accept_r` or `FCGX_Free` as ever, and its streams to nobody else. Where the connection cannot be kept,
    /// because the response failed or its body was not read to the end, it is closed already and the request freed:
    /// `in`, `out` and `err` are null then and `envp` is empty.
    ///
    /// Errors: an app that throws, or writes less than its Content-Length, is met as on the other transports: by a
    /// complete 500, or in mid-body by a response without END_REQUEST and a closed connection. Requests of a role
    /// that the app does not serve get a 500, since libfcgi has no way to say FCGI_UNKNOWN_ROLE.
    ///
    /// Blocking: what waits does so in the app's executor: timers go off, and what is posted there runs. Handlers
    /// and coroutines that outlast their request go on in the next `answer`. A coroutine that neither ends nor
    /// waits for something of its request holds the thread. The time limits are those of `limits`; SIGPIPE is held
    /// back meanwhile.
    bool answer(FCGX_Request& request);

    /// Ends the response under way from outside, for a program that shuts down: the app is told, and the transfer
    /// fails unless it was complete. Nothing when there is none.
    void cancel();

    /// Where apps run, while `answer` does.
    executor get_executor() const;

    /// The figures of this bridge, and adding them to those of others.
    statistics stats() const;
    void add_to(statistics& s) const noexcept;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace sluice::libfcgi
