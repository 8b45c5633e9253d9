// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>

#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace sluice::libfcgi {

/// Holds SIGPIPE back from this thread: libfcgi writes with write(2), and what a program does about the signal is
/// its own.
class sigpipe_guard {
public:
    sigpipe_guard() noexcept
    {
        sigset_t pending;
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::sigpending(&pending);
        was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~sigpipe_guard()
    {
        constexpr timespec at_once{0, 0};
        if (!was_pending_)
            while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    sigpipe_guard(const sigpipe_guard&) = delete;
    sigpipe_guard& operator=(const sigpipe_guard&) = delete;

private:
    sigset_t pipe_, before_;
    bool was_pending_;
};

/// Bounds what libfcgi's own reads and writes of a socket may wait, and gives the socket its limits back.
class time_limit_guard {
public:
    time_limit_guard(int fd, int option, std::chrono::milliseconds most) noexcept : fd_(fd), option_(option)
    {
        const timeval limit{most.count() / 1000, most.count() % 1000 * 1000};
        socklen_t size = sizeof before_;
        set_ = ::getsockopt(fd, SOL_SOCKET, option, &before_, &size) == 0 &&
               ::setsockopt(fd, SOL_SOCKET, option, &limit, sizeof limit) == 0;
    }
    ~time_limit_guard()
    {
        if (set_)
            ::setsockopt(fd_, SOL_SOCKET, option_, &before_, sizeof before_);
    }
    time_limit_guard(const time_limit_guard&) = delete;
    time_limit_guard& operator=(const time_limit_guard&) = delete;

    /// The socket goes.
    void dismiss() noexcept { set_ = false; }

private:
    int fd_, option_;
    timeval before_{};
    bool set_ = false;
};

} // namespace sluice::libfcgi
