// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// What slow clients of scripts cost: the script's time, not the gateway's memory.
#include "interop/direct_client.hpp"
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "interop/servers/script_servers.hpp"
#include "interop/slow_client.hpp"
#include "support/process_memory.hpp"

#include <algorithm>
#include <functional>
#include <iostream>
#include <optional>
#include <set>

#include <poll.h>
#include <sys/resource.h>

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::uint64_t pipe_size = 64 * kibibyte; // pipe(7)
constexpr std::uint64_t one_write = 61 * kibibyte; // of programs/pattern.c; one under way is not counted yet

// What the programs of the site have written, all together.
std::uint64_t written(const script_site& site)
{
    std::uint64_t all = 0;
    for (const auto& each : site.script_processes()) {
        const auto text = read_file("/proc/" + each.substr(0, each.find(' ')) + "/io");
        if (const auto at = text.find("wchar: "); at != text.npos)
            all += std::stoull(text.substr(at + 7));
    }
    return all;
}

// Waits until they write no more, since nobody reads. Says what they have written by then.
std::uint64_t stands_still_at(const script_site& site)
{
    std::uint64_t last = 0;
    int same = 0;
    CHECK(becomes_true(
        [&] {
            const auto now = written(site);
            same = now == last ? same + 1 : 0;
            last = now;
            return same == 5;
        },
        seconds(30)));
    return last;
}

std::uint64_t socket_buffer()
{
    return std::stoull(read_file("/proc/sys/net/core/wmem_default"));
}

// What the service's log says of the last request for that path, when it is there; else 0.
std::uint64_t held_by(const script_site& site, const std::string& path)
{
    const std::string label = "bytes, held at most ";
    std::uint64_t held = 0;
    becomes_true(
        [&] {
            const auto log = read_file(site.folder / "app.log");
            const auto line = log.rfind(" GET " + path);
            const auto at = line == log.npos ? line : log.find(label, line);
            if (at != log.npos)
                held = std::stoull(log.substr(at + label.size()));
            return held > 0;
        },
        seconds(20));
    return held;
}

bool carries_all(const script_server& server)
{
    return server.name == "scripts, nginx" || server.name == "scripts, lighttpd spawn";
}

void main_job(const script_server& server)
{
    const auto size = carries_all(server) ? 2 * gibibyte : 256 * mebibyte;
    const auto site = server.start("/cgi-bin");
    const std::string path = "/pattern.cgi?" + std::to_string(size);
    curl_stream client(site->url(path), {}, std::chrono::minutes(10));
    const slow_then_fast job(
        client,
        [&] {
            const auto all = site->app ? std::vector<pid_t>{site->app->pid()}
                                       : processes_below(site->server->pid(), "sluice");
            REQUIRE(all.size() == 1);
            return all.front();
        },
        [&](std::uint64_t read) {
            // The kernel's buffers of two TCP connections and a socket, and the web server's own.
            CHECK(written(*site) < read + 32 * mebibyte);
        });
    job.check(size);
    job.print(server.name);
    if (site->app) { // what a web server has started logs no requests
        const auto held = held_by(*site, site->mount + path);
        std::cout << ", held at most " << held / kibibyte << " KiB";
        CHECK(held > 0);
        CHECK(held <= window + block);
    }
    std::cout << std::endl;
    CHECK(becomes_true([&] { return site->script_processes().empty(); }, seconds(10)));
}
const on_each_of<script_servers, main_job> main_job_tests("F1: the main job", "[main-job]");

// 500 sockets here, and five descriptors there for each.
void allow_descriptors()
{
    constexpr rlim_t enough = 4096;
    rlimit now{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
    if (now.rlim_cur >= enough)
        return;
    now.rlim_cur = std::min(enough, now.rlim_max);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
}

// Reads at most `most` of what is there for each that is `wanted`; false when there is none of these, or nothing came
// for a long while.
template <class Wanted>
bool read_all(std::vector<direct_client>& clients, std::size_t most, Wanted wanted)
{
    std::vector<pollfd> fds;
    std::vector<direct_client*> who;
    for (auto& each : clients)
        if (!each.gone && wanted(each)) {
            fds.push_back({each.fd(), POLLIN, 0});
            who.push_back(&each);
        }
    if (fds.empty() || ::poll(fds.data(), fds.size(), 20'000) <= 0)
        return false;
    for (std::size_t i = 0; i < fds.size(); ++i)
        if (fds[i].revents != 0)
            who[i]->try_receive(most);
    return true;
}

} // namespace

TEST_CASE("F1: 2 GiB of a script to a direct client that reads nothing for a while: the script waits",
          "[main-job]")
{
    constexpr std::uint64_t size = 2 * gibibyte;
    direct_site site(false);
    direct_client client(site.address);
    REQUIRE(client.send(joined(script_request("pattern.cgi", false, std::to_string(size)))));
    REQUIRE(client.receive_until([&] { return client.answer.body > 0; }));

    const auto ahead = stands_still_at(site) - client.answer.body;
    CHECK(ahead > pipe_size - one_write); // it went as far as it could
    CHECK(ahead <= socket_buffer() + window + block + pipe_size);

    memory_watch memory(site.pid());
    CHECK(client.receive_until(
        [&] {
            memory.look();
            return client.answer.ended;
        },
        std::chrono::minutes(5)));
    CHECK(client.answer.well());
    CHECK(client.answer.body == size);
    CHECK(client.answer.is_probe_text);
    CHECK(memory.samples() > 10);
    CHECK(memory.growth() <= mebibyte);
    const auto held = held_by(site, "/cgi-bin/pattern.cgi");
    CHECK(held > 0);
    CHECK(held <= window + block);
    std::cout << "scripts, direct: " << ahead / kibibyte << " KiB ahead while nobody reads; resident "
              << memory.lowest() / kibibyte << " to " << memory.highest() / kibibyte << " KiB, held at most "
              << held / kibibyte << " KiB" << std::endl;
}

TEST_CASE("F1, F22: 500 slow clients of 500 scripts, then served or let go", "[scripts]")
{
    constexpr std::size_t many = 500;
    constexpr std::uint64_t size = mebibyte;
    allow_descriptors();
    const bool served = GENERATE(true, false);
    CAPTURE(served);
    direct_site site(false, {"--max-processes", std::to_string(many)});
    const auto descriptors = site.open_descriptors();
    const auto request = joined(script_request("pattern.cgi", false, std::to_string(size)));
    {
        direct_client first(site.address); // what the first request costs is not counted
        REQUIRE(first.send(request));
        REQUIRE(first.receive_until([&] { return first.answer.ended; }));
    }
    REQUIRE(becomes_true([&] { return site.script_processes().empty(); }, seconds(20)));
    const auto before = resident_anonymous_bytes(site.pid()).value();

    std::vector<direct_client> clients;
    for (std::size_t i = 0; i < many; ++i) {
        clients.emplace_back(site.address);
        REQUIRE(clients.back().send(request));
    }
    // Slowly: 1 KiB a round until each has a little.
    const auto begun = [](const direct_client& each) { return each.answer.body > 4 * kibibyte; };
    const auto deadline = steady_clock::now() + seconds(60);
    while (steady_clock::now() < deadline && read_all(clients, kibibyte, std::not_fn(begun))) {
    }
    REQUIRE(std::all_of(clients.begin(), clients.end(), begun));
    CHECK(site.script_processes().size() == many);
    std::uint64_t read = 0;
    for (const auto& each : clients)
        read += each.answer.body;

    const auto ahead = stands_still_at(site) - read;
    CHECK(ahead <= many * (socket_buffer() + window + block + pipe_size));
    const auto grown = resident_anonymous_bytes(site.pid()).value() - before;
    std::cout << many << " slow clients: " << ahead / many / kibibyte << " KiB ahead each, resident grown by "
              << grown / kibibyte << " KiB" << std::endl;
    // A client that stalls holds one block of the pool. The connection, the request with its variables, and what runs
    // its program take no more than two of them.
    if (memory_counts)
        CHECK(grown <= many * 3 * block);

    if (served) {
        const auto end = steady_clock::now() + seconds(60);
        while (steady_clock::now() < end &&
               read_all(clients, 64 * kibibyte, [](const auto& each) { return !each.answer.ended; }))
        {}
        for (const auto& each : clients) {
            REQUIRE(each.answer.well());
            REQUIRE(each.answer.body == size);
            REQUIRE(each.answer.is_probe_text);
        }
        if (memory_counts)
            CHECK(resident_anonymous_bytes(site.pid()).value() - before <= many * (window + block));
    }
    clients.clear();
    CHECK(becomes_true([&] { return site.script_processes().empty(); }, seconds(20)));
    CHECK(site.script_processes() == std::vector<std::string>());
    CHECK(site.left_open_since(descriptors) == std::vector<std::string>());
    direct_client last(site.address);
    REQUIRE(last.send(request));
    CHECK(last.receive_until([&] { return last.answer.ended; }));
    CHECK(last.answer.body == size);
}

} // namespace sluice::test
