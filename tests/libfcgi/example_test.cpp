// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The example of a program half moved, started as a web server starts it.
#include "fcgi/socket_peer.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>

namespace sluice::test {

TEST_CASE("F7, F11: ported_libfcgi: the old handler answers, the moved one streams")
{
    const temp_dir folder;
    const auto listener = fcgi::listener::open("unix:" + (folder / "socket").string());
    ::fcntl(listener.fd(), F_SETFL,
            ::fcntl(listener.fd(), F_GETFL) & ~O_NONBLOCK); // libfcgi waits in accept(2)
    process program({.command = {SLUICE_PORTED_LIBFCGI}, .stdin_fd = listener.fd()});

    auto log = socket_peer::connect(listener.address());
    log.send(get(1, false, "/log"));
    CHECK(log.receive_until([&] { return log.received.find("log line 1\n") != std::string::npos; }));
    CHECK(log.received.find("log line 2\n") == std::string::npos);

    auto status = socket_peer::connect(listener.address());
    status.send(get(1, true, "/status"));
    CHECK(status.receive_reply(1));
    CHECK(status.reply_to(1).body == "In service, localhost.\n");

    CHECK(log.receive_until([&] { return log.received.find("log line 2\n") != std::string::npos; }));
    program.send_signal(SIGTERM);
    CHECK(program.wait_for(patience) == exit_status{0, SIGTERM});
}

} // namespace sluice::test
