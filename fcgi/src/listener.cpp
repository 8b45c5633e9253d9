// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/listener.hpp>

#include "address.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/core.h>

namespace sluice::fcgi {

namespace {

struct descriptor {
    int fd = -1;
    explicit descriptor(int f) : fd(f) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (fd >= 0)
            ::close(fd);
    }
    int release() noexcept { return std::exchange(fd, -1); }
};

[[noreturn]] void fail(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_un unix_address(const std::string& path)
{
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::memcpy(a.sun_path, path.data(), path.size()); // `address::parse` saw that it fits
    return a;
}

// A socket file left by a process that is gone refuses connections; one in use accepts them.
void remove_stale(const std::string& path, const sockaddr_un& address)
{
    struct stat st {};
    if (::lstat(path.c_str(), &st) != 0)
        return;
    if (!S_ISSOCK(st.st_mode))
        throw std::invalid_argument(
            fmt::format("unix:{}: something that is no socket is there; give another path", path));
    const descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(probe.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
        errno == EAGAIN)
        throw std::invalid_argument(
            fmt::format("unix:{}: a program is listening there already; stop it or give another path", path));
    if (errno == ECONNREFUSED)
        ::unlink(path.c_str());
}

// "user", "user:group", ":group": names or numbers. -1 is what chown leaves as it is.
std::pair<uid_t, gid_t> ids_of(const std::string& owner)
{
    const auto number = [](const std::string& text) -> std::optional<unsigned> {
        unsigned n = 0;
        const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
        return fault == std::errc() && end == text.data() + text.size() ? std::optional(n) : std::nullopt;
    };
    const auto colon = std::min(owner.find(':'), owner.size());
    const auto user = owner.substr(0, colon), group = owner.substr(std::min(colon + 1, owner.size()));
    auto uid = static_cast<uid_t>(-1);
    auto gid = static_cast<gid_t>(-1);
    if (const auto n = number(user))
        uid = *n;
    else if (const passwd* p = user.empty() ? nullptr : ::getpwnam(user.c_str()))
        uid = p->pw_uid;
    else if (!user.empty())
        throw std::invalid_argument(fmt::format("'{}': there is no user '{}' for the socket", owner, user));
    if (const auto n = number(group))
        gid = *n;
    else if (const ::group* g = group.empty() ? nullptr : ::getgrnam(group.c_str()))
        gid = g->gr_gid;
    else if (!group.empty())
        throw std::invalid_argument(fmt::format("'{}': there is no group '{}' for the socket", owner, group));
    return {uid, gid};
}

int open_unix(const std::string& path, const listener_options& options)
{
    const auto [uid, gid] = ids_of(options.owner);
    const auto address = unix_address(path);
    remove_stale(path, address);
    descriptor d(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (d.fd < 0 || ::bind(d.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("cannot listen on unix:" + path);
    // Nobody can connect before `listen`: until then the file's rights may be anything.
    if (options.mode && ::chmod(path.c_str(), *options.mode) != 0)
        fail("cannot change the mode of unix:" + path);
    if (!options.owner.empty() && ::chown(path.c_str(), uid, gid) != 0)
        fail(fmt::format("cannot give unix:{} to {}", path, options.owner));
    if (::listen(d.fd, options.backlog) != 0)
        fail("cannot listen on unix:" + path);
    return d.release();
}

int open_tcp(const std::string& host, const std::string& port, const listener_options& options)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    if (const int e = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
        e != 0)
        throw std::invalid_argument(fmt::format("tcp:{}:{}: {}", host, port, ::gai_strerror(e)));
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> all(found, &::freeaddrinfo);
    for (const addrinfo* a = found; a; a = a->ai_next) {
        descriptor d(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (d.fd < 0)
            continue;
        const int on = 1;
        ::setsockopt(d.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (::bind(d.fd, a->ai_addr, a->ai_addrlen) == 0 && ::listen(d.fd, options.backlog) == 0)
            return d.release();
    }
    fail(fmt::format("cannot listen on tcp:{}:{}", host, port));
}

std::string tcp_name(int fd)
{
    sockaddr_storage a{};
    socklen_t size = sizeof a;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size) != 0 ||
        ::getnameinfo(reinterpret_cast<const sockaddr*>(&a), size, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return "tcp:?";
    return a.ss_family == AF_INET6 ? fmt::format("tcp:[{}]:{}", host, port)
                                   : fmt::format("tcp:{}:{}", host, port);
}

} // namespace

bool listener::is_listening(int fd) noexcept
{
    int on = 0;
    socklen_t size = sizeof on;
    return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on != 0;
}

listener listener::open(std::string_view address, const listener_options& options)
{
    const auto where = fcgi::address::parse(address);
    if (where.path.empty()) {
        const int fd = open_tcp(where.host, where.port, options);
        return {fd, tcp_name(fd)};
    }
    listener l(open_unix(where.path, options), std::string(address));
    struct stat st {};
    if (::lstat(where.path.c_str(), &st) == 0) {
        l.file_ = {st.st_dev, st.st_ino};
        l.path_to_remove_ = where.path;
    }
    return l;
}

listener listener::inherit(int fd)
{
    if (!is_listening(fd))
        throw std::invalid_argument(fmt::format("descriptor {} is no listening socket", fd));
    listener l(fd, fmt::format("descriptor {}", fd));
    // Others may share the queue, and take the connection we were woken for: accept must not block then. The flag is theirs
    // too, and stays when we go: without it the next accept of theirs would be one that never returns.
    if (const int flags = ::fcntl(fd, F_GETFL); flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        fail(fmt::format("cannot make descriptor {} non-blocking", fd));
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return l;
}

listener::listener(listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), address_(std::move(other.address_)),
      path_to_remove_(std::move(other.path_to_remove_)), file_(other.file_)
{
    other.path_to_remove_.clear();
}

listener& listener::operator=(listener&& other) noexcept
{
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
        address_ = std::move(other.address_);
        path_to_remove_ = std::exchange(other.path_to_remove_, {});
        file_ = other.file_;
    }
    return *this;
}

listener::~listener()
{
    close();
}

void listener::close() noexcept
{
    if (fd_ < 0)
        return;
    // Another process may have put its own socket there since.
    struct stat st {};
    if (!path_to_remove_.empty() && ::lstat(path_to_remove_.c_str(), &st) == 0 &&
        file_ == std::pair(st.st_dev, st.st_ino))
        ::unlink(path_to_remove_.c_str());
    ::close(std::exchange(fd_, -1));
}

int listener::accept(sockaddr_storage* peer) const noexcept
{
    int fd;
    do {
        socklen_t size = sizeof *peer;
        fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(peer), peer ? &size : nullptr,
                       SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    return fd;
}

} // namespace sluice::fcgi
