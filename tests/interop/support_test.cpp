// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The test helpers' own promises, where a silent failure would make other tests meaningless.
#include "support/catch.hpp"
#include "support/curl.hpp"
#include "support/free_port.hpp"
#include "support/process.hpp"
#include "support/process_memory.hpp"
#include "support/temp_dir.hpp"

#include "interop/probe_client.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("support: a process's exit status, output and environment are seen")
{
    const temp_dir folder;
    process shell({.command = {"sh", "-c", "echo \"$SLUICE_X\"; echo oops >&2; exit 7"},
                   .environment = {{"SLUICE_X", "a value"}},
                   .stdout_file = folder / "out",
                   .stderr_file = folder / "err"});
    CHECK(shell.wait_for(seconds(20)) == exit_status{7, 0});
    CHECK(read_file(folder / "out") == "a value\n");
    CHECK(read_file(folder / "err") == "oops\n");
}

TEST_CASE("support: a process that is signalled says so")
{
    process sleeper({.command = {"sleep", "1000"}});
    CHECK(sleeper.running());
    CHECK_FALSE(sleeper.wait_for(milliseconds(50)));
    sleeper.send_signal(SIGTERM);
    CHECK(sleeper.wait_for(seconds(20)) == exit_status{0, SIGTERM});
}

TEST_CASE("support: a program that does not exist cannot be started")
{
    CHECK_THROWS_AS(process({.command = {"/no/such/program"}}), std::system_error);
    std::string message;
    try {
        find_program("no-such-program", "some-package");
    } catch (const std::runtime_error& error) {
        message = error.what();
    }
    CHECK(message.find("apt-get install some-package") != std::string::npos);
}

TEST_CASE("support: nothing that a process started outlives it")
{
    const temp_dir folder;
    std::string orphan;
    {
        // A grandchild in a session of its own, whose parent has gone: what a daemon does.
        process shell({.command = {"sh", "-c",
                                   "setsid sh -c 'sleep 1000 & echo $!' > " + (folder / "pid").string() +
                                       "; sleep 1000"}});
        REQUIRE(becomes_true(
            [&] {
                orphan = read_file(folder / "pid");
                return orphan.ends_with('\n');
            },
            seconds(20)));
        CHECK(::kill(std::stoi(orphan), 0) == 0);
    }
    CHECK(::kill(std::stoi(orphan), 0) == -1);
}

TEST_CASE("support: what a process left behind has its grace, then is killed")
{
    process patient({.command = {"sh", "-c", "sleep 0.1 & exit 0"}, .grace = seconds(20)});
    CHECK(patient.wait_for(seconds(30)) == exit_status{0, 0});
    CHECK(patient.left_behind() == 0);
    process impatient({.command = {"sh", "-c", "sleep 1000 & exit 0"}, .grace = milliseconds(20)});
    CHECK(impatient.wait_for(seconds(30)) == exit_status{0, 0});
    CHECK(impatient.left_behind() == 1);
}

TEST_CASE("support: ports are distinct, and a server can bind what is held for it")
{
    std::vector<std::unique_ptr<free_port>> ports;
    std::set<int> numbers;
    for (int i = 0; i < 50; ++i) {
        ports.push_back(std::make_unique<free_port>());
        numbers.insert(ports.back()->number());
    }
    CHECK(numbers.size() == 50);
    CHECK_FALSE(numbers.contains(0));

    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(ports.front()->number());
    CHECK(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    CHECK(::listen(fd, 1) == 0);
    ::close(fd);
}

TEST_CASE("support: memory of a process and processes below another are found")
{
    const auto own = resident_anonymous_bytes(::getpid());
    REQUIRE(own);
    CHECK(*own > 100'000);
    process sleeper({.command = {"sleep", "1000"}});
    CHECK(processes_below(::getpid(), "sleep") == std::vector{sleeper.pid()});
    CHECK(processes_below(sleeper.pid(), "sleep").empty());
}

TEST_CASE("support: curl's head, body and failure are told apart")
{
    const http_response response = parse_response_head("HTTP/1.1 100 Continue\r\n\r\n"
                                                       "HTTP/1.1 404 Not Found\r\n"
                                                       "X-A: 1\r\nx-a:  2 \r\n\r\n");
    CHECK(response.status == 404);
    CHECK(response.reason == "Not Found");
    CHECK(response.all_headers("X-A") == std::vector<std::string>{"1", "2"});
    CHECK_FALSE(response.header("X-B"));

    const free_port nobody_listens;
    const curl_result result = curl("http://127.0.0.1:" + std::to_string(nobody_listens.number()) + "/");
    CHECK(result.exit_code == 7);
    CHECK(result.response.status == 0);
    CHECK_FALSE(result.errors.empty());
}

TEST_CASE("support: the probe's content is recognized at any offset, and nothing else is")
{
    CHECK(is_probe_content("0123456789abc"));
    CHECK(is_probe_content("VWXY0123", 61 * 100'000 + 57));
    CHECK(is_probe_content(""));
    CHECK_FALSE(is_probe_content("0123456789abd"));
    CHECK_FALSE(is_probe_content("0", 1));
    CHECK_FALSE(is_probe_content("Y1", 60));
}

} // namespace sluice::test
