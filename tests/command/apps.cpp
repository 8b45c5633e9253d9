// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "command/apps.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace sluice::test {

app_program::app_program(std::vector<std::string> command,
                         const std::map<std::string, std::string>& environment)
    : address_("unix:" + (folder_ / "socket").string()), listener_(fcgi::listener::open(address_))
{
    // Apps of other libraries block in accept, and would take a socket that does not for a broken one.
    ::fcntl(listener_->fd(), F_SETFL, ::fcntl(listener_->fd(), F_GETFL) & ~O_NONBLOCK);
    process_options options;
    options.command = std::move(command);
    options.environment = environment;
    options.grace = std::chrono::seconds(5);
    options.stdin_fd = listener_->fd();
    options.stderr_file = folder_ / "log";
    program_.emplace(options);
}

command_outcome run_command(const std::vector<std::string>& arguments, const std::string& input,
                            const std::map<std::string, std::string>& environment)
{
    temp_dir folder;
    process_options options;
    options.command = {SLUICE_COMMAND};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.environment = environment;
    options.stdout_file = folder / "out";
    options.stderr_file = folder / "err";
    if (!input.empty())
        options.stdin_fd = ::open(folder.write("in", input).c_str(), O_RDONLY | O_CLOEXEC);
    command_outcome o;
    {
        process p(options);
        if (options.stdin_fd >= 0)
            ::close(options.stdin_fd);
        o.status = p.wait_for(std::chrono::seconds(20));
    }
    o.out = read_file(options.stdout_file);
    o.err = read_file(options.stderr_file);
    return o;
}

} // namespace sluice::test
