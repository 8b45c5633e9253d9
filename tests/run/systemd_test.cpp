// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Started by a .socket unit, and telling a unit of Type=notify how it is: played by the test, without systemd.
#include "service.hpp"
#include "support/catch.hpp"

#include <csignal>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::test {

namespace {

// As systemd starts a service: the socket on 3, and the variables for this process.
std::vector<std::string> as_systemd(const std::string& sockets)
{
    return {"/bin/sh", "-c",
            "exec 3<&0 4<&0 </dev/null; LISTEN_FDS=" + sockets +
                " LISTEN_PID=$$; export LISTEN_FDS LISTEN_PID; exec \"$0\"",
            SLUICE_PROBE};
}

// Where a unit of Type=notify is told.
class notify_socket {
public:
    notify_socket()
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.c_str(), path_.size());
        REQUIRE(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ~notify_socket() { ::close(fd_); }
    notify_socket(const notify_socket&) = delete;
    notify_socket& operator=(const notify_socket&) = delete;

    const std::string& path() const noexcept { return path_; }
    bool nothing() const
    {
        pollfd p{fd_, POLLIN, 0};
        return ::poll(&p, 1, 0) == 0;
    }
    std::string next() const
    {
        pollfd p{fd_, POLLIN, 0};
        char text[256];
        const auto n = ::poll(&p, 1, 10'000) == 1 ? ::recv(fd_, text, sizeof text, 0) : 0;
        return std::string(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    }

private:
    temp_dir folder_;
    std::string path_ = (folder_ / "notify").string();
    int fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

} // namespace

TEST_CASE("systemd: a socket that it passes is served, and child processes do not hear of it")
{
    const listening_socket socket;
    spawned probe(socket, {}, as_systemd("1"));
    const auto reply = fastcgi_client(socket.address()).get("/hello");
    CHECK(reply.body == "Hello, world!");
    CHECK(reply.well());
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
}

TEST_CASE("systemd: several sockets are refused in words, and those for another process left alone")
{
    {
        const listening_socket socket;
        spawned probe(socket, {}, as_systemd("2"));
        CHECK(probe.wait() == exit_status{2, 0});
        CHECK(probe.log().find("2 sockets") != std::string::npos);
    }
    const auto o = run_program(SLUICE_PROBE, {}, {{"LISTEN_FDS", "1"}, {"LISTEN_PID", "1"}});
    CHECK(o.status == exit_status{2, 0});
    CHECK(o.err.find("nothing to serve") != std::string::npos);
}

TEST_CASE("systemd: READY=1 once requests can come, STOPPING=1 before the end")
{
    const notify_socket told;
    const listening_socket socket;
    spawned probe(socket, {{"NOTIFY_SOCKET", told.path()}});
    CHECK(told.next() == "READY=1");
    CHECK(fastcgi_client(socket.address()).get("/hello").body == "Hello, world!");
    probe.program().send_signal(SIGTERM);
    CHECK(told.next() == "STOPPING=1");
    CHECK(probe.wait() == exit_status{0, 0});
}

TEST_CASE("systemd: READY=1 of several processes once all are ready, none when they cannot be")
{
    {
        const notify_socket told;
        service s({"--workers", "3"}, {{"NOTIFY_SOCKET", told.path()}});
        CHECK(told.next() == "READY=1");
        CHECK(fastcgi_client(s.address()).get("/hello").body == "Hello, world!");
        s.program().send_signal(SIGTERM);
        CHECK(told.next() == "STOPPING=1");
        CHECK(s.wait() == exit_status{0, 0});
    }
    const notify_socket told;
    service s({"--workers", "3"}, {{"NOTIFY_SOCKET", told.path()}, {"FCGI_WEB_SERVER_ADDRS", "localhost"}});
    CHECK(s.wait() == exit_status{2, 0});
    CHECK(told.nothing());
}

TEST_CASE("FCGI_WEB_SERVER_ADDRS: strangers are refused, and a slip in it is said at the start")
{
    const listening_socket socket;
    {
        spawned probe(socket, {{"FCGI_WEB_SERVER_ADDRS", "192.0.2.1"}});
        fastcgi_client client(socket.address());
        CHECK(client.read_to_end().empty());
        CHECK(probe.says("FCGI_WEB_SERVER_ADDRS"));
    }
    spawned probe(socket, {{"FCGI_WEB_SERVER_ADDRS", "localhost"}});
    CHECK(probe.wait() == exit_status{2, 0});
    CHECK(probe.log().find("'localhost' is no IP address") != std::string::npos);
}

} // namespace sluice::test
