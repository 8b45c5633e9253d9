// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/run.hpp>

#include "options.hpp"
#include "serve.hpp"
#include "stderr_sink.hpp"
#include "supervisor.hpp"
#include "systemd.hpp"

#include <sluice/cgi/program.hpp>
#include <sluice/fcgi/server.hpp>

#include <boost/asio/signal_set.hpp>
#include <fmt/core.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <pthread.h>

namespace sluice {

namespace {

// mod_fcgid sends SIGKILL about 3 s after SIGTERM. What comes behind the drain has to fit in, too: the second that CGI
// programs get to end (`cgi::last_grace`), or the half that blocking apps do; and half a second stays for a busy machine.
constexpr std::chrono::milliseconds spawned_drain(1500);

// A web server may start a FastCGI program with descriptor 0 alone (FastCGI specification, section 2.2). Then the next
// connection would become stdout or stderr, and the log would be written into it.
void fill_standard_descriptors()
{
    for (int fd = 0; fd < 3; ++fd) {
        // Reading finds the end, and writing to stdout still fails, as if nothing were there.
        if (::fcntl(fd, F_GETFD) < 0)
            ::open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY);
    }
}

void set_up_log(const std::string& level, const char* otherwise)
{
    auto logger = std::make_shared<spdlog::logger>("sluice", std::make_shared<stderr_sink>());
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e [%P] %l: %v");
    logger->set_level(spdlog::level::from_str(level.empty() ? otherwise : level));
    spdlog::set_default_logger(std::move(logger));
}

// Whoever starts us with SIGHUP ignored (nohup) wants us to outlive the terminal.
bool hangup_is_ignored() noexcept
{
    struct sigaction now {};
    return ::sigaction(SIGHUP, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

// The first signal calls `gently`, the second `at_once`. A hangup is only ever the first: when a terminal closes, its
// shell and then the kernel send one each.
class stop_signals {
public:
    stop_signals(executor ex, std::function<void()> gently, std::function<void()> at_once)
        : signals_(std::move(ex), SIGTERM, SIGUSR1, SIGINT), gently_(std::move(gently)),
          at_once_(std::move(at_once))
    {
        if (!hangup_is_ignored())
            signals_.add(SIGHUP);
        wait();
    }

private:
    void wait()
    {
        signals_.async_wait([this](const error_code& ec, int number) {
            if (ec)
                return;
            if (!seen_ || number != SIGHUP) {
                spdlog::info("signal {}: {}", number,
                             seen_ ? "ending at once" : "letting running responses end");
                (seen_ ? at_once_ : gently_)();
            }
            seen_ = true;
            wait();
        });
    }

    boost::asio::signal_set signals_;
    std::function<void()> gently_, at_once_;
    bool seen_ = false;
};

// From `hold` on the stop signals do nothing until this is gone, and are forgotten then: while a service ends there is nobody any
// more who would take them, and their default would end it in the middle.
class late_signals {
public:
    late_signals() noexcept
    {
        sigemptyset(&stop_);
        for (const int s : {SIGTERM, SIGUSR1, SIGINT, SIGHUP})
            sigaddset(&stop_, s);
    }
    ~late_signals()
    {
        if (!held_)
            return;
        const timespec now{};
        for (int i = 0; i<most&& ::sigtimedwait(&stop_, nullptr, &now)> 0; ++i) {
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    late_signals(const late_signals&) = delete;
    late_signals& operator=(const late_signals&) = delete;

    void hold() noexcept { held_ = ::pthread_sigmask(SIG_BLOCK, &stop_, &before_) == 0; }

private:
    static constexpr int most = 100; // each of the four is pending once

    sigset_t stop_, before_;
    bool held_ = false;
};

int serve_fastcgi(fcgi::listener l, application app, const run_options& o)
{
    late_signals late; // longer than what ends
    fcgi::server_options options;
    options.limits = o.limits;
    options.normalize = o.normalize;
    options.threads = o.threads;
    if (const char* const peers = std::getenv("FCGI_WEB_SERVER_ADDRS"))
        options.web_server_addresses = peers;
    fcgi::server server(std::move(l), std::move(app), options);
    stop_signals signals(
        server.get_executor(),
        [&] {
            systemd::notify("STOPPING=1");
            server.drain();
        },
        [&] { server.stop(); });
    systemd::notify("READY=1"); // the socket listens already: what comes now waits in its queue
    server.run();
    late.hold();
    return 0;
}

// In this process, or in as many as were asked for.
int serve_own_socket(fcgi::listener l, application app, const run_options& o)
{
    set_up_log(o.log_level, "info");
    if (o.workers == 0)
        return serve_fastcgi(std::move(l), std::move(app), o);
    return supervisor(std::move(l), o.workers, o.limits.drain).run();
}

int serve_cgi(application app, const run_options& o)
{
    cgi::program program(std::move(app), o.limits, o.normalize);
    stop_signals signals(
        program.get_executor(), [&] { program.terminate(); }, [] { std::_Exit(1); });
    return program.run();
}

} // namespace

std::optional<int> serve(application app, run_options options)
{
    std::signal(SIGPIPE, SIG_IGN);
    fill_standard_descriptors();
    if (supervisor::supervised()) {
        set_up_log(options.log_level, "info");
        return serve_fastcgi(fcgi::listener::inherit(0), std::move(app), options);
    }
    if (!options.fastcgi.empty())
        return serve_own_socket(fcgi::listener::open(options.fastcgi, options.socket), std::move(app),
                                options);
    const auto fd = systemd::activated_socket();
    if (!options.socket_said.empty() && (fd || fcgi::listener::is_listening(0)))
        throw std::invalid_argument(fmt::format(
            "{}: is for a socket that is opened here, with --fastcgi unix:/path, and this one was opened by "
            "whoever started the program; leave it out",
            options.socket_said));
    if (fd)
        return serve_own_socket(fcgi::listener::inherit(*fd), std::move(app), options);
    if (!fcgi::listener::is_listening(0))
        return std::nullopt;
    set_up_log(options.log_level, "warning");
    if (!options.drain_given)
        options.limits.drain = spawned_drain;
    return serve_fastcgi(fcgi::listener::inherit(0), std::move(app), options);
}

int run(int argc, char** argv, application app)
{
    // A web server may make a CGI program's arguments out of a query without "=" (RFC 3875 section 4.4): a client's words are
    // no flags.
    const bool as_cgi = cgi::program::is_cgi();
    auto [exit_status, options] = parse_options(as_cgi ? std::min(argc, 1) : argc, argv);
    if (exit_status)
        return *exit_status;
    try {
        if (const auto status = serve(app, options))
            return *status;
        if (as_cgi) {
            set_up_log(options.log_level, "warning");
            return serve_cgi(std::move(app), options);
        }
    } catch (const std::invalid_argument& e) {
        fmt::print(stderr, "{}: {}\n", program_name(argc, argv), e.what());
        return 2;
    } catch (const std::exception& e) {
        fmt::print(stderr, "{}: {}\n", program_name(argc, argv), e.what());
        return 1;
    }
    fmt::print(
        stderr,
        "{}: nothing to serve: give --fastcgi unix:/path or tcp:host:port, or let a web server start it as a "
        "FastCGI or CGI program (--help says more)\n",
        program_name(argc, argv));
    return 2;
}

} // namespace sluice
