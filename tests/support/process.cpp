// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/process.hpp"

#include "support/process_guard.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <spawn.h>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace sluice::test {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added)
{
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string line = *entry;
        if (!added.contains(line.substr(0, line.find('='))))
            result.push_back(line);
    }
    for (const auto& [name, value] : added)
        result.push_back(name + "=" + value);
    return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings)
{
    std::vector<char*> result;
    for (std::string& string : strings)
        result.push_back(string.data());
    result.push_back(nullptr);
    return result;
}

exit_status decode(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return {0, WTERMSIG(wait_status)};
    return {WEXITSTATUS(wait_status), 0};
}

class spawn_actions {
public:
    spawn_actions()
    {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        // A session of its own keeps the terminal's Ctrl-C away: the test ends, the lifeline
        // closes, and the guard cleans up.
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID);
    }
    ~spawn_actions()
    {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    spawn_actions(const spawn_actions&) = delete;
    spawn_actions& operator=(const spawn_actions&) = delete;

    void use(int fd, int as) { posix_spawn_file_actions_adddup2(&actions_, fd, as); }
    void open(const fs::path& file, int as, int flags)
    {
        posix_spawn_file_actions_addopen(&actions_, as, file.c_str(), flags, 0644);
    }
    int spawn(pid_t& pid, std::vector<std::string>& command, std::vector<std::string>& environment)
    {
        return ::posix_spawn(&pid, command[0].c_str(), &actions_, &attributes_, pointers(command).data(),
                             pointers(environment).data());
    }

private:
    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
};

constexpr int guard_fd = 3;

} // namespace

std::ostream& operator<<(std::ostream& out, const exit_status& status)
{
    if (status.signal != 0)
        return out << "signal " << status.signal;
    return out << "exit code " << status.code;
}

process::process(const process_options& options)
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    // Above the fds the program will have: a dup2 in the child must not overwrite it.
    const int far = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    ::close(ends[1]);
    lifeline_ = ends[0];

    spawn_actions actions;
    if (options.stdin_fd >= 0)
        actions.use(options.stdin_fd, 0);
    else
        actions.open("/dev/null", 0, O_RDONLY);
    if (options.stdout_fd >= 0)
        actions.use(options.stdout_fd, 1);
    else
        actions.open(options.stdout_file, 1, O_WRONLY | O_CREAT | O_APPEND);
    actions.open(options.stderr_file, 2, O_WRONLY | O_CREAT | O_APPEND);
    actions.use(far, guard_fd);

    std::vector<std::string> command{SLUICE_PROCESS_GUARD, std::to_string(guard_fd),
                                     std::to_string(options.grace.count())};
    command.insert(command.end(), options.command.begin(), options.command.end());
    std::vector<std::string> environment = merged_environment(options.environment);
    const int error = actions.spawn(guard_, command, environment);
    ::close(far);
    if (error != 0) {
        ::close(lifeline_);
        throw std::system_error(error, std::generic_category(), "cannot start " + command[0]);
    }
    guard_message first{};
    if (::recv(lifeline_, &first, sizeof(first), 0) != sizeof(first) ||
        first.what != guard_message::kind::started)
    {
        kill();
        throw std::system_error(first.value, std::generic_category(), "cannot start " + options.command[0]);
    }
    pid_ = first.value;
}

process::~process()
{
    kill();
}

bool process::receive(milliseconds patience)
{
    const auto deadline = steady_clock::now() + patience;
    while (!status_ && lifeline_ >= 0) {
        pollfd watched{lifeline_, POLLIN, 0};
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
        const int ready = ::poll(&watched, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        guard_message message{};
        if (::recv(lifeline_, &message, sizeof(message), 0) != sizeof(message))
            status_ = exit_status{0, SIGKILL}; // by `kill`, or the guard itself was killed
        else if (message.what == guard_message::kind::ended)
            status_ = decode(message.value);
        else if (message.what == guard_message::kind::left_behind)
            left_behind_ = message.value;
    }
    return true;
}

bool process::running()
{
    return !receive(milliseconds(0));
}

void process::send_signal(int signal)
{
    // No race with a reused pid that matters: the guard reaps only what `running` then reports.
    if (running())
        ::kill(pid_, signal);
}

std::optional<exit_status> process::wait_for(milliseconds patience)
{
    receive(patience);
    return status_;
}

void process::kill()
{
    if (lifeline_ < 0)
        return;
    ::shutdown(lifeline_, SHUT_WR);
    // The guard ends, which closes the lifeline, when all is dead; SIGKILL leaves nobody a choice.
    if (!receive(milliseconds(10'000)))
        ::kill(guard_, SIGKILL);
    while (::waitpid(guard_, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::close(lifeline_);
    lifeline_ = -1;
    if (!status_)
        status_ = exit_status{0, SIGKILL};
}

fs::path find_program(const std::string& name, const std::string& debian_package)
{
    const char* path = std::getenv("PATH");
    std::stringstream folders(std::string(path == nullptr ? "" : path) +
                              ":/usr/local/sbin:/usr/sbin:/usr/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        const fs::path candidate = fs::path(folder) / name;
        if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0)
            return candidate;
    }
    throw std::runtime_error("the program " + name + " is missing; these tests need it: apt-get install " +
                             debian_package);
}

std::string read_file(const fs::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    std::stringstream content;
    content << stream.rdbuf();
    return content.str();
}

} // namespace sluice::test
