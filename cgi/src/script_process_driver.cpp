// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_process_driver.hpp"

#include <sluice/log.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
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
    const auto undo = [&](const std::string& why) {
        const int code = errno;
        ::kill(-p->pid_, SIGKILL);
        while (::waitpid(p->pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
        p->pid_ = -1;
        fail(code, why + what.filename);
    };
    for (const auto& [resource, limit] : what.limits)
        if (::prlimit(p->pid_, static_cast<__rlimit_resource>(resource), &limit, nullptr) != 0)
            undo("cannot limit the resources of ");
    const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, p->pid_, 0));
    if (pidfd < 0)
        undo("cannot watch ");
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
    if (pid_ < 0 || released_ || (reaped_ && (!ending_ || group_is_empty())))
        return;
    // Most were told when the service gave up their responses, all at the same time: so they are waited for only once.
    if (!ending_)
        terminate(std::chrono::milliseconds(50));
    wait_for_end_until(std::min(kill_at_, terminated_ + last_grace));
    ::kill(-pid_, SIGKILL);
    if (!reaped_)
        reap();
}

void script_process::wait_for_end_until(clock::time_point until)
{
    while (!(reaped_ && group_is_empty()) && clock::now() < until) {
        if (!reaped_ && ::waitpid(pid_, nullptr, WNOHANG) != 0)
            reaped_ = true;
        else
            ::poll(nullptr, 0, 5);
    }
}

// Whoever is told is held by the wait, not by the process: they may hold each other, and the loop may end first.
void script_process::wait(std::function<void()> on_exit)
{
    exit_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this(), f = std::move(on_exit)](const error_code& ec) mutable {
                         if (ec)
                             return;
                         if (!self->ended())
                             return self->wait(std::move(f));
                         f();
                     });
}

// Asio may call for a descriptor that had this one's place before: to be called says nothing.
bool script_process::ended()
{
    siginfo_t info{};
    int result = 0;
    do
        result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT | WNOHANG);
    while (result != 0 && errno == EINTR);
    if (result == 0 && info.si_pid == 0)
        return false;
    if (result != 0) // somebody else has waited for it: what it ended with is lost, which is no success
        status_ = W_EXITCODE(EXIT_FAILURE, 0);
    else
        status_ = info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
    error_code ignored;
    exit_.close(ignored);
    if (ending_ || released_)
        reap();
    return true;
}

// Until then its number can be nobody else's; afterwards as long as somebody is left of its group.
void script_process::reap()
{
    reaped_ = true;
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    grace_.cancel(); // which looks at the group
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
    if (reaped_ || released_ || ending_)
        return;
    terminate(grace);
    if (status_)
        reap();
    watch_group();
}

void script_process::terminate(std::chrono::milliseconds grace)
{
    ending_ = true;
    terminated_ = clock::now();
    kill_at_ = terminated_ + grace;
    ::kill(-pid_, SIGTERM);
}

bool script_process::group_is_empty() const noexcept
{
    return ::kill(-pid_, 0) != 0 && errno == ESRCH;
}

// What the program has started may need the grace more than the program itself, which is often a shell. While the leader is
// there it holds the group's number; without it the group is looked at so often that the number cannot have come round.
void script_process::watch_group()
{
    constexpr std::chrono::milliseconds often(50);
    if (reaped_ && group_is_empty())
        return;
    const auto left = kill_at_ - clock::now();
    if (left <= clock::duration::zero()) {
        ::kill(-pid_, SIGKILL);
        return;
    }
    grace_.expires_after(reaped_ ? std::min<clock::duration>(left, often) : left);
    grace_.async_wait([self = shared_from_this()](const error_code&) { self->watch_group(); });
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
