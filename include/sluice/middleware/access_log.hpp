// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace sluice::middleware {

/// Takes a line, without its end.
/// Thread safety: called by every thread that serves requests, at the same time.
using line_writer = std::function<void(std::string_view line)>;

/// Lines to a stream, one at a time, each flushed. Everybody waits while `out` takes none: a pipe whose reader sleeps holds up the
/// service. Precondition: `out` outlives the app.
line_writer lines_to(std::ostream& out);

/// Lines to a logger, at level info.
line_writer lines_to(std::shared_ptr<spdlog::logger> logger);

struct access_log_options {
    /// The formats of Apache's mod_log_config that log readers know.
    enum class line_format {
        common,   ///< %h %l %u %t "%r" %>s %b
        combined, ///< and "%{Referer}i" "%{User-Agent}i"
    };
    line_format format = line_format::combined;

    /// Put at the end of the line of an answer that was cut short: what Apache's %X says of one.
    std::string aborted_mark = " X";

    /// Bytes of one field that are logged; the rest is left out. Apache takes request lines of 8190.
    std::size_t field_size = 8190;

    /// What time it is. It is written in the zone of the process (TZ).
    std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

/// Writes a line for each request when its answer has ended, however that was; requests that do not reach an app,
/// refused before with 400, 413 or 503, are in sluice's own log only.
///
/// The time is that of the request. %b counts bytes of the body that the kernel has, "-" for none; a status of 0 is
/// one whose client left before there was any. Outermost in a stack it logs what is sent, whichever middleware
/// answered.
///
/// Security: what comes from the client is escaped as Apache does: quotes and backslashes by a backslash, control
/// characters and bytes above 126 as \n, \t, \xHH. No request can forge a line or a field.
application access_log(application inner, line_writer write, access_log_options options = {});

} // namespace sluice::middleware
