// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>

namespace sluice {

/// The `main` of a program that is a sluice app: finds out how it was started and serves the app that way.
///
/// | started | serves |
/// |---|---|
/// | with `--fastcgi ADDRESS` or SLUICE_FASTCGI | FastCGI on that socket |
/// | with a listening socket as fd 0 (mod_fcgid, lighttpd, spawn-fcgi) | FastCGI on it |
/// | with GATEWAY_INTERFACE in the environment | one request as a plain CGI program |
///
/// Each flag can also be given as an environment variable (`--threads` as SLUICE_THREADS, …), since mod_fcgid passes no
/// arguments; `--help` lists them. SIGTERM, SIGUSR1, SIGINT and SIGHUP let running responses end, for at most the drain
/// time; a second one, other than SIGHUP, ends at once. SIGHUP is left alone where it was ignored at the start (nohup), and
/// with `--workers` it renews them.
///
/// Returns the exit status: 0; 1 for a plain CGI response that failed, or when serving is impossible; 2, after one line on
/// stderr, for wrong use.
int run(int argc, char** argv, application app);

} // namespace sluice
