// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "bodies.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::command {

namespace {

// Standard input and output may have been made non-blocking by whoever shares them.
bool wait_until_ready(int fd, short events) noexcept
{
    pollfd p{fd, events, 0};
    return ::poll(&p, 1, -1) >= 0 || errno == EINTR;
}

bool try_again() noexcept
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

} // namespace

body_source::body_source(std::string_view named)
{
    if (!named.starts_with('@')) {
        text_ = named;
        size_ = text_.size();
        return;
    }
    const std::string file(named.substr(1));
    fd_ = file == "-" ? 0 : ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat st {};
    if (fd_ < 0 || ::fstat(fd_, &st) != 0)
        throw std::system_error(errno, std::generic_category(), "cannot read " + file);
    if (S_ISREG(st.st_mode)) {
        size_ = static_cast<std::uint64_t>(st.st_size);
        changed_ = st.st_mtime;
    }
}

body_source::~body_source()
{
    if (fd_ > 0)
        ::close(fd_);
}

std::size_t body_source::read(std::span<char> to)
{
    if (fd_ < 0) {
        const auto n = text_.copy(to.data(), to.size(), at_);
        at_ += n;
        return n;
    }
    for (;;) {
        const auto n = ::read(fd_, to.data(), to.size());
        if (n >= 0)
            return static_cast<std::size_t>(n);
        if (errno != EINTR && !(try_again() && wait_until_ready(fd_, POLLIN)))
            throw std::system_error(errno, std::generic_category(), "cannot read the body");
    }
}

bool write_all(int fd, std::string_view bytes) noexcept
{
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(n));
        else if (errno != EINTR && !(try_again() && wait_until_ready(fd, POLLOUT)))
            return false;
    }
    return true;
}

} // namespace sluice::command
