// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Many requests at once over one FastCGI connection, as HAProxy sends them when the app says that it can.
#include "interop/probe_client.hpp"
#include "interop/servers/front_servers.hpp"
#include "interop/servers/service.hpp"
#include "support/catch.hpp"
#include "support/curl.hpp"

#include <fstream>
#include <future>
#include <set>
#include <sstream>

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The inodes of the connections that the site's probe has now: the kernel shows an accepted unix socket
// under the path of its listener, with state 3 (connected).
std::set<std::string> connections(const site& site)
{
    std::ifstream sockets("/proc/net/unix");
    std::set<std::string> result;
    for (std::string line; std::getline(sockets, line);) {
        std::istringstream words(line);
        std::string number, references, protocol, flags, type, state, inode, path;
        words >> number >> references >> protocol >> flags >> type >> state >> inode >> path;
        if (path == service_socket(site) && state == "03")
            result.insert(inode);
    }
    return result;
}

struct expected_body {
    std::string path;
    std::size_t size;
};

// Forty small ones, and sixty from 10 KB to 3 MB: every third of them in one write.
std::vector<expected_body> mixed_requests()
{
    std::vector<expected_body> all;
    for (std::size_t i = 0; i < 100; ++i) {
        if (i % 5 < 2) {
            all.push_back({"/hello", 13});
            continue;
        }
        const std::size_t size = 10'007 + i * i * 307;
        if (i % 3 == 0)
            all.push_back({"/bytes?n=" + std::to_string(size), size});
        else
            all.push_back({"/stream?chunk=9973&bytes=" + std::to_string(size), size});
    }
    return all;
}

// All of them by one curl, which starts them together.
std::vector<std::string> at_once(const site& site, const std::vector<expected_body>& requests)
{
    std::string config;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        config += "url = \"" + site.url(requests[i].path) + "\"\n";
        config += "output = \"" + (site.folder / ("body" + std::to_string(i))).string() + "\"\n";
    }
    return {"--parallel",     "--parallel-immediate",
            "--parallel-max", "200",
            "--config",       site.folder.write("requests", config)};
}

} // namespace

TEST_CASE("haproxy multiplexing: F24: 100 responses at once over few connections, every byte right",
          "[multiplexing]")
{
    const auto site = start_haproxy_multiplexing({});
    const std::vector<expected_body> requests = mixed_requests();
    auto run = std::async(std::launch::async,
                          [&] { return curl(site->url("/hello"), at_once(*site, requests), seconds(60)); });
    std::set<std::string> seen;
    do {
        seen.merge(connections(*site));
    } while (run.wait_for(milliseconds(1)) != std::future_status::ready);
    const curl_result result = run.get();
    INFO(result.errors);
    CHECK(result.complete());

    for (std::size_t i = 0; i < requests.size(); ++i) {
        INFO(requests[i].path);
        const std::string body = read_file(site->folder / ("body" + std::to_string(i)));
        CHECK(body.size() == requests[i].size);
        if (requests[i].path == "/hello")
            CHECK(body == "Hello, world!");
        else
            CHECK(is_probe_content(body));
    }
    const probe_stats stats = fetch_stats(*site);
    CHECK(stats.requests == requests.size() + 2);
    CHECK(stats.client_gone == 0);
    CHECK(stats.blocks_in_use <= 1);
    CHECK(!seen.empty());
    CHECK(seen.size() <= 10);
}

TEST_CASE("haproxy multiplexing: F24: what goes wrong with one response leaves the others alone",
          "[multiplexing]")
{
    const auto site = start_haproxy_multiplexing({});
    curl_stream first(site->url("/ticks?n=20&ms=50"));
    REQUIRE(first.read_line(seconds(20)) == "tick 0");
    curl_stream second(site->url("/ticks?n=20&ms=50"));
    REQUIRE(second.read_line(seconds(20)) == "tick 0");
    CHECK(connections(*site).size() == 1);

    // F13: the connection goes on, so there is only the Content-Length to tell by; and HAProxy waits for the
    // rest until its `timeout server`.
    const curl_result cut = curl(site->url("/throw?when=after&length=1"), {}, milliseconds(500));
    CHECK(cut.exit_code == 28);
    CHECK(cut.received == 100'000);

    for (curl_stream* each : {&first, &second}) {
        for (int tick = 1; tick < 20; ++tick)
            CHECK(each->read_line(seconds(20)) == "tick " + std::to_string(tick));
        CHECK(each->read_line(seconds(20)).empty());
        CHECK(each->finish().complete());
    }
    CHECK(fetch_stats(*site).active == 1);
    CHECK(connections(*site).size() == 1);
}

// HAProxy says nothing when a client leaves whose request it has passed on whole: it throws away what still
// comes for it, as long as others share the connection.
TEST_CASE("haproxy multiplexing: F10, F24: an app is not told, and the others do not suffer",
          "[multiplexing]")
{
    const auto site = start_haproxy_multiplexing({});
    curl_stream stays(site->url("/idle"));
    REQUIRE_FALSE(stays.read_line(seconds(20)).empty());
    curl_stream leaves(site->url("/stream?bytes=268435456&chunk=16384"));
    char piece[4096];
    REQUIRE(leaves.read_some(piece, seconds(20)) > 0);
    leaves.leave();
    CHECK(curl(site->url("/bytes?n=1000000")).response.body.size() == 1'000'000);
    CHECK(becomes_true([&] { return fetch_stats(*site).active == 2; }, seconds(20)));
    CHECK(fetch_stats(*site).client_gone == 0);
    CHECK(connections(*site).size() == 1);
}

} // namespace sluice::test
