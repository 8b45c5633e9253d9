// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The probe as a service of its own, started by the test.
#include "interop/servers/service.hpp"

#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::test {

// A socket's file is there before the socket listens; and lighttpd answers 503 for a second after a
// refused connection.
bool accepts_connections(const std::string& path)
{
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int error = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::close(fd);
    return error == 0;
}

void start_program(std::optional<process>& slot, process_options options, const std::filesystem::path& log,
                   const std::function<bool()>& listens)
{
    const std::string name = options.command.front();
    options.stdout_file = log;
    options.stderr_file = log;
    slot.emplace(options);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!listens()) {
        if (slot->wait_for(std::chrono::milliseconds(5)))
            throw std::runtime_error(name + " ended at once:\n" + read_file(log));
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error(name + " does not listen:\n" + read_file(log));
    }
}

namespace {

void start(site& site, const site_options& options, const std::vector<std::string>& command)
{
    start_program(site.app, {.command = command, .environment = options.environment}, site.folder / "app.log",
                  [socket = service_socket(site)] { return accepts_connections(socket); });
}

} // namespace

std::string service_socket(const site& site)
{
    return site.folder / "run/probe.sock";
}

void start_service(site& site, const site_options& options, const std::vector<std::string>& arguments)
{
    // To connect takes the right to write, and under root Apache and nginx serve as www-data.
    std::vector<std::string> command = {site.probe, "--fastcgi", "unix:" + service_socket(site),
                                        "--socket-mode", "0777"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    start(site, options, command);
}

void start_service_by_spawn_fcgi(site& site, const site_options& options)
{
    // -n: it becomes the probe instead of leaving it behind.
    start(site, options,
          {find_program("spawn-fcgi", "spawn-fcgi"), "-n", "-s", service_socket(site), "-M", "0777", "--",
           site.probe});
}

std::vector<std::string> mount_flag(const site& site)
{
    return {"--mount", site.mount.empty() ? "/" : site.mount};
}

} // namespace sluice::test
