// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// process_guard LIFELINE GRACE PROGRAM [ARGUMENT...]
//
// Stands between a test and a program it starts, so that nothing outlives the test, however the
// test ends and whatever the program starts in its turn. The guard adopts orphans (it is their
// subreaper), and when the lifeline, a socket shared with the test, is closed or the program has
// ended, it kills every process below itself. A program that runs on by itself (a web server's
// worker whose parent was killed) would be missed by PR_SET_PDEATHSIG and by process groups.
// GRACE is how many milliseconds a program that ended gives the others to end by themselves.

#include "support/process_guard.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using sluice::test::guard_message;

namespace {

void tell(int lifeline, guard_message::kind what, int value)
{
    const guard_message message{what, value};
    // The test may have gone already: nobody to tell is no fault.
    (void)!::send(lifeline, &message, sizeof(message), MSG_NOSIGNAL);
}

pid_t parent_of(const char* pid)
{
    char path[64];
    char text[512];
    std::snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    const ssize_t length = ::read(fd, text, sizeof(text) - 1);
    ::close(fd);
    if (length <= 0)
        return -1;
    text[length] = '\0';
    // "pid (name) state parent": the name may hold anything, so look for the last parenthesis.
    const char* end = std::strrchr(text, ')');
    return end == nullptr || std::strlen(end) < 5 ? -1 : std::atoi(end + 4);
}

void kill_children()
{
    DIR* processes = ::opendir("/proc");
    if (processes == nullptr)
        return;
    const pid_t self = ::getpid();
    while (const dirent* entry = ::readdir(processes)) {
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && parent_of(entry->d_name) == self)
            ::kill(std::atoi(entry->d_name), SIGKILL);
    }
    ::closedir(processes);
}

// A killed child hands its own children to us, so this ends when the whole tree is gone.
// Returns how many were killed.
int end_all()
{
    int killed = 0;
    for (;;) {
        kill_children();
        int status = 0;
        const pid_t ended = ::waitpid(-1, &status, 0);
        if (ended > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
            ++killed;
        if (ended < 0 && errno != EINTR)
            return killed;
    }
}

pid_t start(char** arguments, int lifeline)
{
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, arguments[0], nullptr, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        tell(lifeline, guard_message::kind::failed, error);
        return -1;
    }
    tell(lifeline, guard_message::kind::started, pid);
    return pid;
}

// True once the program itself has ended; reaps every orphan met on the way.
bool reap(pid_t program, int& status)
{
    bool ended = false;
    int each = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &each, WNOHANG)) > 0;) {
        if (pid == program) {
            status = each;
            ended = true;
        }
    }
    return ended;
}

// Waits for SIGCHLD or the end of the lifeline; true for the latter.
bool wait(int lifeline, int signals, int milliseconds)
{
    pollfd watched[2] = {{lifeline, POLLIN, 0}, {signals, POLLIN, 0}};
    if (::poll(watched, 2, milliseconds) < 0)
        return false;
    signalfd_siginfo info;
    while (::read(signals, &info, sizeof(info)) > 0) {
    }
    return watched[0].revents != 0;
}

void give_time(std::chrono::milliseconds grace, int lifeline, int signals)
{
    const auto deadline = std::chrono::steady_clock::now() + grace;
    for (;;) {
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        siginfo_t child;
        if (::waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) != 0)
            return; // none left
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0 || wait(lifeline, signals, static_cast<int>(left.count())))
            return;
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 4)
        return 2;
    const int lifeline = std::atoi(argv[1]);
    const std::chrono::milliseconds grace(std::atoi(argv[2]));
    ::fcntl(lifeline, F_SETFD, FD_CLOEXEC);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    const int signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    const pid_t program = start(argv + 3, lifeline);
    if (program < 0 || signals < 0)
        return 1;

    // The program has its own copies; ours would keep a pipe open that the test reads to its end.
    for (int fd = 0; fd < 3; ++fd)
        ::close(fd);
    for (;;) {
        const bool abandoned = wait(lifeline, signals, -1);
        int status = 0;
        const bool ended = reap(program, status);
        if (!ended && !abandoned)
            continue;
        if (!abandoned)
            give_time(grace, lifeline, signals);
        const int killed = end_all();
        if (ended) {
            tell(lifeline, guard_message::kind::left_behind, killed);
            tell(lifeline, guard_message::kind::ended, status);
        }
        return 0;
    }
}
