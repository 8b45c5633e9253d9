// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "script_body.hpp"

#include <sluice/errc.hpp>
#include <sluice/task.hpp>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::cgi {

/// What to run, and how.
struct process_start {
    std::string filename;               ///< absolute
    std::string directory;              ///< where it starts
    std::vector<std::string> arguments; ///< argv, with its first
    std::vector<std::string> variables; ///< "NAME=value"
    std::vector<std::pair<int, rlimit>> limits;
    bool no_input = false; ///< its stdin is /dev/null, and `in` closed
    std::string log_name;  ///< what the log calls it; "" is its file's name
};

/// Between SIGTERM and SIGKILL when the loop ends, and with it whoever could wait: the thread waits itself.
constexpr std::chrono::seconds last_grace{1};

/// A CGI program that runs, and its three pipes.
///
/// It leads a process group of its own, has no descriptors but 0, 1 and 2, and the signals' defaults. It is waited for
/// whatever happens to the request: there is never a zombie for longer than its request.
///
/// | call | after it |
/// |---|---|
/// | `release` | it may go on as long as it likes, and is waited for when it ends |
/// | `end` | SIGTERM to the whole group; SIGKILL to who is left of it after the grace |
///
/// The program itself gets these signals in whatever group it is by then. The log is told how it has ended, and that it had to be
/// killed, also when that is with the loop.
///
/// Object lifetimes: counted; keeps itself until it has been waited for, and its group is gone when that is to end. When the
/// loop goes first, a program that was not released has `last_grace` at most from its SIGTERM on; who survives SIGKILL, as a
/// program that is another user's by now does, is waited for no longer than that again.
/// Thread safety: none; use it on its executor.
class script_process final : public std::enable_shared_from_this<script_process> {
public:
    /// Starts it; `on_exit` is called once, soon after it has ended, unless the loop ends before.
    /// Errors: throws `system_error` that names the file, or the limit it cannot be given.
    static std::shared_ptr<script_process> start(const executor& ex, const process_start& what,
                                                 std::function<void()> on_exit);

    ~script_process();
    script_process(const script_process&) = delete;
    script_process& operator=(const script_process&) = delete;

    pid_t pid() const noexcept { return pid_; }

    /// What waitpid(2) says of it, once it has ended.
    std::optional<int> status() const noexcept { return status_; }

    void release();
    void end(std::chrono::milliseconds grace);

    /// Our ends, which do not block. `out` and `err` are at their end when all who have the other end have closed it.
    boost::asio::posix::stream_descriptor in, out, err;

private:
    explicit script_process(const executor& ex) : in(ex), out(ex), err(ex), exit_(ex), grace_(ex) {}
    using clock = std::chrono::steady_clock;

    void wait(std::function<void()> on_exit);
    bool ended();
    void ended_with(int status);
    bool reap_if_ended();
    void reap();
    void terminate(std::chrono::milliseconds grace);
    void signal(int number) const noexcept;
    void watch_group();
    void kill_group();
    bool group_is_empty() const noexcept;
    bool nobody_runs() const;
    template <class F>
    bool wait_until(clock::time_point until, F done);

    pid_t pid_ = -1;
    std::string log_name_; ///< with the number
    std::optional<int> status_;
    bool released_ = false, ending_ = false, reaped_ = false;
    boost::asio::posix::stream_descriptor exit_; ///< a pidfd
    boost::asio::steady_timer grace_;
    clock::time_point terminated_, kill_at_;
};

script_exit exit_kind(int status) noexcept;

/// "ended with status 3", "was ended by signal 9".
std::string describe_exit(int status);

} // namespace sluice::cgi
