// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "wire.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace bench {

struct options {
    std::string mode;            // requests, multiplexed, stream, first, upload, slow, leave, get
    std::string connect;         // unix:/path or tcp:host:port
    bool http = false;           // --connect http:ADDRESS: HTTP instead of FastCGI
    wire::request_target target; // --path, --script
    bool keep = true;            // --closed: a new connection for each request
    bool busy = false;           // --busy: spin instead of sleeping in epoll_wait

    unsigned connections = 1;
    double seconds = 2;
    double warmup = 0;
    bool finish = false;     // --finish, requests: then wait for the answers under way
    std::uint64_t count = 0; // requests: stop after so many; stream, first, upload: repeat so often
    unsigned deadline = 120; // seconds until the program gives up on itself

    int expect_status = 200;
    std::optional<std::uint64_t> expect_bytes;
    std::string expect_body; // the whole body, for small answers

    std::uint64_t upload_bytes = 0;
    std::size_t record = 32768; // content of one STDIN record; nginx sends 32 KiB

    double rate = 0;    // slow: content and framing bytes a second for each connection
    bool drain = false; // slow: then read the rest at full speed

    unsigned in_flight = 1;     // multiplexed: requests at once on the connection
    std::string state = "busy"; // leave: what the answer is doing then
    std::string how = "close";  // leave: how the client goes
};

// Exits with 2 and a line that says what and how when the arguments are wrong.
[[nodiscard]] options parse_options(int argc, char** argv);

} // namespace bench
