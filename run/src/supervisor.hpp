// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/listener.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace sluice {

/// Keeps N processes of this program running on one listening socket (`--workers`).
///
/// | event | what happens |
/// |---|---|
/// | a worker ends by itself | another takes its place, at once or, while they do not last, after a growing pause |
/// | a worker ends with status 2 before any was ready | so does this: wrong use does not get better by trying again |
/// | SIGHUP | for each worker a new one is started from the program's file; once it is ready the old one drains |
/// | SIGTERM, SIGUSR1, SIGINT | all drain; the second time they end at once |
///
/// The workers are the program itself, started anew with the socket as fd 0, as a web server would: so a crash takes one
/// of them with it, and a new version of the file comes into service without a connection refused. The socket
/// is open here all the time; what comes meanwhile waits in its queue.
class supervisor {
public:
    /// Errors: throws std::system_error.
    supervisor(fcgi::listener l, unsigned workers, std::chrono::milliseconds drain);
    ~supervisor();

    /// Until all have ended after a signal. The exit status of the program.
    int run();

    /// True in a worker; asks the kernel to end it, gently, should the supervisor die.
    static bool supervised();

private:
    using clock = std::chrono::steady_clock;

    struct worker {
        pid_t pid = -1;
        clock::time_point started{};
        bool ready = false;
    };

    // One place of N: who serves now, and during SIGHUP who is to follow.
    struct place {
        explicit place(boost::asio::io_context& c) : restart(c) {}
        worker now, next;
        std::chrono::milliseconds pause{0};
        boost::asio::steady_timer restart;
    };

    worker start();
    void fill(place& p);
    void wait_for_signals();
    void wait_for_news();
    void ready(pid_t pid);
    void reap();
    void ended(pid_t pid, int status);
    void roll();
    void stop(int signal);
    void end_workers();
    void kill_after(std::chrono::milliseconds limit);
    void retire(pid_t pid);
    void end_when_empty();

    boost::asio::io_context context_{1};
    fcgi::listener listener_;
    std::string program_;
    std::vector<std::string> arguments_;
    std::chrono::milliseconds drain_;
    boost::asio::signal_set signals_;
    std::string news_name_;
    boost::asio::posix::stream_descriptor news_; ///< where workers say READY=1, as they would to systemd
    boost::asio::steady_timer patience_;
    std::vector<std::unique_ptr<place>> places_;
    std::vector<pid_t> retired_;
    bool in_service_ = false; ///< each place has had a worker that was ready
    bool stopping_ = false;
    int stops_ = 0; ///< signals to stop
    int status_ = 0;
};

} // namespace sluice
