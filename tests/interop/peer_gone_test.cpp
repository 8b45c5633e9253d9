// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// A web server that vanishes at every possible moment costs its connection and nothing else. Spoken
// directly, since no real one can be made to leave so early.
#include "interop/probe_client.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/records.hpp"
#include "support/temp_dir.hpp"

#include <csignal>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::test {

namespace {

using std::chrono::seconds;

class connection {
public:
    explicit connection(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path.size() < sizeof(address.sun_path));
        std::memcpy(address.sun_path, path.data(), path.size());
        const timeval patience{20, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    }
    ~connection() { ::close(fd_); }
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    bool connected() const noexcept { return connected_; }
    void send(const std::string& bytes) { ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }

    /// Up to `most` bytes, or what comes before the end.
    std::string receive(std::size_t most)
    {
        std::string all(most, '\0');
        std::size_t count = 0;
        for (ssize_t n = 1; n > 0 && count < most; count += static_cast<std::size_t>(std::max<ssize_t>(n, 0)))
            n = ::recv(fd_, all.data() + count, most - count, 0);
        all.resize(count);
        return all;
    }

private:
    int fd_;
    bool connected_ = false;
};

std::string request(const std::string& path, const std::string& query)
{
    return begin_request(1, false) + params(1, variables("GET", path, {{"QUERY_STRING", query}})) +
           stdin_end(1);
}

} // namespace

TEST_CASE("F8: a web server that vanishes costs its connection and nothing else")
{
    const temp_dir folder;
    const std::string socket = folder / "probe.sock";
    process probe({.command = {built_probe(), "--fastcgi", "unix:" + socket, "--log-level", "warning"},
                   .stderr_file = folder / "log"});
    REQUIRE(becomes_true([&] { return connection(socket).connected(); }, seconds(20)));

    const std::vector<std::string> requests = {
        request("/stream", "bytes=1099511627776&chunk=16384"),
        request("/stream", "bytes=1099511627776&chunk=1"),
        request("/tiny", "n=1000000000&flush=1"),
        request("/ticks", "n=1000000&ms=1"),
        request("/bytes", "n=1000000"),
        request("/idle", ""),
        request("/throw", "when=after"),
        request("/hello", ""),
    };
    for (const std::string& each : requests) {
        for (const std::size_t read_first : {0u, 1u, 100u, 20'000u}) {
            for (const std::size_t sent : {each.size(), each.size() - 4, each.size() / 2}) {
                connection web_server(socket);
                INFO(read_file(folder / "log"));
                REQUIRE(web_server.connected());
                web_server.send(each.substr(0, sent));
                // /hello, /idle and /throw have less to say: then this is their end or their silence.
                if (sent == each.size() && read_first > 0)
                    web_server.receive(each.find("/stream") != std::string::npos ? read_first : 1);
            }
        }
        INFO(read_file(folder / "log"));
        CHECK(probe.running());
        connection web_server(socket);
        web_server.send(request("/hello", ""));
        const reply answer = reply_to(1, web_server.receive(100'000));
        CHECK(answer.well());
        CHECK(answer.body == "Hello, world!");
    }
    probe.send_signal(SIGTERM);
    CHECK(probe.wait_for(seconds(20)) == exit_status{0, 0});
}

} // namespace sluice::test
