// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_process_driver.hpp"

#include "program_start_driver.hpp"

#include <sluice/log.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
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
        if (theirs.fd <= 2) { // they were closed: what the program gets as its own must not lie where it goes
            owned_fd low(std::exchange(theirs.fd, ::fcntl(theirs.fd, F_DUPFD_CLOEXEC, 3)));
            if (theirs.fd < 0)
                fail(errno, "cannot make a pipe");
        }
        ::fcntl(ours.fd, F_SETFL, O_NONBLOCK);
    }

    owned_fd ours, theirs;
};

/// For who has just been killed, where the loop has ended.
constexpr std::chrono::milliseconds least_wait(50);

template <class Descriptor>
void give(Descriptor& to, owned_fd& fd)
{
    to.assign(fd.fd); // throws
    fd.release();
}

enum class state { of_another_group, runs, zombie };

// proc(5). A process whose first thread alone has ended looks like a zombie, but for the number of its threads.
state state_of(const char* pid, pid_t group)
{
    std::array<char, 1024> text;
    const owned_fd file(::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
    const auto n = file.fd >= 0 ? ::read(file.fd, text.data(), text.size() - 1) : -1;
    if (n <= 0)
        return file.fd < 0 && errno != ENOENT && errno != EACCES
                   ? state::runs // no descriptor, or no memory: as if it did
                   : state::of_another_group;
    const std::string_view all(text.data(), static_cast<std::size_t>(n));
    text[all.size()] = '\0';
    const auto name_end = all.rfind(')'); // a name may have anything in it
    char letter = 0;
    pid_t its_group = 0;
    int threads = 0;
    if (name_end == all.npos ||
        std::sscanf(text.data() + name_end + 1,
                    " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", &letter,
                    &its_group, &threads) != 3 ||
        its_group != group)
        return state::of_another_group;
    return (letter == 'Z' || letter == 'X') && threads <= 1 ? state::zombie : state::runs;
}

// One that was started while we looked, by one that has ended since, may be missed: `~script_process` kills whom it has not seen.
bool only_zombies_are_in(pid_t group)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir("/proc"), &::closedir);
    bool zombies = false;
    while (const dirent* const entry = all ? ::readdir(all.get()) : nullptr) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        const auto s = state_of(entry->d_name, group);
        if (s == state::runs)
            return false;
        zombies = zombies || s == state::zombie;
    }
    return zombies; // else it cannot be seen who is
}

} // namespace

std::shared_ptr<script_process> script_process::start(const executor& ex, const process_start& what,
                                                      std::function<void()> on_exit)
{
    std::shared_ptr<script_process> p(new script_process(ex));
    std::optional<pipe_pair> in;
    pipe_pair out(0), err(0);
    const auto started =
        start_program({what.filename, what.directory, what.arguments, what.variables, what.limits,
                       what.no_input ? -1 : in.emplace(1).theirs.fd, out.theirs.fd, err.theirs.fd});
    p->pid_ = started.pid;
    p->log_name_ = fmt::format("{}[{}]", what.log_name.empty() ? what.filename : what.log_name, started.pid);
    owned_fd pidfd(started.pidfd);
    give(p->exit_, pidfd);
    if (in)
        give(p->in, in->ours);
    give(p->out, out.ours);
    give(p->err, err.ours);
    p->wait(std::move(on_exit));
    return p;
}

// With the loop itself: nobody else would wait for it.
script_process::~script_process()
{
    if (pid_ < 0 || (reaped_ && (!ending_ || group_is_empty())))
        return;
    if (released_) {
        reap_if_ended();
        return;
    }
    // Most were told when the service gave up their responses, all at the same time: so they are waited for only once.
    if (!ending_)
        terminate(std::chrono::milliseconds(50));
    if (wait_until(std::min(kill_at_, terminated_ + last_grace), [&] { return reaped_ && nobody_runs(); }))
        signal(SIGKILL); // for whom we have not seen
    else
        kill_group();
    // Not without a bound: there may be no killing it (it is another user's now, or the kernel does not let go of it).
    if (!wait_until(std::max(terminated_ + 2 * last_grace, clock::now() + least_wait),
                    [&] { return reaped_; }))
        log::error("{} is still there after SIGKILL: left behind", log_name_);
}

// False when the time was over before.
template <class F>
bool script_process::wait_until(clock::time_point until, F done)
{
    for (;;) {
        reap_if_ended();
        if (done())
            return true;
        if (clock::now() >= until)
            return false;
        ::poll(nullptr, 0, reaped_ ? 20 : 5); // to look for its group may take all of /proc
    }
}

bool script_process::reap_if_ended()
{
    if (reaped_)
        return true;
    int status = 0;
    const auto found = ::waitpid(pid_, &status, WNOHANG);
    if (found == 0)
        return false;
    reaped_ = true;
    ended_with(found > 0 ? status : W_EXITCODE(EXIT_FAILURE, 0)); // as `ended`
    return true;
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
        ended_with(W_EXITCODE(EXIT_FAILURE, 0));
    else
        ended_with(info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
                                              : W_EXITCODE(0, info.si_status));
    error_code ignored;
    exit_.close(ignored);
    if (ending_ || released_)
        reap();
    return true;
}

// The log is told once, here, whoever it is that hears of it.
void script_process::ended_with(int status)
{
    if (status_)
        return;
    status_ = status;
    log::write(status == 0 ? log::level::info : log::level::warning, "{} {}", log_name_,
               describe_exit(status));
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
    signal(SIGTERM);
}

// To the group, and to the program where it has gone to another, ours for one. Not twice to the same: a handler would run
// twice. Before it has been waited for, its number can be nobody else's.
void script_process::signal(int number) const noexcept
{
    ::kill(-pid_, number);
    if (reaped_)
        return;
    if (const auto group = ::getpgid(pid_); group >= 0 && group != pid_)
        ::kill(pid_, number);
}

void script_process::kill_group()
{
    if (!reaped_ || !nobody_runs())
        log::warning(
            "{}{} is still there {} ms after SIGTERM: killed", reaped_ ? "what was started by " : "",
            log_name_,
            std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - terminated_).count());
    signal(SIGKILL);
}

bool script_process::group_is_empty() const noexcept
{
    return ::kill(-pid_, 0) != 0 && errno == ESRCH;
}

// A zombie is still of the group. Whose parent has ended is init's to wait for, which may take its time, and in many a container
// never happens: nothing of that is worth a wait. It takes a look at all processes, so it is not asked often.
bool script_process::nobody_runs() const
{
    return group_is_empty() || only_zombies_are_in(pid_);
}

// What the program has started may need the grace more than the program itself, which is often a shell. While the leader is
// there it holds the group's number; without it the group is looked at so often that the number cannot have come round.
void script_process::watch_group()
{
    constexpr std::chrono::milliseconds often(50);
    if (reaped_ && group_is_empty())
        return;
    const auto left = kill_at_ - clock::now();
    if (left <= clock::duration::zero())
        return kill_group();
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
