// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "systemd.hpp"

#include <fmt/core.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::systemd {

namespace {

constexpr int first_passed = 3; // SD_LISTEN_FDS_START

long number(const char* text) noexcept
{
    long n = 0;
    const char* const end = text ? text + std::strlen(text) : nullptr;
    const auto [at, fault] = std::from_chars(text, end, n);
    return text && fault == std::errc() && at == end ? n : 0;
}

} // namespace

std::optional<int> activated_socket()
{
    const auto pid = number(std::getenv("LISTEN_PID")), count = number(std::getenv("LISTEN_FDS"));
    if (pid != ::getpid() || count < 1)
        return std::nullopt;
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        ::unsetenv(name);
    if (count > 1)
        throw std::invalid_argument(fmt::format(
            "systemd passed {} sockets, and this program serves one: give each a service of its own", count));
    ::fcntl(first_passed, F_SETFD, FD_CLOEXEC);
    return first_passed;
}

void notify(std::string_view state) noexcept
{
    const char* const where = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t size = where ? std::strlen(where) : 0;
    if (size < 2 || size >= sizeof address.sun_path || (where[0] != '/' && where[0] != '@'))
        return;
    std::memcpy(address.sun_path, where, size);
    if (where[0] == '@')
        address.sun_path[0] = '\0'; // the abstract namespace
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size));
    ::close(fd);
}

} // namespace sluice::systemd
