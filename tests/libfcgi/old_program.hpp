// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "fcgi/socket_peer.hpp"
#include "support/log_capture.hpp"
#include "support/temp_dir.hpp"

#include <sluice/fcgi/listener.hpp>
#include <sluice/libfcgi/bridge.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <thread>

namespace sluice::test {

/// Where it listens.
enum class transport {
    unix_socket,
    tcp,
};

/// A program on libfcgi: threads that accept, each with a bridge of its own, and a handler in the old style for
/// /old.
class old_program {
public:
    explicit old_program(const application& app, const libfcgi::bridge_options& options = {},
                         unsigned threads = 1, transport t = transport::unix_socket);
    /// Ends when its connections have: a kept one whose peer still lives holds its thread.
    ~old_program();

    socket_peer connect(int buffer = 0) const { return socket_peer::connect(listener_.address(), buffer); }
    libfcgi::bridge& bridge(std::size_t i = 0) { return bridges_[i]; }

    /// What `answer` said so far: well, or not.
    unsigned well() const noexcept { return well_; }
    unsigned failed() const noexcept { return failed_; }

    /// Waits until `done()`; false when that did not come to pass within `patience`.
    static bool until(const std::function<bool()>& done);
    /// Waits until so many have been answered in all.
    bool answered(unsigned n) const;

    log_capture& log() noexcept { return log_; }

private:
    void serve(libfcgi::bridge& b);

    log_capture log_; // before the threads that log
    temp_dir folder_;
    fcgi::listener listener_;
    std::deque<libfcgi::bridge> bridges_;
    std::vector<std::thread> threads_;
    std::atomic<unsigned> well_{0}, failed_{0};
};

} // namespace sluice::test
