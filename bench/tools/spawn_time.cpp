// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Starts a FastCGI program the way mod_fcgid and lighttpd do, a listening unix socket as its fd 0,
// and measures the time from the fork to the end of its first answer; then its memory while idle.
//
//   spawn_time --runs N --server-core C --client-core D -- PROGRAM [ARGUMENTS]

#include "../load/fcgi_answer.hpp"
#include "../load/report.hpp"
#include "../load/socket.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sched.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace {

using namespace bench;
using namespace std::chrono_literals;

struct memory {
    std::uint64_t rss_kib = 0;
    std::uint64_t pss_kib = 0;
    std::uint64_t anonymous_kib = 0;
    bool operator==(const memory&) const = default;
};

memory memory_of(pid_t pid)
{
    std::ifstream in{"/proc/" + std::to_string(pid) + "/smaps_rollup"};
    std::string line;
    memory out;
    while (std::getline(in, line)) {
        const auto value = [&line] { return std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10); };
        if (line.rfind("Rss:", 0) == 0)
            out.rss_kib = value();
        else if (line.rfind("Pss:", 0) == 0)
            out.pss_kib = value();
        else if (line.rfind("Anonymous:", 0) == 0)
            out.anonymous_kib = value();
    }
    if (out.rss_kib == 0)
        throw std::runtime_error{"the program has ended"};
    return out;
}

// Once two looks, 100 ms apart, see the same; the last look after 3 s.
memory settled_memory(pid_t pid)
{
    memory before = memory_of(pid);
    for (int i = 0; i < 30; ++i) {
        std::this_thread::sleep_for(100ms);
        const memory now = memory_of(pid);
        if (now == before)
            break;
        before = now;
    }
    return before;
}

void run_on_core(int core)
{
    if (core < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(core), &set);
    ::sched_setaffinity(0, sizeof set, &set);
}

unique_fd listener_at(const std::string& path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        throw std::invalid_argument{"socket path too long: " + path};
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), 128) != 0)
        throw std::system_error{errno, std::generic_category(), "listen"};
    return fd;
}

// SIGTERM, then SIGKILL after 3 s, as mod_fcgid does.
void end_process(pid_t pid)
{
    ::kill(pid, SIGTERM);
    for (int i = 0; i < 300; ++i) {
        if (::waitpid(pid, nullptr, WNOHANG) == pid)
            return;
        std::this_thread::sleep_for(10ms);
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
}

struct program {
    pid_t pid = -1;
    explicit program(pid_t started) : pid{started} {}
    program(const program&) = delete;
    program& operator=(const program&) = delete;
    ~program() { end_process(pid); }
};

pid_t start(char** arguments, int listener, int core)
{
    const pid_t pid = ::fork();
    if (pid < 0)
        throw std::system_error{errno, std::generic_category(), "fork"};
    if (pid == 0) {
        run_on_core(core);
        ::dup2(listener, STDIN_FILENO);
        ::execv(arguments[0], arguments);
        std::perror(arguments[0]);
        ::_exit(127);
    }
    return pid;
}

void ask_hello(const std::string& path)
{
    const unique_fd fd = connect_to(path);
    const std::string request = wire::plain_request({}, false);
    send_all(fd.get(), request.data(), request.size());
    fcgi_answer got;
    char buffer[4096];
    while (!got.done()) {
        const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
        if (n <= 0)
            throw std::runtime_error{"the connection ended before the answer was whole"};
        got.feed(buffer, static_cast<std::size_t>(n));
        if (got.wrong())
            throw std::runtime_error{got.reason()};
    }
    if (got.status() != 200 || got.body_start() != "Hello, world!")
        throw std::runtime_error{"wrong answer to /hello"};
}

int measure(char** arguments, int runs, int server_core, int client_core, const std::string& folder)
{
    run_on_core(client_core);
    std::vector<double> milliseconds;
    memory last;
    for (int i = 0; i < runs; ++i) {
        const std::string path = folder + "/listener";
        const unique_fd listener = listener_at(path);
        const std::uint64_t from = now_ns();
        const program one{start(arguments, listener.get(), server_core)};
        ask_hello(path);
        milliseconds.push_back(static_cast<double>(now_ns() - from) * 1e-6);
        if (i + 1 == runs)
            last = settled_memory(one.pid);
        ::unlink(path.c_str());
    }
    report out;
    out.add("mode", "spawn");
    out.add("median_ms", median(milliseconds));
    out.add("ms", milliseconds);
    out.add("idle_rss_kib", last.rss_kib);
    out.add("idle_pss_kib", last.pss_kib);
    out.add("idle_anonymous_kib", last.anonymous_kib);
    std::puts(out.str().c_str());
    return 0;
}

} // namespace

int main(int argc, char** argv)
{
    int runs = 20;
    int server_core = -1;
    int client_core = -1;
    int i = 1;
    for (; i + 1 < argc && std::strcmp(argv[i], "--") != 0; i += 2) {
        const std::string_view name = argv[i];
        int* const value = name == "--runs"          ? &runs
                           : name == "--server-core" ? &server_core
                           : name == "--client-core" ? &client_core
                                                     : nullptr;
        if (value != nullptr)
            *value = std::atoi(argv[i + 1]);
    }
    if (i + 1 >= argc || runs < 1) {
        std::fputs("usage: spawn_time [--runs N] [--server-core C] [--client-core D] "
                   "-- PROGRAM [ARGUMENTS]\n",
                   stderr);
        return 2;
    }
    end_after(120);
    char folder[] = "/tmp/spawn_time.XXXXXX";
    if (::mkdtemp(folder) == nullptr) {
        std::perror("spawn_time: mkdtemp");
        return 1;
    }
    int status = 1;
    try {
        status = measure(argv + i + 1, runs, server_core, client_core, folder);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "spawn_time: %s\n", error.what());
        ::unlink((std::string{folder} + "/listener").c_str());
    }
    ::rmdir(folder);
    return status;
}
