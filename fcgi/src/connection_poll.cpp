// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "connection_poll.hpp"

#include <sys/socket.h>

namespace sluice::fcgi {

bool connection_poll::look(int fd) noexcept
{
    const auto until = std::chrono::steady_clock::now() + longest_;
    bool came = false;
    do {
        char c;
        came = ::recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
    } while (!came && std::chrono::steady_clock::now() < until);
    note(came);
    return came;
}

} // namespace sluice::fcgi
