// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// libfcgi's own bridge from CGI, the program cgi-fcgi, in front of the probe: what a CGI server would start.
#include "interop/probe_client.hpp"
#include "interop/servers/service.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/records.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace sluice::test {

namespace {

using std::chrono::seconds;

struct outcome {
    std::optional<exit_status> status;
    std::string output;
    int left_behind = 0;

    std::string body() const
    {
        const auto end = output.find("\r\n\r\n");
        return end == output.npos ? "" : output.substr(end + 4);
    }
};

// `cgi-fcgi arguments…`, asked for `path` with `body`.
outcome run_cgi_fcgi(const site& site, std::vector<std::string> arguments, const std::string& path,
                     const std::string& query = "", const std::string& body = "")
{
    arguments.insert(arguments.begin(), find_program("cgi-fcgi", "libfcgi-bin"));
    const auto in = ::open(site.folder.write("cgi.in", body).c_str(), O_RDONLY | O_CLOEXEC);
    const auto out = site.folder.write("cgi.out", "");
    process_options options;
    options.command = std::move(arguments);
    for (const auto& [name, value] :
         variables(body.empty() ? "GET" : "POST", path, {{"QUERY_STRING", query}}))
        options.environment[name] = value;
    options.environment["GATEWAY_INTERFACE"] = "CGI/1.1";
    if (!body.empty())
        options.environment["CONTENT_LENGTH"] = std::to_string(body.size());
    options.stdin_fd = in;
    options.stdout_file = out;
    process program(options);
    outcome result;
    result.status = program.wait_for(seconds(20));
    result.left_behind = program.left_behind();
    result.output = read_file(out);
    ::close(in);
    return result;
}

} // namespace

TEST_CASE("cgi-fcgi: in front of a service")
{
    site site({});
    start_service(site, {});
    const auto ask = [&](const std::string& path, const std::string& query = "",
                         const std::string& body = "") {
        return run_cgi_fcgi(site, {"-bind", "-connect", service_socket(site)}, path, query, body);
    };
    const auto hello = ask("/hello");
    CHECK(hello.status == exit_status{0, 0});
    CHECK(hello.output ==
          "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!");

    // R16, R17, R19: the body, and CGI's variables as they are.
    const auto text = pattern(300'000);
    CHECK(difference(ask("/echo", "", text).body(), text) == "");
    CHECK_THAT(ask("/env", "a=b").body(), Catch::Contains("QUERY_STRING=a=b\n"));

    const auto big = ask("/stream", "bytes=5000000&chunk=70000");
    CHECK(big.status == exit_status{0, 0});
    CHECK(big.body().size() == 5'000'000);
    CHECK(is_probe_content(big.body()));

    // F13: it says so by its exit status.
    const auto cut = ask("/throw", "when=after");
    CHECK(cut.status != exit_status{0, 0});
    CHECK(is_probe_content(cut.body()));
}

TEST_CASE("cgi-fcgi: starts the app itself, with a listening socket as fd 0")
{
    site site({});
    const auto socket = service_socket(site);
    const auto hello = run_cgi_fcgi(site, {"-connect", socket, site.probe.string(), "1"}, "/hello");
    CHECK(hello.status == exit_status{0, 0});
    CHECK(hello.body() == "Hello, world!");
    CHECK(hello.left_behind == 1); // the app is there to stay
}

} // namespace sluice::test
