// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <sluice/fcgi/listener.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::test {

/// A program that serves a listening socket given to it as standard input: how every FastCGI app can be started
/// (FastCGI specification section 2.2). The socket listens before the program runs, so nobody need wait for it.
class app_program {
public:
    explicit app_program(std::vector<std::string> command,
                         const std::map<std::string, std::string>& environment = {});

    const std::string& address() const noexcept { return address_; }
    process& program() noexcept { return *program_; }
    int socket() const noexcept { return listener_->fd(); }
    std::string log() const { return read_file(folder_ / "log"); }

private:
    temp_dir folder_;
    std::string address_;
    std::optional<fcgi::listener> listener_;
    std::optional<process> program_;
};

struct command_outcome {
    std::optional<exit_status> status; ///< nothing when it did not end within 20 s
    std::string out, err;
};

/// Runs the `sluice` command; `input` is what it has as standard input, `environment` is set on top of the test's own.
command_outcome run_command(const std::vector<std::string>& arguments, const std::string& input = {},
                            const std::map<std::string, std::string>& environment = {});

/// Polls until `done()`, for at most 10 s. Says whether it was.
template <class F>
bool becomes_true(F done)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2)); // the pause between two looks
    }
    return true;
}

} // namespace sluice::test
