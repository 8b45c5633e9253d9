// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "supervisor.hpp"

#include "systemd.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace sluice {

namespace {

using namespace std::chrono_literals;

constexpr auto mark = "SLUICE_SUPERVISOR"; // in a worker's environment: who started it

// A worker that ended sooner than this did not last, and the next one waits.
constexpr auto lasting = 10s;
constexpr auto first_pause = 100ms;
constexpr auto longest_pause = 10'000ms;
// Anybody may send news: signals get their turn.
constexpr int news_a_look = 1000;
// As `run` says wrong use.
constexpr int wrong_use = 2;
// Beyond the workers' own drain limit, before they are killed.
constexpr auto grace = 5s;
// After a second signal, which they are told of: what they have started gets a second to end in good order.
constexpr auto last_grace = 2s;

std::system_error failure(const char* what)
{
    return {errno, std::generic_category(), what};
}

// The file this process runs, as it was called when it was started: a new version replaces it under that name.
std::string own_program()
{
    std::array<char, PATH_MAX> path{};
    if (::readlink("/proc/self/exe", path.data(), path.size() - 1) <= 0)
        throw failure("cannot find this program's file in /proc/self/exe");
    return path.data();
}

// As it was started: what `run` was given may be part of it, as for `sluice run`.
std::vector<std::string> own_arguments()
{
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> all;
    for (std::string one; std::getline(file, one, '\0');)
        all.push_back(one);
    if (all.empty())
        throw failure("cannot read this program's arguments in /proc/self/cmdline");
    return all;
}

int open_news(std::string& name)
{
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t size = sizeof(sa_family_t); // the kernel gives an abstract name that nobody has
    const int on = 1;
    if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0)
        throw failure("cannot open a socket for news of the workers");
    size = sizeof address;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    name.assign(address.sun_path, size - offsetof(sockaddr_un, sun_path));
    name[0] = '@';
    return fd;
}

// Who says READY=1 in the next message; 0 when it says something else; nothing when there is none.
std::optional<pid_t> next_ready(int fd)
{
    std::array<char, 256> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control;
    iovec vector{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto n = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return {};
    const cmsghdr* const c = CMSG_FIRSTHDR(&message);
    if (!c || c->cmsg_type != SCM_CREDENTIALS ||
        std::string_view(text.data(), static_cast<std::size_t>(n)) != "READY=1")
        return 0;
    ucred sender;
    std::memcpy(&sender, CMSG_DATA(c), sizeof sender);
    return sender.pid;
}

} // namespace

supervisor::supervisor(fcgi::listener l, unsigned workers, std::chrono::milliseconds drain)
    : listener_(std::move(l)), program_(own_program()), arguments_(own_arguments()), drain_(drain),
      signals_(context_, SIGCHLD, SIGHUP), news_(context_, open_news(news_name_)), patience_(context_)
{
    for (const int s : {SIGTERM, SIGUSR1, SIGINT})
        signals_.add(s);
    for (unsigned i = 0; i < workers; ++i)
        places_.push_back(std::make_unique<place>(context_));
}

supervisor::~supervisor() = default;

bool supervisor::supervised()
{
    const char* const who = std::getenv(mark);
    if (!who)
        return false;
    const auto parent = static_cast<pid_t>(std::atol(who));
    ::unsetenv(mark);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent)
        ::raise(SIGTERM); // it died before we could ask
    return true;
}

int supervisor::run()
{
    spdlog::info("{} workers on {}", places_.size(), listener_.address());
    wait_for_signals();
    wait_for_news();
    for (auto& p : places_)
        fill(*p);
    context_.run();
    return status_;
}

supervisor::worker supervisor::start()
{
    std::vector<std::string> variables;
    for (char** v = environ; *v; ++v)
        if (!std::string_view(*v).starts_with("NOTIFY_SOCKET="))
            variables.emplace_back(*v);
    variables.push_back(std::string(mark) + "=" + std::to_string(::getpid()));
    variables.push_back("NOTIFY_SOCKET=" + news_name_);
    const auto pointers = [](std::vector<std::string>& all) {
        std::vector<char*> p;
        for (auto& s : all)
            p.push_back(s.data());
        p.push_back(nullptr);
        return p;
    };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, listener_.fd(), 0);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes,
                              0); // Ctrl-C is for the supervisor: workers would take it for a first signal
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    worker w;
    w.started = clock::now();
    const int fault = ::posix_spawn(&w.pid, program_.c_str(), &actions, &attributes,
                                    pointers(arguments_).data(), pointers(variables).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (fault != 0) {
        spdlog::error("cannot start {}: {}", program_, std::strerror(fault));
        w.pid = -1;
    }
    return w;
}

// Puts a worker in an empty place.
void supervisor::fill(place& p)
{
    p.now = start();
    if (p.now.pid < 0) {
        p.restart.expires_after(longest_pause);
        p.restart.async_wait([this, &p](const boost::system::error_code& ec) {
            if (!ec && !stopping_)
                fill(p);
        });
    }
}

void supervisor::wait_for_signals()
{
    signals_.async_wait([this](const boost::system::error_code& ec, int number) {
        if (ec)
            return;
        switch (number) {
        case SIGCHLD: reap(); break;
        case SIGHUP: roll(); break;
        default: stop(number); break;
        }
        wait_for_signals();
    });
}

void supervisor::wait_for_news()
{
    news_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                     [this](const boost::system::error_code& ec) {
                         if (ec)
                             return;
                         for (int i = 0; i < news_a_look; ++i) {
                             const auto pid = next_ready(news_.native_handle());
                             if (!pid)
                                 break;
                             ready(*pid);
                         }
                         wait_for_news();
                     });
}

void supervisor::ready(pid_t pid)
{
    for (auto& p : places_) {
        if (p->now.pid == pid)
            p->now.ready = true;
        if (p->next.pid != pid)
            continue;
        retire(p->now.pid);
        p->now = std::exchange(p->next, {});
        p->now.ready = true;
    }
    const bool all = std::all_of(places_.begin(), places_.end(), [](const auto& p) { return p->now.ready; });
    if (all && !std::exchange(in_service_, true))
        systemd::notify("READY=1");
}

void supervisor::reap()
{
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
        ended(pid, status);
    end_when_empty();
}

void supervisor::ended(pid_t pid, int status)
{
    if (std::erase(retired_, pid) > 0)
        return;
    const auto how = WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                                         : fmt::format("ended with status {}", WEXITSTATUS(status));
    for (auto& p : places_) {
        if (p->next.pid == pid) {
            p->next = {};
            spdlog::error("new worker {} {} before it was ready: the old one stays", pid, how);
        }
        if (p->now.pid != pid)
            continue;
        if (!in_service_ && !p->now.ready && !stopping_ && WIFEXITED(status) &&
            WEXITSTATUS(status) == wrong_use) {
            spdlog::error("worker {} {} before it was ready: no other would do better", pid, how);
            p->now = {};
            stopping_ = true;
            status_ = wrong_use;
            return end_workers();
        }
        const bool lasted = p->now.ready && clock::now() - p->now.started >= lasting;
        p->now = {};
        if (stopping_)
            return;
        p->pause =
            lasted ? 0ms : std::clamp<std::chrono::milliseconds>(p->pause * 2, first_pause, longest_pause);
        spdlog::error("worker {} {}: another in {} ms", pid, how, p->pause.count());
        p->restart.expires_after(p->pause);
        p->restart.async_wait([this, at = p.get()](const boost::system::error_code& ec) {
            if (!ec && !stopping_)
                fill(*at);
        });
    }
}

void supervisor::roll()
{
    if (stopping_)
        return;
    spdlog::info("SIGHUP: new workers from {}", program_);
    for (auto& p : places_) {
        if (p->now.pid < 0)
            continue; // a new one is on its way as it is
        if (p->next.pid >= 0) {
            spdlog::warn("worker {} has not become ready since the last SIGHUP: given up", p->next.pid);
            retired_.push_back(p->next.pid);
            ::kill(p->next.pid, SIGKILL);
        }
        p->next = start();
    }
}

void supervisor::retire(pid_t pid)
{
    if (pid < 0)
        return;
    retired_.push_back(pid);
    ::kill(pid, SIGTERM);
}

void supervisor::stop(int signal)
{
    stopping_ = true;
    switch (++stops_) {
    case 1:
        spdlog::info("signal {}: letting running responses end", signal);
        systemd::notify("STOPPING=1");
        end_workers();
        break;
    case 2:
        spdlog::info("signal {}: ending at once", signal);
        for (const pid_t pid : retired_)
            ::kill(pid, SIGINT); // a second SIGTERM, close behind the first, would be one with it
        kill_after(last_grace);
        break;
    default: kill_after({}); break;
    }
    end_when_empty();
}

void supervisor::end_workers()
{
    for (auto& p : places_) {
        p->restart.cancel();
        for (worker* w : {&p->now, &p->next}) {
            if (w->pid < 0)
                continue;
            retire(w->pid);
            *w = {};
        }
    }
    listener_.close(); // whoever comes now is refused
    kill_after(drain_ + grace);
}

void supervisor::kill_after(std::chrono::milliseconds limit)
{
    patience_.expires_after(limit);
    patience_.async_wait([this](const boost::system::error_code& ec) {
        if (ec)
            return;
        for (const pid_t pid : retired_) {
            spdlog::error("worker {} is still there: killed", pid);
            ::kill(pid, SIGKILL);
        }
    });
}

void supervisor::end_when_empty()
{
    if (stopping_ && retired_.empty())
        context_.stop();
}

} // namespace sluice
