// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The tutorial's programs do what they say.
#include <sluice/run.hpp>

#include "service.hpp"
#include "support/catch.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

// A CGI program whose output the test reads as it comes.
class cgi_reader {
public:
    cgi_reader(const std::string& program, std::string_view target)
    {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        fd_ = ends[0];
        process_options options;
        options.command = {program};
        options.environment = cgi_request(target);
        options.stdout_fd = ends[1];
        program_.emplace(options);
        ::close(ends[1]);
    }
    ~cgi_reader() { leave(); }
    cgi_reader(const cgi_reader&) = delete;
    cgi_reader& operator=(const cgi_reader&) = delete;

    /// All that came once `words` are there; throws when they do not come.
    const std::string& read_until(std::string_view words)
    {
        while (got_.find(words) == std::string::npos) {
            pollfd p{fd_, POLLIN, 0};
            char piece[65536];
            ssize_t n = 0;
            if (::poll(&p, 1, 10000) == 1)
                n = ::read(fd_, piece, sizeof piece);
            if (n <= 0)
                throw std::runtime_error("no \"" + std::string(words) + "\" in: " + got_);
            got_.append(piece, static_cast<std::size_t>(n));
        }
        return got_;
    }
    void leave()
    {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }
    process& program() { return *program_; }

private:
    int fd_ = -1;
    std::string got_;
    std::optional<process> program_;
};

std::string report(std::uint64_t rows)
{
    std::string all = "row,square,text\r\n";
    for (std::uint64_t i = 1; i <= rows; ++i)
        all += fmt::format("{},{},\"the number {}\"\r\n", i, i * i, i);
    return all;
}

std::string body_of(const std::string& output)
{
    const auto end = output.find("\r\n\r\n");
    return end == output.npos ? "" : output.substr(end + 4);
}

} // namespace

TEST_CASE("01_hello greets the browser by its name")
{
    const auto o = run_program(SLUICE_HELLO, {}, cgi_request("/", {{"HTTP_USER_AGENT", "curl/8"}}));
    CHECK(o.status == exit_status{0, 0});
    CHECK(o.out == "Status: 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
                   "15\r\n\r\nHello, curl/8!\n");

    service hello({}, {}, SLUICE_HELLO);
    const auto reply = fastcgi_client(hello.address()).get("/");
    CHECK(reply.well());
    CHECK(reply.body == "Hello, !\n");
}

TEST_CASE("F7, F11: 02_countdown sends a line a second, and stops when nobody reads")
{
    cgi_reader countdown(SLUICE_COUNTDOWN, "/");
    CHECK_THAT(countdown.read_until("10\n"), Catch::EndsWith("\r\n\r\n10\n"));
    const auto first = clock::now();
    CHECK_THAT(countdown.read_until("9\n"), Catch::EndsWith("\r\n\r\n10\n9\n"));
    const auto took = clock::now() - first;
    CHECK(took > 800ms);
    CHECK(took < 1900ms);
    countdown.leave();
    CHECK(countdown.program().wait_for(900ms) == exit_status{1, 0}); // before it would write again
}

TEST_CASE("03_large_report has as many rows as were asked for")
{
    const auto report_of = [](std::string_view target) {
        return run_program(SLUICE_LARGE_REPORT, {}, cgi_request(target));
    };
    const auto o = report_of("/?rows=100000");
    CHECK(o.status == exit_status{0, 0});
    CHECK_THAT(o.out.substr(0, 200),
               Catch::StartsWith("Status: 200 OK\r\nContent-Type: text/csv; charset=utf-8\r\n"
                                 "Content-Disposition: attachment; filename=report.csv\r\n\r\n"));
    CHECK((body_of(o.out) == report(100000)));
    CHECK((body_of(report_of("/").out) == report(1000)));
    CHECK(body_of(report_of("/?rows=1").out) == report(1));
    CHECK(body_of(report_of("/?rows=0").out) == report(0));
}

TEST_CASE("03_large_report of any size begins at once, and ends when its reader goes")
{
    cgi_reader reader(SLUICE_LARGE_REPORT, "/?rows=1000000000000");
    CHECK_THAT(body_of(reader.read_until("\"the number 5000\"\r\n")), Catch::StartsWith(report(5000)));
    reader.leave();
    CHECK(reader.program().wait_for(10s) == exit_status{1, 0});
}

TEST_CASE("11_authorizer lets anna in, and says who else was refused")
{
    service guard({}, {}, SLUICE_AUTHORIZER);
    const auto ask = [&](const pairs& more) {
        fastcgi_client server(guard.address());
        server.send(begin_request(1, true, 2) + params(1, variables("GET", "/private/page", more)));
        return server.read_reply();
    };
    const auto yes = ask({{"HTTP_AUTHORIZATION", "Basic YW5uYTpzZWNyZXQ="}});
    CHECK(yes.well());
    CHECK(yes.head + yes.body == "Status: 200 OK\r\nVariable-REMOTE_USER: anna\r\n\r\n");
    CHECK(ask({{"REMOTE_USER", "anna"}, {"REMOTE_PASSWD", "secret"}}).head == yes.head);
    const std::vector<pairs> others = {{{"REMOTE_ADDR", "192.0.2.1"}},
                                       {{"HTTP_AUTHORIZATION", "Basic YW5uYTo="}},
                                       {{"REMOTE_USER", "anna"}},
                                       {{"REMOTE_USER", "anna"}, {"REMOTE_PASSWD", "anna"}},
                                       {{"REMOTE_USER", "otto"}, {"REMOTE_PASSWD", "secret"}}};
    for (const auto& other : others) {
        CAPTURE(other);
        const auto no = ask(other);
        CHECK(no.well());
        CHECK_THAT(no.head, Catch::StartsWith("Status: 401 Unauthorized\r\n"));
        CHECK(no.body == "Anna may come in. You are somebody else.\n");
        CHECK_THAT(no.head, Catch::Contains("\r\nWWW-Authenticate: Basic realm=\"private\"\r\n"));
    }
    CHECK(ask(others[0]).errors == "refused: 192.0.2.1\n");
}

} // namespace sluice::test
