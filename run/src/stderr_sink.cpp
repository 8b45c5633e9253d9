// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "stderr_sink.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice {

namespace {

constexpr int patience_ms = 100;

} // namespace

// O_NONBLOCK belongs to what stderr shares with other processes: a pipe is opened anew for it. Where that is not allowed (it
// is another user's), there is room for a line whenever poll says so, unless another writer is quicker.
stderr_sink::stderr_sink() : fd_(STDERR_FILENO)
{
    struct stat s {};
    if (::fstat(fd_, &s) != 0)
        return;
    is_socket_ = S_ISSOCK(s.st_mode);
    if (!S_ISFIFO(s.st_mode))
        return;
    const int fd = ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) {
        fd_ = fd;
        own_ = true;
    }
}

stderr_sink::~stderr_sink()
{
    if (own_)
        ::close(fd_);
}

void stderr_sink::sink_it_(const spdlog::details::log_msg& message)
{
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (!has_room() || !write_rest()) {
        ++lost_;
        return;
    }
    if (lost_ > 0 && write(fmt::format("{} lines of this log are lost: nobody read it\n", lost_)))
        lost_ = 0;
    if (!write(std::string_view(line.data(), line.size())))
        ++lost_;
}

bool stderr_sink::has_room()
{
    pollfd p{fd_, POLLOUT, 0};
    const bool room = ::poll(&p, 1, stuck_ ? 0 : patience_ms) != 0;
    stuck_ = !room;
    return room;
}

// False when none of it went out; what is begun is kept.
bool stderr_sink::write(std::string_view text)
{
    if (!rest_.empty())
        return false;
    ssize_t n;
    do {
        n = is_socket_ ? ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                       : ::write(fd_, text.data(), text.size());
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    rest_ = text.substr(static_cast<std::size_t>(n));
    return true;
}

bool stderr_sink::write_rest()
{
    if (rest_.empty())
        return true;
    const auto rest = std::exchange(rest_, {});
    if (!write(rest))
        rest_ = rest;
    return rest_.empty();
}

} // namespace sluice
