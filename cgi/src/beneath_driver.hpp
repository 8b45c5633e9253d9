// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// Names looked up below a folder and never outside of it. Not installed.

#include <sluice/cgi/script_finder.hpp>

#include <string>
#include <utility>
#include <vector>

#include <unistd.h>

namespace sluice::cgi {

class unique_fd {
public:
    explicit unique_fd(int fd = -1) noexcept : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    unique_fd& operator=(unique_fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~unique_fd()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

struct root_folder {
    unique_fd fd;
    std::string real;               ///< its name without symlinks
    std::vector<std::string> names; ///< `real`, and the one it was asked for by

    /// Without a descriptor, and errno set, when there is no such folder.
    static root_folder open(const std::string& name);
};

/// A descriptor that stands for the file but opens nothing (O_PATH), so that neither a FIFO nor a device minds.
/// `path` is relative, without "..". Without a descriptor errno says why; EXDEV: it leads outside. ELOOP: a symlink
/// where there is to be none, or too many.
unique_fd open_beneath(const root_folder& root, const std::string& path, script_options::links symlinks);

/// The same step by step, without openat2: for kernels before Linux 5.6, for seccomp filters that do not know it, and
/// for absolute symlinks, of which the kernel does not look where they lead. Not for links::follow.
unique_fd walk_beneath(const root_folder& root, const std::string& path, script_options::links symlinks);

} // namespace sluice::cgi
