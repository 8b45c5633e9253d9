// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The probe as a service of its own, started by the test.
#include "interop/servers/service.hpp"

#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::test {

namespace {

// A socket's file is there before the socket listens; and lighttpd answers 503 for a second after a
// refused connection.
bool accepts(const std::string& path)
{
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const int error = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::close(fd);
    return error == 0;
}

void start(site& site, const site_options& options, const std::vector<std::string>& command)
{
    process_options app;
    app.command = command;
    app.environment = options.environment;
    app.stdout_file = site.folder / "app.log";
    app.stderr_file = site.folder / "app.log";
    site.app.emplace(app);

    const std::string socket = service_socket(site);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!accepts(socket)) {
        if (site.app->wait_for(std::chrono::milliseconds(5)))
            throw std::runtime_error("the probe ended at once:\n" + read_file(site.folder / "app.log"));
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("the probe does not listen:\n" + read_file(site.folder / "app.log"));
    }
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
