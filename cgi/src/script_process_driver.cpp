// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_process_driver.hpp"

#include <sluice/log.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sluice::cgi {

namespace {

struct owned_fd {
    explicit owned_fd(int f = -1) noexcept : fd(f) {}
    owned_fd(owned_fd&& other) noexcept : fd(other.release()) {}
    ~owned_fd()
    {
        if (fd >= 0)
            ::close(fd);
    }
    int release() noexcept { return std::exchange(fd, -1); }

    int fd;
};

[[noreturn]] void fail(int code, const std::string& what)
{
    throw system_error(error_code(code, boost::system::system_category()), what);
}

struct pipe_pair {
    // Ours does not block; the program's does, as programs expect.
    explicit pipe_pair(int our_end)
    {
        std::array<int, 2> fds;
        if (::pipe2(fds.data(), O_CLOEXEC) != 0)
            fail(errno, "cannot make a pipe");
        ours.fd = fds[static_cast<std::size_t>(our_end)];
        theirs.fd = fds[static_cast<std::size_t>(1 - our_end)];
        ::fcntl(ours.fd, F_SETFL, O_NONBLOCK);
    }

    owned_fd ours, theirs;
};

std::vector<char*> pointers_to(const std::vector<std::string>& all)
{
    std::vector<char*> p;
    p.reserve(all.size() + 1);
    for (const auto& s : all)
        p.push_back(const_cast<char*>(s.c_str()));
    p.push_back(nullptr);
    return p;
}

class spawn_attributes {
public:
    spawn_attributes()
    {
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawnattr_init(&attributes);
        sigset_t none, all;
        sigemptyset(&none);
        sigfillset(&all);
        ::posix_spawnattr_setsigmask(&attributes, &none);
        ::posix_spawnattr_setsigdefault(&attributes, &all); // SIGPIPE above all
        ::posix_spawnattr_setpgroup(&attributes, 0);
        ::posix_spawnattr_setflags(&attributes,
                                   POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~spawn_attributes()
    {
        ::posix_spawnattr_destroy(&attributes);
        ::posix_spawn_file_actions_destroy(&actions);
    }
    spawn_attributes(const spawn_attributes&) = delete;
    spawn_attributes& operator=(const spawn_attributes&) = delete;

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

} // namespace

std::shared_ptr<script_process> script_process::start(const executor& ex, const process_start& what,
                                                      std::function<void()> on_exit)
{
    std::shared_ptr<script_process> p(new script_process(ex));
    std::optional<pipe_pair> in;
    pipe_pair out(0), err(0);
    spawn_attributes how;
    if (what.no_input)
        ::posix_spawn_file_actions_addopen(&how.actions, 0, "/dev/null", O_RDONLY, 0);
    else
        ::posix_spawn_file_actions_adddup2(&how.actions, in.emplace(1).theirs.fd, 0);
    ::posix_spawn_file_actions_adddup2(&how.actions, out.theirs.fd, 1);
    ::posix_spawn_file_actions_adddup2(&how.actions, err.theirs.fd, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&how.actions, 3);
    ::posix_spawn_file_actions_addchdir_np(&how.actions, what.directory.c_str());
    const int fault = ::posix_spawn(&p->pid_, what.filename.c_str(), &how.actions, &how.attributes,
                                    pointers_to(what.arguments).data(), pointers_to(what.variables).data());
    if (fault != 0)
        fail(fault, "cannot start " + what.filename);
    for (const auto& [resource, limit] : what.limits)
        ::prlimit(p->pid_, static_cast<__rlimit_resource>(resource), &limit, nullptr);
    const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, p->pid_, 0));
    if (pidfd < 0) {
        const int code = errno;
        ::kill(-p->pid_, SIGKILL);
        ::waitpid(p->pid_, nullptr, 0);
        fail(code, "cannot watch " + what.filename);
    }
    p->exit_.assign(pidfd);
    if (in)
        p->in.assign(in->ours.release());
    p->out.assign(out.ours.release());
    p->err.assign(err.ours.release());
    p->wait(std::move(on_exit));
    return p;
}

// With the loop itself: nobody else would wait for it.
script_process::~script_process()
{
    if (pid_ < 0 || reaped_)
        return;
    ::kill(-pid_, SIGKILL);
    reap();
}

// Whoever is told is held by the wait, not by the process: they may hold each other, and the loop may end first.
void script_process::wait(std::function<void()> on_exit)
{
    exit_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this(), f = std::move(on_exit)](const error_code& ec) {
                         if (ec)
                             return;
                         self->exited();
                         f();
                     });
}

void script_process::exited()
{
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    status_ = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
    error_code ignored;
    exit_.close(ignored);
    if (ending_)
        ::kill(-pid_, SIGKILL); // what it left behind
    if (ending_ || released_)
        reap();
}

// Until then its number, and that of its group, can be nobody else's.
void script_process::reap()
{
    reaped_ = true;
    grace_.cancel();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

void script_process::release()
{
    if (std::exchange(released_, true) || ending_)
        return;
    if (status_)
        reap();
}

void script_process::end(std::chrono::milliseconds grace)
{
    if (reaped_ || released_ || std::exchange(ending_, true))
        return;
    if (status_) { // as in exited(): else it would be a zombie for as long as the grace
        ::kill(-pid_, SIGKILL);
        return reap();
    }
    ::kill(-pid_, SIGTERM);
    grace_.expires_after(grace);
    grace_.async_wait([self = shared_from_this()](const error_code& ec) {
        if (ec || self->reaped_)
            return;
        ::kill(-self->pid_, SIGKILL);
    });
}

script_exit exit_kind(int status) noexcept
{
    if (WIFSIGNALED(status))
        return script_exit::signal;
    return WEXITSTATUS(status) == 0 ? script_exit::success : script_exit::failure;
}

std::string describe_exit(int status)
{
    return WIFSIGNALED(status) ? fmt::format("was ended by signal {}", WTERMSIG(status))
                               : fmt::format("ended with status {}", WEXITSTATUS(status));
}

} // namespace sluice::cgi
