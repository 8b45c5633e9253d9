// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "socket.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>

namespace bench {

namespace {

[[noreturn]] void throw_errno(const char* what)
{
    throw std::system_error{errno, std::generic_category(), what};
}

unique_fd connect_unix(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw std::invalid_argument{"socket path too long: " + path};
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd)
        throw_errno("socket");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw_errno("connect");
    return fd;
}

unique_fd connect_tcp(const std::string& host_and_port)
{
    const auto colon = host_and_port.rfind(':');
    if (colon == std::string::npos)
        throw std::invalid_argument{"tcp:HOST:PORT wanted, got tcp:" + host_and_port};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(host_and_port.substr(colon + 1))));
    if (::inet_pton(AF_INET, host_and_port.substr(0, colon).c_str(), &address.sin_addr) != 1)
        throw std::invalid_argument{"not an IPv4 address: " + host_and_port};
    unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!fd)
        throw_errno("socket");
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw_errno("connect");
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

extern "C" void too_late(int)
{
    constexpr char text[] = "fcgi_load: not finished in time, giving up\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, sizeof text - 1);
    ::_exit(3);
}

} // namespace

void unique_fd::reset()
{
    if (const int fd = std::exchange(fd_, -1); fd >= 0)
        ::close(fd);
}

unique_fd connect_to(const std::string& address)
{
    if (address.rfind("unix:", 0) == 0)
        return connect_unix(address.substr(5));
    if (address.rfind("tcp:", 0) == 0)
        return connect_tcp(address.substr(4));
    return connect_unix(address);
}

void send_all(int fd, const char* data, std::size_t size)
{
    while (size > 0) {
        const ssize_t n = ::send(fd, data, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            throw_errno("send");
        data += n;
        size -= static_cast<std::size_t>(n);
    }
}

void end_after(unsigned seconds)
{
    std::signal(SIGALRM, too_late);
    ::alarm(seconds);
}

std::uint64_t now_ns()
{
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

double cpu_seconds()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace bench
