// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/free_port.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace sluice::test {

free_port::free_port()
{
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (fd_ < 0 || ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    {
        const int error = errno;
        if (fd_ >= 0)
            ::close(fd_);
        throw std::system_error(error, std::generic_category(), "no free port");
    }
    number_ = ntohs(address.sin_port);
}

free_port::~free_port()
{
    ::close(fd_);
}

} // namespace sluice::test
