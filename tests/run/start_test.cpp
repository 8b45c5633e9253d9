// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// How a program finds out what to serve, and what it leaves behind.
#include <sluice/run.hpp>

#include "service.hpp"
#include "support/catch.hpp"
#include "support/free_port.hpp"

#include <csignal>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::test {

namespace {

namespace fs = std::filesystem;

constexpr auto hello = "Hello, world!";
constexpr auto hello_output =
    "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!";

bool nonblocking(int fd)
{
    return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

} // namespace

TEST_CASE("the probe refuses a number that fits in nothing as it does one that is too large")
{
    for (const std::string n : {"4294967297", "99999999999", "99999999999999999999999"}) {
        CAPTURE(n);
        const auto o = run_program(SLUICE_PROBE, {}, cgi_request("/bytes?n=" + n));
        CHECK_THAT(o.out, Catch::StartsWith("Status: 400 ") && Catch::Contains("n is at most 4294967296"));
    }
}

TEST_CASE("a listening socket as fd 0, unix or TCP: FastCGI on it, and the socket is left to the others")
{
    const temp_dir folder;
    const bool is_unix = GENERATE(true, false);
    CAPTURE(is_unix);
    const auto socket =
        is_unix ? std::make_unique<listening_socket>(folder) : std::make_unique<listening_socket>();
    REQUIRE_FALSE(nonblocking(socket->fd()));
    spawned probe(*socket);
    const auto reply = fastcgi_client(socket->address()).get("/hello");
    CHECK(reply.body == hello);
    CHECK(reply.well());
    CHECK(nonblocking(socket->fd()));
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
    CHECK(nonblocking(socket->fd())); // others share it, and must not wait in accept
    CHECK((!is_unix || fs::exists(folder / "inherited")));
    CHECK(probe.log().empty());
}

TEST_CASE(
    "fd 0 is all that a FastCGI program is given (FastCGI specification, 2.2): the log goes nowhere else")
{
    const listening_socket socket;
    // Descriptors 1 and 2 are closed, and the next two would get their numbers: connections.
    spawned probe(socket, {{"SLUICE_LOG_LEVEL", "trace"}},
                  {"/bin/sh", "-c", "exec \"$0\" >&- 2>&-", SLUICE_PROBE});
    for (int i = 0; i < 3; ++i) {
        const auto reply = fastcgi_client(socket.address()).get("/hello");
        CHECK(reply.body == hello);
        CHECK(reply.well());
    }
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
}

TEST_CASE("a listening socket as fd 0 counts before GATEWAY_INTERFACE")
{
    const listening_socket socket;
    spawned probe(socket, cgi_request("/hello"));
    CHECK(fastcgi_client(socket.address()).get("/hello").body == hello);
}

TEST_CASE("GATEWAY_INTERFACE: one request as a CGI program")
{
    const auto o = run_program(SLUICE_PROBE, {}, cgi_request("/hello"));
    CHECK(o.status == exit_status{0, 0});
    CHECK(o.out == hello_output);
    CHECK(o.err.empty());
}

TEST_CASE("a CGI program without stdin, stdout or stderr")
{
    const auto environment = cgi_request("/hello", {{"SLUICE_LOG_LEVEL", "trace"}});
    const auto without = [&](const std::string& closed) {
        return run_program("/bin/sh", {"-c", "exec \"$0\" " + closed, SLUICE_PROBE}, environment);
    };
    const auto no_in = without("<&-");
    CHECK(no_in.status == exit_status{0, 0});
    CHECK(no_in.out == hello_output);
    const auto no_err = without("2>&-");
    CHECK(no_err.status == exit_status{0, 0});
    CHECK(no_err.out == hello_output);
    const auto no_out = without(">&-");
    CHECK(no_out.status == exit_status{1, 0}); // nobody got the response
    const auto nothing = without("<&- >&- 2>&-");
    CHECK(nothing.status == exit_status{1, 0});
    CHECK(nothing.out.empty());
    CHECK(nothing.err.empty());
}

TEST_CASE("R40: a CGI response that fails in mid-body ends the program with 1")
{
    const auto o = run_program(SLUICE_PROBE, {}, cgi_request("/throw?when=after"));
    CHECK(o.status == exit_status{1, 0});
    CHECK(o.out.size() > 100000);
    CHECK(count_lines(o.err, "thrown in mid-body, as asked") == 1);
    const auto before = run_program(SLUICE_PROBE, {}, cgi_request("/throw?when=before"));
    CHECK(before.status == exit_status{0, 0});
    CHECK_THAT(before.out, Catch::StartsWith("Status: 500 Internal Server Error\r\n"));
}

TEST_CASE("flags: --fastcgi and SLUICE_FASTCGI: a socket of its own, whatever else is there")
{
    const bool by_flag = GENERATE(true, false);
    const bool is_unix = GENERATE(true, false);
    CAPTURE(by_flag, is_unix);
    const temp_dir folder;
    const free_port port;
    const listening_socket inherited;
    const auto address =
        is_unix ? "unix:" + (folder / "socket").string() : "tcp:127.0.0.1:" + std::to_string(port.number());
    process_options options;
    options.command = {SLUICE_PROBE};
    options.environment = cgi_request("/env");
    options.stdin_fd = inherited.fd();
    options.stderr_file = folder / "log";
    if (by_flag)
        options.command.insert(options.command.end(), {"--fastcgi", address});
    else
        options.environment["SLUICE_FASTCGI"] = address;
    process probe(options);
    const auto reply = fastcgi_client(address).get("/hello");
    CHECK(reply.body == hello);
    CHECK(reply.well());
    CHECK(count_lines(read_file(folder / "log"), "info: serving FastCGI on " + address) == 1);
    probe.send_signal(SIGTERM);
    CHECK(probe.wait_for(std::chrono::seconds(10)) == exit_status{0, 0});
    CHECK_FALSE(fs::exists(folder / "socket"));
}

TEST_CASE("a port that is not one is refused, not cut down to another")
{
    const auto o =
        run_program("/bin/sh", {"-c", "timeout -k 1 2 \"$0\" --fastcgi tcp:127.0.0.1:99999", SLUICE_PROBE});
    CHECK(o.status == exit_status{2, 0});
    CHECK_THAT(o.err, Catch::StartsWith("probe: ") && Catch::Contains("99999"));
}

TEST_CASE("a socket file that a program left behind is replaced - one in use, or another file, is not")
{
    const temp_dir folder;
    const std::string path = folder / "socket";
    {
        service killed;
        fastcgi_client client(killed.address());
        fs::rename(killed.socket_path(), path); // the service's folder goes with it
        killed.program().kill();
    }
    REQUIRE(fs::exists(path));
    process_options options;
    options.command = {SLUICE_PROBE, "--fastcgi", "unix:" + path};
    process probe(options);
    CHECK(fastcgi_client("unix:" + path).get("/hello").body == hello);

    const auto second = run_program(SLUICE_PROBE, {"--fastcgi", "unix:" + path});
    CHECK(second.status == exit_status{2, 0});
    CHECK_THAT(second.err, Catch::Contains(path) && Catch::Contains("listening there already"));
    CHECK(fastcgi_client("unix:" + path).get("/hello").body == hello);

    const std::string file = folder.write("file", "precious");
    const auto third = run_program(SLUICE_PROBE, {"--fastcgi", "unix:" + file});
    CHECK(third.status == exit_status{2, 0});
    CHECK_THAT(third.err, Catch::Contains(file) && Catch::Contains("no socket"));
    CHECK(read_file(file) == "precious");
}

TEST_CASE("libfcgi's cgi-fcgi gets an answer")
{
    const auto program = find_program("cgi-fcgi", "libfcgi-bin");
    service probe;
    fastcgi_client(probe.address()); // it listens now
    const auto o = run_program(program, {"-bind", "-connect", probe.socket_path()}, cgi_request("/hello"));
    CHECK(o.out == hello_output);
    CHECK(o.status == exit_status{0, 0});
}

TEST_CASE("flags: --threads: several loops serve side by side")
{
    service probe({"--threads", "3", "--drain", "100ms"});
    std::vector<std::unique_ptr<fastcgi_client>> idle;
    for (int i = 0; i < 6; ++i) {
        idle.push_back(std::make_unique<fastcgi_client>(probe.address()));
        idle.back()->ask("/idle");
        idle.back()->read_until("waiting");
    }
    for (int i = 0; i < 6; ++i)
        CHECK(fastcgi_client(probe.address()).get("/hello").body == hello);
    // A client may have its answer before the loop that sent it has counted that.
    CHECK(within(std::chrono::seconds(10), [&] {
        return fastcgi_client(probe.address()).get("/stats").body.find("\"active\":7,") != std::string::npos;
    }));
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
}

TEST_CASE("a client that asks and leaves at once harms nobody else")
{
    const listening_socket socket;
    {
        // They have left before the program starts, so that it finds out while it writes for the first time.
        for (const auto* target :
             {"/stream?bytes=10000000", "/bytes?n=10000000", "/hello", "/tiny?n=100000&flush=1"})
            fastcgi_client(socket.address()).ask(target);
    }
    spawned probe(socket, {{"SLUICE_LOG_LEVEL", "info"}});
    CHECK(fastcgi_client(socket.address()).get("/hello").body == hello);
    const auto stats = fastcgi_client(socket.address()).get("/stats").body;
    CHECK_THAT(stats, Catch::Contains("\"in_use\":0,") && Catch::Contains("\"active\":1,")); // this one
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
}

} // namespace sluice::test
