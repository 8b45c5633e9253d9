// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// lighttpd in front of a probe that runs on its own and listens on a unix socket.
#include "interop/servers/front_servers.hpp"
#include "interop/servers/lighttpd.hpp"

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

void wait_for_socket(site& site, const std::string& socket)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!accepts(socket)) {
        if (site.app->wait_for(std::chrono::milliseconds(5)))
            throw std::runtime_error("the probe ended at once:\n" + read_file(site.folder / "app.log"));
        if (std::chrono::steady_clock::now() > deadline)
            throw std::runtime_error("the probe does not listen:\n" + read_file(site.folder / "app.log"));
    }
}

std::unique_ptr<site> start(response_body body, const site_options& options)
{
    auto result = std::make_unique<site>(options);
    const std::string socket = result->folder / "run/probe.sock";
    process_options app;
    app.command = {result->probe, "--fastcgi", "unix:" + socket};
    app.environment = options.environment;
    app.stdout_file = result->folder / "app.log";
    app.stderr_file = result->folder / "app.log";
    result->app.emplace(app);
    wait_for_socket(*result, socket);

    std::string config = "server.modules += ( \"mod_fastcgi\" )\n";
    config += "fastcgi.server = ( \"" + (result->mount.empty() ? "/" : result->mount) + "\" => ((\n";
    if (result->mount.empty())
        config += "    \"fix-root-scriptname\" => \"enable\",\n"; // else SCRIPT_NAME takes the whole path
    config += "    \"socket\" => \"" + socket + "\",\n";
    config += "    \"check-local\" => \"disable\"\n)))\n";
    start_lighttpd(*result, body, config, options);
    return result;
}

} // namespace

std::unique_ptr<site> start_lighttpd_socket(const site_options& options)
{
    return start(response_body::buffered, options);
}

std::unique_ptr<site> start_lighttpd_socket_streaming(const site_options& options)
{
    return start(response_body::streamed, options);
}

} // namespace sluice::test
