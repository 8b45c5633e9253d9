// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice {

/// The bounds of reading a form, a query or cookies; `limits::form`. Over one of them the answer is 413, 400 for a query
/// and cookies. Sizes are bytes.
struct form_limits {
    /// Fields and files of one form; pairs of a query; cookies. PHP takes 1000.
    std::size_t parts = 1000;

    /// Header lines of one part of a multipart form, and the line of its boundary. Browsers send two lines: room for
    /// names of 4 KiB, the longest that file systems have, each byte of them encoded.
    std::size_t part_head = 16 * 1024;

    /// Header lines of one part; browsers send two.
    std::size_t part_fields = 20;

    /// Name and value of one field. It is held in memory; a long text that somebody typed is a tenth of it.
    std::size_t field = 256 * 1024;

    /// Names and values of all fields of one form, and what its files are called: what it costs in memory.
    std::size_t fields = 1024 * 1024;

    /// One file of a multipart form. Files are streamed; where the app takes them so, it costs no memory.
    std::uint64_t file = 256 * 1024 * 1024;

    /// The whole body of a form, files and all. What goes to temporary files is within it.
    std::uint64_t body = 1024 * 1024 * 1024;
};

/// Every bound sluice keeps, by name, with its default and the reason for it. Sizes are bytes.
struct limits {
    // Memory.

    /// Size of one pool block, the unit in which output is held and framed. A record made of one block
    /// stays under 16 KiB: lighttpd, mod_fcgid and HAProxy hold a record until it is whole, and HAProxy's
    /// buffer is 16 KiB. A multiple of the page size.
    std::size_t block_size = 16 * 1024;

    /// All blocks of the process together. They are mapped at once and committed when first used.
    std::size_t pool_bytes = 64 * 1024 * 1024;

    /// The most that may be held for one response, in whole blocks (rounded down) and never more than the pool.
    std::size_t window = 64 * 1024;

    /// The most that may be held of one request body before the app reads it, in whole blocks.
    std::size_t input_window = 64 * 1024;

    /// What a response must have drained without a stall before its window doubles. More than a unix
    /// socket's kernel buffer (208 KiB on Linux) takes at once, so that only a reading client counts.
    std::size_t window_growth = 512 * 1024;

    /// What one response may send within one turn of the loop before the others get theirs.
    std::size_t turn_budget = 512 * 1024;

    /// Text of `request::errors()` that waits to be sent; what is over is dropped and counted.
    std::size_t error_text = 8 * 1024;

    // Requests.

    /// Status line and headers of a response. lighttpd takes 64 KiB, nginx one page unless told otherwise.
    std::size_t response_head = 12 * 1024;

    /// Header lines of a CGI program's response. HAProxy takes 100 of a response, Apache reads any number.
    std::size_t response_fields = 500;

    /// Names and values of a request's environment together. Apache takes 100 header lines of 8 KiB, and
    /// nobody's are that long.
    std::size_t params_bytes = 256 * 1024;

    /// Variables of a request's environment.
    std::size_t params_count = 1000;

    /// Request body; over it the request is answered with 413. 0 is no limit: the body is streamed, so its
    /// size costs no memory.
    std::uint64_t request_body = 0;

    /// What `request_body::buffer` takes in unless told otherwise: in memory within `input_window`, in a file beyond. More
    /// than a document or an API's call has; what is larger is better read as it comes.
    std::uint64_t buffered_body = 64 * 1024 * 1024;

    /// What of one body may go to a temporary file. That happens where not to read on would hold up more than this body:
    /// mod_fcgid and mod_proxy_fcgi send the whole request before they read any of the response; and on a connection
    /// shared with other requests, what comes for those comes behind it.
    std::uint64_t spill = 1024 * 1024 * 1024;

    /// The same of all bodies of a thread together; the one that passes it fails.
    std::uint64_t spill_total = 4ull * 1024 * 1024 * 1024;

    /// Body the app left unread, thrown away at the end of the response before the connection is closed.
    std::uint64_t discard = 1024 * 1024;

    /// What an app writes of a body that does not go out (HEAD, 204, 205, 304): over it the response is complete, and the app
    /// is told as of a client that has left. So ends a HEAD that is answered by an endless stream.
    std::uint64_t unsent_body = 1024 * 1024;

    /// See there.
    form_limits form;

    /// Requests in service at once in each thread, each on its own connection or not; over it they get 503.
    std::size_t requests = 10000;

    /// Those of them whose variables have not all come: what is kept of each is bounded by `params_bytes`, and web
    /// servers send them in one piece. Over it, or over three quarters of it on one connection, they get 503.
    std::size_t half_sent_requests = 1000;

    /// Requests in service at once on one FastCGI connection; over it they get 503. 1 turns multiplexing off:
    /// FCGI_MPXS_CONNS is answered with 0, and a second request gets FCGI_CANT_MPX_CONN.
    std::size_t connection_requests = 1000;

    /// Threads of each loop that wait for disks, so that the loop does not. None is started as long as all that is read is in the
    /// page cache; more than a few only wait for the same disk. At least one.
    std::size_t file_threads = 4;

    /// Connections open at once; over it no more are accepted until one closes.
    std::size_t connections = 10000;

    // Time.

    /// A request that is half sent and of which nothing comes: it fails, and alone on its connection takes that along. Its
    /// variables must all have come by then, however they trickle. Also a connection that never brought anything.
    std::chrono::milliseconds request_idle = std::chrono::seconds(60);

    /// The client takes nothing of what waits for it. Longer than mod_fcgid's busy timeout of 300 s would be
    /// of no use behind it; shorter would cut clients that read in bursts of a full kernel buffer.
    std::chrono::milliseconds write_stall = std::chrono::seconds(300);

    /// The same once the app has finished: nobody waits for the rest but a client that reads nothing. A body that was given
    /// whole is being written until the last of it is in the window. Also what an app may take after the head of an answer to
    /// GET or HEAD of which nothing else goes out.
    std::chrono::milliseconds linger = std::chrono::seconds(30);

    /// Between SIGTERM and the end, for responses still running.
    std::chrono::milliseconds drain = std::chrono::seconds(30);

    /// How long a loop with a single connection looks for the next request before it sleeps; tried only where requests
    /// have come that fast (docs/design/010). About what a sleep and a wake-up cost on a virtual machine. 0 turns it off.
    std::chrono::microseconds busy_poll = std::chrono::microseconds(50);
};

} // namespace sluice
