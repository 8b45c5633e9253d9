// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace sluice::test {

struct process_options {
    std::vector<std::string> command{}; ///< the program, searched for in PATH, and its arguments
    std::map<std::string, std::string> environment{}; ///< set on top of the test's own
    std::filesystem::path stdout_file = "/dev/null";  ///< appended to
    std::filesystem::path stderr_file = "/dev/null";  ///< appended to
    /// What the program started may go on so long after the program's end; then it is killed.
    std::chrono::milliseconds grace{0};
    int stdin_fd = -1;  ///< becomes fd 0 (a listening socket, say); -1: /dev/null
    int stdout_fd = -1; ///< becomes fd 1 in place of `stdout_file` when not -1
};

struct exit_status {
    int code = 0;   ///< meaningful when `signal` is 0
    int signal = 0; ///< the signal that ended the program, or 0
    bool operator==(const exit_status&) const = default;
};

std::ostream& operator<<(std::ostream& out, const exit_status& status);

/// A program with all it starts, in a session of its own, that cannot outlive the object or the
/// test: process_guard.cpp says how. The program's descendants end with the program.
class process {
public:
    /// Throws std::system_error when the program cannot be started.
    explicit process(const process_options& options);

    /// Kills the program and everything below it, and waits for that.
    ~process();
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    pid_t pid() const noexcept { return pid_; }
    bool running();

    /// Does nothing once the program has ended.
    void send_signal(int signal);

    /// The exit status, or nothing when the program is still running after `patience`. What the
    /// program started has ended then, too.
    std::optional<exit_status> wait_for(std::chrono::milliseconds patience);

    /// How many processes had to be killed after the program's end and the grace.
    int left_behind() const noexcept { return left_behind_; }

    /// Kills the program and everything below it, and waits until they are gone.
    void kill();

private:
    bool receive(std::chrono::milliseconds patience);

    int lifeline_ = -1;
    pid_t guard_ = -1;
    pid_t pid_ = -1;
    int left_behind_ = 0;
    std::optional<exit_status> status_;
};

/// Where a program is, looking in PATH and then where Debian keeps servers, which PATH lacks for
/// users other than root. Throws with the name of the Debian package when it is nowhere.
std::filesystem::path find_program(const std::string& name, const std::string& debian_package);

/// All of a file, or "" when it cannot be read.
std::string read_file(const std::filesystem::path& file);

} // namespace sluice::test
