// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace bench {

// A file descriptor that closes itself.
class unique_fd {
public:
    unique_fd() = default;
    explicit unique_fd(int fd) : fd_{fd} {}
    unique_fd(unique_fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    unique_fd& operator=(unique_fd&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    unique_fd(const unique_fd&) = delete;
    unique_fd& operator=(const unique_fd&) = delete;
    ~unique_fd() { reset(); }

    void reset();
    [[nodiscard]] int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

// Connects to "unix:/path", "tcp:host:port" or a bare path. The socket blocks, so that a full
// backlog is waited for; callers that must not wait pass MSG_DONTWAIT. Throws std::system_error.
[[nodiscard]] unique_fd connect_to(const std::string& address);

// Sends all of it; throws std::system_error when the peer has gone.
void send_all(int fd, const char* data, std::size_t size);

// Lets the process end with status 3 if it has not by then, so that no run can hang.
void end_after(unsigned seconds);

[[nodiscard]] std::uint64_t now_ns();

// Processor time used by this process so far, in seconds.
[[nodiscard]] double cpu_seconds();

} // namespace bench
