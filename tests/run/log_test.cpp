// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/run.hpp>

#include "service.hpp"
#include "support/catch.hpp"

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::test {

namespace {

constexpr const char* good_targets[] = {"/hello",
                                        "/bytes?n=100000",
                                        "/stream?bytes=100000&chunk=1000",
                                        "/tiny?n=100&flush=1",
                                        "/ticks?n=2&ms=1",
                                        "/env",
                                        "/status?code=404",
                                        "/stats",
                                        "/nowhere"};

/// A pipe with a name, of which the test has both ends.
class fifo {
public:
    fifo()
    {
        REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
        fd_ = ::open(path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        REQUIRE(fd_ >= 0);
    }
    ~fifo() { ::close(fd_); }
    fifo(const fifo&) = delete;
    fifo& operator=(const fifo&) = delete;

    std::filesystem::path path() const { return folder_ / "fifo"; }
    void fill() const
    {
        const std::string filler(4096, '.');
        while (::write(fd_, filler.data(), filler.size()) > 0) {
        }
    }
    /// Reads until `words` have come; nothing for 10 s ends it.
    std::string read_until(std::string_view words) const
    {
        std::string all;
        pollfd p{fd_, POLLIN, 0};
        while (all.find(words) == std::string::npos && ::poll(&p, 1, 10'000) == 1) {
            char bytes[65536];
            const auto n = ::read(fd_, bytes, sizeof bytes);
            all.append(bytes, n > 0 ? static_cast<std::size_t>(n) : 0);
        }
        return all;
    }

private:
    temp_dir folder_;
    int fd_ = -1;
};

std::string log_of(const std::string& level)
{
    service probe(level.empty() ? std::vector<std::string>()
                                : std::vector<std::string>{"--log-level", level});
    for (const auto* target : good_targets)
        CHECK(fastcgi_client(probe.address()).get(target).well());
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
    return probe.log();
}

} // namespace

TEST_CASE("info, the level of a service: a line for each request, the start and the end")
{
    const auto log = log_of(GENERATE("", "info"));
    CAPTURE(log);
    CHECK(lines(log).size() == std::size(good_targets) + 2);
    CHECK_THAT(lines(log).front(), Catch::Contains("info: serving FastCGI on unix:"));
    CHECK_THAT(lines(log).back(), Catch::Contains("info: signal 15: letting running responses end"));
    CHECK(count_lines(log, " info: #") == std::size(good_targets));
    for (const auto* target : good_targets)
        CHECK(count_lines(log, std::string(" GET ") + target +
                                   (target == good_targets[6] || target == good_targets[8] ? " 404 "
                                                                                           : " 200 ")) == 1);
    CHECK_THAT(log,
               Catch::Matches(
                   "(.|\n)*#1 GET /hello 200 13 bytes, held at most [0-9]+, [0-9]+ ms, complete\n(.|\n)*"));
}

TEST_CASE("good requests say nothing at warning, error or off, the level of a spawned program")
{
    CHECK(log_of(GENERATE("warning", "warn", "error", "off")).empty());
}

TEST_CASE("trace: every record")
{
    service probe({"--log-level", "trace"});
    const auto reply = fastcgi_client(probe.address()).get("/stream?bytes=100000&chunk=100000");
    CHECK(reply.well());
    probe.program().send_signal(SIGTERM);
    CHECK(probe.wait() == exit_status{0, 0});
    const auto log = probe.log();
    CAPTURE(log);
    CHECK(count_lines(log, "trace: in  BEGIN_REQUEST id 1 8 bytes") == 1);
    CHECK(count_lines(log, "trace: in  PARAMS id 1 ") == 2);
    CHECK(count_lines(log, "trace: in  STDIN id 1 0 bytes") == 1);
    CHECK(count_lines(log, "trace: out STDOUT id 1 ") == reply.records + 1);
    CHECK(count_lines(log, "trace: out STDOUT id 1 0 bytes, END_REQUEST") == 1);
}

TEST_CASE("R39, R40: an app that fails is in the log with its request, and the service goes on")
{
    service probe;
    CHECK(fastcgi_client(probe.address()).get("/throw?when=before").status() == 500);
    CHECK(fastcgi_client(probe.address()).get("/throw?when=after").fault);
    CHECK(fastcgi_client(probe.address()).get("/hello").well());
    CHECK(probe.says("#1 GET /throw?when=before: the app failed: thrown before the head, as asked"));
    CHECK(probe.says("#2 GET /throw?when=after: the app failed: thrown in mid-body, as asked"));
}

TEST_CASE("a log that nobody reads holds up no request and no signal, and says afterwards how much is lost")
{
    const fifo log;
    const listening_socket socket;
    process_options options;
    options.command = {SLUICE_PROBE};
    options.environment = {{"SLUICE_LOG_LEVEL", "info"}};
    options.stdin_fd = socket.fd();
    options.stderr_file = log.path();
    log.fill();
    process probe(options);
    fastcgi_client client(socket.address());
    for (int i = 0; i < 20; ++i)
        REQUIRE(client.get("/hello").well());
    log.read_until("."); // some of it
    REQUIRE(client.get("/hello?now").well());
    const auto said = log.read_until("/hello?now");
    CHECK_THAT(said, Catch::Contains(" lines of this log are lost: nobody read it\n") &&
                         Catch::Contains("GET /hello?now 200"));
    CHECK(count_lines(said, "GET /hello 200") <= 1); // of the last one, written after its answer had come
    log.fill();
    probe.send_signal(SIGTERM);
    CHECK(probe.wait_for(std::chrono::seconds(10)) == exit_status{0, 0});
}

TEST_CASE("a CGI program logs to stderr: nothing of a good request, unless told to")
{
    const auto quiet = run_program(SLUICE_PROBE, {}, cgi_request("/bytes?n=100000"));
    CHECK(quiet.status == exit_status{0, 0});
    CHECK(quiet.err.empty());
    const auto told =
        run_program(SLUICE_PROBE, {}, cgi_request("/bytes?n=100000", {{"SLUICE_LOG_LEVEL", "info"}}));
    CHECK(lines(told.err).size() == 1);
    CHECK_THAT(told.err, Catch::Contains("info: #1 GET /bytes?n=100000 200 100000 bytes, held at most "));
}

} // namespace sluice::test
