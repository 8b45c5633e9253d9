// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "program_start_driver.hpp"

#include <sluice/errc.hpp>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// What runs in the child runs in our memory and on our thread's storage: nothing may be noted there about it.
#define SLUICE_IN_CHILD __attribute__((noinline, no_sanitize("address", "undefined", "thread")))

/// clone(2) by its other name: by the first one the thread sanitizer takes it for a fork, and forgets what it knows of our
/// descriptors.
extern "C" int __clone(int (*run)(void*), void* stack_end, int flags, void* argument, ...) noexcept;

namespace sluice::cgi {

namespace {

enum class step { group, directory, input, output, errors, descriptors, limits, signals, exec };

/// What the child is given, and what it says. It shares our memory until it is another program.
struct order {
    const char* filename;
    const char* directory;
    char* const* arguments;
    char* const* variables;
    const std::pair<int, rlimit>* limits;
    std::size_t limit_count;
    int in, out, err;

    step at = step::group;
    int fault = 0;
};

// Signals and masks as the kernel has them.
constexpr int signal_count = 64;
constexpr std::size_t mask_size = signal_count / CHAR_BIT;
using signal_mask = std::uint64_t;
constexpr std::array<unsigned long, 8>
    default_action{}; // a struct sigaction of the kernel's is smaller, and zero is SIG_DFL

// Straight to the kernel from here on: glibc's functions are the sanitizers', and keep notes on our thread.
SLUICE_IN_CHILD bool prepare(order& o)
{
    o.at = step::group;
    if (::syscall(SYS_setpgid, 0, 0) != 0)
        return false;
    o.at = step::directory;
    if (::syscall(SYS_chdir, o.directory) != 0)
        return false;
    o.at = step::input;
    const long in = o.in >= 0 ? o.in : ::syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY, 0);
    if (in < 0 || (in != 0 && ::syscall(SYS_dup3, in, 0, 0) < 0))
        return false;
    o.at = step::output;
    if (::syscall(SYS_dup3, o.out, 1, 0) < 0)
        return false;
    o.at = step::errors;
    if (::syscall(SYS_dup3, o.err, 2, 0) < 0)
        return false;
    o.at = step::descriptors;
    if (::syscall(SYS_close_range, 3U, ~0U, 0U) != 0)
        return false;
    o.at = step::limits;
    for (std::size_t i = 0; i < o.limit_count; ++i)
        if (::syscall(SYS_prlimit64, 0, o.limits[i].first, &o.limits[i].second, nullptr) != 0)
            return false;
    // No handler of ours may run here, so they go before the mask does.
    o.at = step::signals;
    for (int s = 1; s <= signal_count; ++s)
        if (s != SIGKILL && s != SIGSTOP &&
            ::syscall(SYS_rt_sigaction, s, default_action.data(), nullptr, mask_size) != 0)
            return false;
    const signal_mask none = 0;
    if (::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, mask_size) != 0)
        return false;
    o.at = step::exec;
    ::syscall(SYS_execve, o.filename, o.arguments, o.variables);
    return false;
}

SLUICE_IN_CHILD int child(void* given)
{
    auto& o = *static_cast<order*>(given);
    if (!prepare(o))
        o.fault = errno;
    ::syscall(SYS_exit_group, 127);
    return 127;
}

std::vector<char*> pointers_to(const std::vector<std::string>& all)
{
    std::vector<char*> p;
    p.reserve(all.size() + 1);
    for (const auto& s : all)
        p.push_back(const_cast<char*>(s.c_str()));
    p.push_back(nullptr);
    return p;
}

std::string describe(step at, const program_start& what)
{
    switch (at) {
    case step::directory: return "cannot start " + what.filename + " in " + what.directory;
    case step::limits: return "cannot limit the resources of " + what.filename;
    case step::input: return "cannot give an empty input (/dev/null) to " + what.filename;
    default: return "cannot start " + what.filename;
    }
}

} // namespace

started_program start_program(const program_start& what)
{
    const auto arguments = pointers_to(what.arguments), variables = pointers_to(what.variables);
    order o{what.filename.c_str(),
            what.directory.c_str(),
            arguments.data(),
            variables.data(),
            what.limits.data(),
            what.limits.size(),
            what.in,
            what.out,
            what.err};
    // We stand still meanwhile, so this frame stays. The child calls nobody but the kernel: it needs little.
    alignas(16) std::array<std::byte, 16 * 1024> stack;
    // All of them, those too that glibc keeps for itself: a handler of ours that ran in the child would run in our memory.
    const signal_mask all = ~signal_mask{0};
    signal_mask before = 0;
    int pidfd = -1;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, mask_size);
    const auto pid = ::__clone(child, stack.data() + stack.size(),
                               CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &o, &pidfd);
    const int fault = pid < 0 ? errno : o.fault;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, mask_size);
    if (fault == 0)
        return {pid, pidfd};
    if (pid >= 0) {
        ::close(pidfd);
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    throw system_error(error_code(fault, boost::system::system_category()), describe(o.at, what));
}

} // namespace sluice::cgi
