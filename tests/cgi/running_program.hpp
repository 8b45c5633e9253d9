// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/log_capture.hpp"

#include <sluice/cgi/program.hpp>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::test {

/// An open file descriptor.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept
    {
        close();
        fd_ = std::exchange(other.fd_, -1);
        return *this;
    }
    ~descriptor() { close(); }

    int get() const noexcept { return fd_; }
    void close() noexcept;
    descriptor duplicate() const;

private:
    int fd_ = -1;
};

/// Both ends of what lies between a web server (the test) and a program.
struct channel {
    descriptor ours, theirs;
};
channel pipe_from_program();
channel pipe_to_program();
/// With room for about `buffer` bytes on its way to us.
channel socket_pair(std::size_t buffer = 0);
/// Throws std::system_error.
descriptor open_file(const std::string& path, int flags);

bool is_nonblocking(const descriptor& d);
void set_nonblocking(const descriptor& d, bool on);

/// Bytes that can be written into `d` before it blocks are written; says how many.
std::size_t fill(const descriptor& d);

/// At least one byte, or "" at the end. Throws std::runtime_error when nothing comes within `patience`.
std::string read_some(const descriptor& d, std::chrono::milliseconds patience = std::chrono::seconds(10));
/// Until the end. Throws as above.
std::string read_to_end(const descriptor& d);
/// Until `bytes` have come (or the end). Throws as above.
std::string read_bytes(const descriptor& d, std::size_t bytes);
/// Throws std::runtime_error when the other side does not read.
void write_all(const descriptor& d, std::string_view bytes);

/// A CGI program on given descriptors, in a thread of its own instead of a process: it closes its ends when
/// it ends. The log is captured meanwhile; look at it only after the end.
class running_program {
public:
    struct setup {
        descriptor in{}, out{}, err{}; ///< none: /dev/null
        std::string method = "GET";
        std::vector<std::string> variables{}; ///< on top of those of a good request
        sluice::limits limits{};
    };

    running_program(application app, setup s);
    ~running_program();
    running_program(const running_program&) = delete;
    running_program& operator=(const running_program&) = delete;

    /// Only for what may be called from any thread.
    cgi::program& program() noexcept { return *program_; }

    /// The exit status, or nothing when it still runs after `patience`.
    std::optional<int> wait(std::chrono::milliseconds patience = std::chrono::seconds(10));

    /// What the log says it held at most. Precondition: it has ended.
    std::size_t held_at_most() const;

    /// Of all programs that run side by side.
    std::string log() const { return log_->text(); }

private:
    std::shared_ptr<log_capture> log_;
    setup setup_;
    std::vector<const char*> variables_;
    std::optional<cgi::program> program_;
    std::future<int> status_;
    std::optional<int> ended_;
    std::thread thread_;
};

} // namespace sluice::test
