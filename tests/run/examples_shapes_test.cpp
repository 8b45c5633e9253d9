// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The tutorial's programs that are no coroutines do what they say.
#include <sluice/run.hpp>

#include "service.hpp"
#include "support/catch.hpp"

#include <fmt/core.h>

#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

namespace sluice::test {

namespace {

std::string body_of(const std::string& output)
{
    const auto end = output.find("\r\n\r\n");
    return end == output.npos ? "" : output.substr(end + 4);
}

/// What a CGI program says to a posted text.
outcome post_to(const std::string& program, const std::string& text)
{
    const temp_dir folder;
    std::ofstream(folder / "in") << text;
    const int in = ::open((folder / "in").c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(in >= 0);
    process_options options;
    options.command = {program};
    options.environment =
        cgi_request("/", {{"REQUEST_METHOD", "POST"}, {"CONTENT_LENGTH", std::to_string(text.size())}});
    options.stdin_fd = in;
    options.stdout_file = folder / "out";
    options.stderr_file = folder / "err";
    process run(options);
    ::close(in);
    const auto status = run.wait_for(std::chrono::seconds(10));
    REQUIRE(status);
    return {*status, read_file(folder / "out"), read_file(folder / "err")};
}

} // namespace

TEST_CASE("R34: 04_delayed_answer answers from its own thread, as a CGI program and as a service")
{
    const auto o = run_program(SLUICE_DELAYED_ANSWER, {}, cgi_request("/?10000"));
    CHECK(o.status == exit_status{0, 0});
    CHECK(body_of(o.out) == "Prime number 10000 is 104729.\n");

    service primes({}, {}, SLUICE_DELAYED_ANSWER);
    fastcgi_client client(primes.address());
    CHECK(client.get("/?1").body == "Prime number 1 is 2.\n");
    CHECK(client.get("/?2").body == "Prime number 2 is 3.\n");
    CHECK(client.get("/?x").body == "Prime number 1 is 2.\n");
    CHECK(client.get("/?25").body == "Prime number 25 is 97.\n");
}

TEST_CASE("05_callback_streaming has as many rows as were asked for")
{
    const auto table = [](std::uint64_t rows) {
        std::string all;
        for (std::uint64_t i = 1; i <= rows; ++i)
            all += fmt::format("{} {}\n", i, i * i);
        return all;
    };
    const auto o = run_program(SLUICE_CALLBACK_STREAMING, {}, cgi_request("/?100000"));
    CHECK(o.status == exit_status{0, 0});
    CHECK((body_of(o.out) == table(100'000)));
    CHECK((body_of(run_program(SLUICE_CALLBACK_STREAMING, {}, cgi_request("/")).out) == table(1000)));

    service squares({}, {}, SLUICE_CALLBACK_STREAMING);
    const auto none = fastcgi_client(squares.address()).get("/?0");
    CHECK(none.well());
    CHECK(none.body.empty());
}

TEST_CASE("06_ported_cgi says the same before and after, as the CGI program it was")
{
    for (const std::string text : {"", "one", "two words\n", " many  words\tand\nlines \n"}) {
        const auto before = post_to(SLUICE_PORTED_CGI_BEFORE, text);
        const auto after = post_to(SLUICE_PORTED_CGI_AFTER, text);
        CHECK(after.status == before.status);
        CHECK(body_of(after.out) == body_of(before.out));
    }
    CHECK(body_of(post_to(SLUICE_PORTED_CGI_AFTER, "two words\n").out) == "2 words, 8 letters\n");
    CHECK(run_program(SLUICE_PORTED_CGI_BEFORE, {}, cgi_request("/")).out ==
          run_program(SLUICE_PORTED_CGI_AFTER, {}, cgi_request("/")).out);
}

TEST_CASE("06_ported_cgi, once ported, is a service too, which answers one request after the other, and ends")
{
    service counter({}, {}, SLUICE_PORTED_CGI_AFTER);
    fastcgi_client client(counter.address());
    for (int i = 0; i < 3; ++i) {
        const auto reply = client.get("/");
        CHECK(reply.well());
        CHECK(reply.status() == 405);
        CHECK(reply.body == "Post a text to me.\n");
    }
    counter.program().send_signal(SIGTERM);
    CHECK(counter.wait() == exit_status{0, 0});
}

TEST_CASE(
    "F27: SIGTERM while a ported program's thread waits for its client: it is woken, and the process ends")
{
    service counter({"--drain", "100ms"}, {}, SLUICE_PORTED_CGI_AFTER);
    fastcgi_client client(counter.address());
    client.send(begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "10"}})) +
                stdin_data(1, "half "));
    fastcgi_client another(counter.address());
    CHECK(another.get("/").status() == 405); // the one before has its thread by now, or the next free one
    counter.program().send_signal(SIGTERM);
    CHECK(counter.wait() == exit_status{0, 0});
    CHECK(count_lines(counter.log(), "left behind") == 0);
}

} // namespace sluice::test
