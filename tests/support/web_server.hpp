// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/process.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sluice::test {

struct web_server_options {
    std::string program;                ///< searched for in PATH and the sbin folders
    std::string debian_package;         ///< named in the message when the program is missing
    std::vector<std::string> arguments; ///< must keep the server in the foreground
    std::filesystem::path error_log;    ///< the server's own; its stdout and stderr go there too
    std::filesystem::path temporary; ///< its TMPDIR: what a killed server leaves there goes with the folder
    /// What it started may go on so long after its own end.
    std::chrono::milliseconds grace = std::chrono::seconds(15);
    std::uint16_t port = 0; ///< of 127.0.0.1, where it will accept connections
};

/// A web server in the foreground, from the moment it accepts connections to the destructor, which
/// kills it and all below it. When the test case fails, its error log is shown.
class web_server {
public:
    /// Throws std::runtime_error, with the error log, when it ends or does not accept in 20 s.
    explicit web_server(const web_server_options& options);
    ~web_server();
    web_server(const web_server&) = delete;
    web_server& operator=(const web_server&) = delete;

    pid_t pid() const noexcept { return process_->pid(); }
    bool running() { return process_->running(); }
    void send_signal(int signal) { process_->send_signal(signal); }
    std::optional<exit_status> wait_for(std::chrono::milliseconds patience)
    {
        return process_->wait_for(patience);
    }
    int left_behind() const { return process_->left_behind(); }
    std::string error_log() const { return read_file(options_.error_log); }

private:
    web_server_options options_;
    std::optional<process> process_;
};

/// Whether somebody accepts connections on that port of 127.0.0.1.
bool accepts_connections(std::uint16_t port);

/// Text to be printed should the running test case fail; forgotten when it ends.
void show_on_failure(std::string title, std::string text);

} // namespace sluice::test
