// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/process.hpp"
#include "support/records.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

using variables_map = std::map<std::string, std::string>;

/// A program run to its end.
struct outcome {
    exit_status status;
    std::string out, err;
};

/// Runs it with nothing on stdin. Throws std::runtime_error when it does not end within 10 s.
outcome run_program(const std::string& program, const std::vector<std::string>& arguments,
                    const variables_map& environment = {});

/// The environment of a good CGI request; `target` is path and query.
variables_map cgi_request(std::string_view target, const variables_map& more = {});

/// The lines of a text, without their ends.
std::vector<std::string> lines(std::string_view text);

/// How many of them have `words` in them.
std::size_t count_lines(std::string_view text, std::string_view words);

/// Polls until `done()`, or for `most`. Says which.
template <class F>
bool within(std::chrono::milliseconds most, F done)
{
    const auto deadline = std::chrono::steady_clock::now() + most;
    const timespec pause{0, 2'000'000};
    while (!done()) {
        if (std::chrono::steady_clock::now() >= deadline)
            return false;
        ::nanosleep(&pause, nullptr);
    }
    return true;
}

/// A listening socket of the test's own, to be inherited.
class listening_socket {
public:
    /// In `folder`, or on a TCP port of 127.0.0.1.
    explicit listening_socket(const temp_dir& folder);
    listening_socket();
    ~listening_socket();
    listening_socket(const listening_socket&) = delete;
    listening_socket& operator=(const listening_socket&) = delete;

    int fd() const noexcept { return fd_; }
    /// As `--fastcgi` takes it.
    const std::string& address() const noexcept { return address_; }

private:
    int fd_ = -1;
    std::string address_;
};

/// A web server's connection to a FastCGI service.
class fastcgi_client {
public:
    /// Tries until somebody listens. Throws std::runtime_error when nobody does for 10 s.
    explicit fastcgi_client(const std::string& address);
    ~fastcgi_client();
    fastcgi_client(const fastcgi_client&) = delete;
    fastcgi_client& operator=(const fastcgi_client&) = delete;

    void send(std::string_view bytes);

    /// Asks for `target` (path and query) on a connection that is kept.
    void ask(std::string_view target);

    /// Reads on until `words` have come in the body. Throws std::runtime_error when nothing comes for 10 s.
    void read_until(std::string_view words);

    /// Reads on to END_REQUEST or the end of the connection. Throws as above.
    reply read_reply();

    /// Asks, and reads the reply.
    reply get(std::string_view target);

    /// Reads to the end of the connection.
    std::string read_to_end();

private:
    bool read_some();

    int fd_ = -1;
    std::string received_;
};

/// One of the examples as a FastCGI service of its own, on a unix socket.
class service {
public:
    explicit service(const std::vector<std::string>& arguments = {}, const variables_map& environment = {},
                     const std::string& program = SLUICE_PROBE);

    process& program() noexcept { return *program_; }
    const std::string& address() const noexcept { return address_; }
    std::string socket_path() const { return folder_ / "socket"; }

    /// What it said on stderr.
    std::string log() const { return read_file(folder_ / "log"); }

    /// Waits until `words` are in the log.
    bool says(std::string_view words) const;

    /// The exit status, within 10 s.
    std::optional<exit_status> wait() { return program_->wait_for(std::chrono::seconds(10)); }

private:
    temp_dir folder_;
    std::string address_;
    std::optional<process> program_;
};

/// A program that a web server starts with a listening socket as fd 0.
class spawned {
public:
    explicit spawned(const listening_socket& socket, const variables_map& environment = {},
                     const std::vector<std::string>& command = {SLUICE_PROBE});

    process& program() noexcept { return *program_; }
    std::string log() const { return read_file(folder_ / "log"); }
    bool says(std::string_view words) const;
    std::optional<exit_status> wait() { return program_->wait_for(std::chrono::seconds(10)); }

private:
    temp_dir folder_;
    std::optional<process> program_;
};

} // namespace sluice::test
