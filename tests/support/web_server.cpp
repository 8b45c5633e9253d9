// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/web_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

bool accepts_connections(std::uint16_t port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const int error = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::close(fd);
    return error == 0;
}

web_server::web_server(const web_server_options& options) : options_(options)
{
    process_options start;
    start.command = {find_program(options.program, options.debian_package).string()};
    start.command.insert(start.command.end(), options.arguments.begin(), options.arguments.end());
    start.environment = {{"TMPDIR", options.temporary}};
    start.grace = options.grace;
    start.stdout_file = options.error_log;
    start.stderr_file = options.error_log;
    process_.emplace(start);

    const auto deadline = steady_clock::now() + std::chrono::seconds(20);
    while (!accepts_connections(options.port)) {
        // The wait doubles as the pause between two looks.
        if (process_->wait_for(milliseconds(5)))
            throw std::runtime_error(options.program + " ended at once:\n" + error_log());
        if (steady_clock::now() > deadline)
            throw std::runtime_error(options.program + " does not accept:\n" + error_log());
    }
}

web_server::~web_server()
{
    process_->kill();
    show_on_failure("error log of " + options_.program, error_log());
}

} // namespace sluice::test
