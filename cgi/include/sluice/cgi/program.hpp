// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>
#include <sluice/environment.hpp>
#include <sluice/limits.hpp>

#include <memory>

namespace sluice::cgi {

/// The descriptors and variables of a CGI program. A test may give others than a process's own.
struct program_io {
    int in = 0;
    int out = 1;
    int err = 2;
    const char* const* variables = nullptr; ///< as `environ`; null takes the process's own
};

/// Serves the one request of a CGI program: same app, same bounds as over FastCGI.
///
/// The descriptors are made non-blocking where that is possible and get their flags back at the end, since whoever
/// started the program may share them. SIGPIPE must be ignored.
///
/// Thread safety: `terminate` may be called from any thread and while `run` runs; the rest not.
class program {
public:
    program(application app, const limits& l = {}, const normalize_options& normalize = {}, const program_io& io = {});
    ~program();

    /// True when this process was started as a CGI program: GATEWAY_INTERFACE is set, and `in` is no listening socket.
    static bool is_cgi(int in = 0) noexcept;

    /// Serves the request. Returns when the response is out and the app has returned: the exit status, 0 for a response
    /// that ended well and 1 for one that was made to fail or lost its client.
    int run();

    /// Where `run` will run, for signal handlers and the like.
    executor get_executor() const;

    /// The web server wants the program to end: the app is told, and `run` returns.
    void terminate();

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace sluice::cgi
