// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "service.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::test {

namespace {

constexpr auto patience = std::chrono::seconds(10);

[[noreturn]] void fail(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

sockaddr_un unix_address(const std::string& path)
{
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    if (path.size() >= sizeof a.sun_path)
        throw std::runtime_error("too long for a socket: " + path);
    std::memcpy(a.sun_path, path.data(), path.size());
    return a;
}

sockaddr_in tcp_address(std::uint16_t port)
{
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a.sin_port = htons(port);
    return a;
}

int connect_to(const std::string& address)
{
    const bool is_unix = address.starts_with("unix:");
    const int fd = ::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    int result;
    if (is_unix) {
        const auto a = unix_address(address.substr(5));
        result = ::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a);
    } else {
        const auto a =
            tcp_address(static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))));
        result = ::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a);
    }
    if (result == 0)
        return fd;
    ::close(fd);
    return -1;
}

} // namespace

outcome run_program(const std::string& program, const std::vector<std::string>& arguments,
                    const variables_map& environment)
{
    const temp_dir folder;
    process_options options;
    options.command = {program};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.environment = environment;
    options.stdout_file = folder / "out";
    options.stderr_file = folder / "err";
    process run(options);
    const auto status = run.wait_for(patience);
    if (!status)
        throw std::runtime_error(program + " does not end; it said: " + read_file(folder / "err"));
    return {*status, read_file(folder / "out"), read_file(folder / "err")};
}

variables_map cgi_request(std::string_view target, const variables_map& more)
{
    const auto path = target.substr(0, target.find('?'));
    variables_map all{{"GATEWAY_INTERFACE", "CGI/1.1"},
                      {"REQUEST_METHOD", "GET"},
                      {"SCRIPT_NAME", ""},
                      {"PATH_INFO", std::string(path)},
                      {"REQUEST_URI", std::string(target)},
                      {"QUERY_STRING", std::string(target.substr(std::min(path.size() + 1, target.size())))},
                      {"SERVER_NAME", "localhost"},
                      {"SERVER_PORT", "80"},
                      {"SERVER_PROTOCOL", "HTTP/1.1"}};
    for (const auto& [name, value] : more)
        all[name] = value;
    return all;
}

std::vector<std::string> lines(std::string_view text)
{
    std::vector<std::string> all;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        all.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return all;
}

std::size_t count_lines(std::string_view text, std::string_view words)
{
    const auto all = lines(text);
    return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [&](const std::string& line) {
        return line.find(words) != std::string::npos;
    }));
}

listening_socket::listening_socket(const temp_dir& folder)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    const std::string path = folder / "inherited";
    const auto a = unix_address(path);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0 || ::listen(fd_, 16) != 0)
        fail("cannot listen on " + path);
    address_ = "unix:" + path;
}

listening_socket::listening_socket() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    auto a = tcp_address(0);
    socklen_t size = sizeof a;
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0 || ::listen(fd_, 16) != 0 ||
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
        fail("cannot listen on TCP");
    address_ = "tcp:127.0.0.1:" + std::to_string(ntohs(a.sin_port));
}

listening_socket::~listening_socket()
{
    ::close(fd_);
}

fastcgi_client::fastcgi_client(const std::string& address)
{
    if (!within(patience, [&] { return (fd_ = connect_to(address)) >= 0; }))
        throw std::runtime_error("nobody listens on " + address);
}

fastcgi_client::~fastcgi_client()
{
    ::close(fd_);
}

void fastcgi_client::send(std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            fail("send");
        bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
}

void fastcgi_client::ask(std::string_view target)
{
    received_.clear();
    const auto path = target.substr(0, target.find('?'));
    const auto query = target.substr(std::min(path.size() + 1, target.size()));
    send(begin_request(1) +
         params(1, {{"REQUEST_METHOD", "GET"},
                    {"SCRIPT_NAME", ""},
                    {"PATH_INFO", std::string(path)},
                    {"REQUEST_URI", std::string(target)},
                    {"QUERY_STRING", std::string(query)},
                    {"SERVER_NAME", "localhost"},
                    {"SERVER_PORT", "80"},
                    {"SERVER_PROTOCOL", "HTTP/1.1"}}) +
         stdin_end(1));
}

bool fastcgi_client::read_some()
{
    pollfd p{fd_, POLLIN, 0};
    int ready = 0;
    do
        ready = ::poll(&p, 1, static_cast<int>(std::chrono::milliseconds(patience).count()));
    while (ready < 0 && errno == EINTR);
    if (ready == 0)
        throw std::runtime_error("the service says nothing more after " + std::to_string(received_.size()) +
                                 " bytes");
    char piece[65536];
    const auto n = ::recv(fd_, piece, sizeof piece, 0);
    if (n < 0 && errno != ECONNRESET)
        fail("recv");
    received_.append(piece, n > 0 ? static_cast<std::size_t>(n) : 0);
    return n > 0;
}

void fastcgi_client::read_until(std::string_view words)
{
    while (reply_to(1, received_).body.find(words) == std::string::npos) {
        if (!read_some())
            throw std::runtime_error("the connection ended before " + std::string(words));
    }
}

reply fastcgi_client::read_reply()
{
    while (reply_to(1, received_).ends == 0 && read_some()) {
    }
    return reply_to(1, received_);
}

reply fastcgi_client::get(std::string_view target)
{
    ask(target);
    return read_reply();
}

std::string fastcgi_client::read_to_end()
{
    while (read_some()) {
    }
    return received_;
}

service::service(const std::vector<std::string>& arguments, const variables_map& environment,
                 const std::string& program)
    : address_("unix:" + (folder_ / "socket").string())
{
    process_options options;
    options.command = {program, "--fastcgi", address_};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.environment = environment;
    options.stderr_file = folder_ / "log";
    program_.emplace(options);
}

bool service::says(std::string_view words) const
{
    return within(patience, [&] { return log().find(words) != std::string::npos; });
}

spawned::spawned(const listening_socket& socket, const variables_map& environment,
                 const std::vector<std::string>& command)
{
    process_options options;
    options.command = command;
    options.environment = environment;
    options.stdin_fd = socket.fd();
    options.stderr_file = folder_ / "log";
    program_.emplace(options);
}

bool spawned::says(std::string_view words) const
{
    return within(patience, [&] { return log().find(words) != std::string::npos; });
}

} // namespace sluice::test
