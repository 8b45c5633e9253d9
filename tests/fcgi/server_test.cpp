// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/server.hpp>

#include "fcgi/socket_peer.hpp"
#include "support/catch.hpp"
#include "support/sanitized.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/post.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

/// GET /n: a body of n bytes; GET /: what the app was told about the service; /endless, /idle as they say.
task<void> app(request& req, responder respond)
{
    const auto path = req.env().path_info();
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    if (path == "/") {
        const auto& f = req.facts();
        co_await out.write(std::string(f.transport) + (f.multithread ? " multithread" : "") +
                           (f.multiprocess ? " multiprocess" : "") + (f.run_once ? " run_once" : "") +
                           (f.nonblocking ? " nonblocking" : "") + (f.streaming ? " streaming" : ""));
    } else if (path == "/endless") {
        const auto piece = pattern(10'000);
        for (;;)
            co_await out.write(piece);
    } else if (path == "/idle") {
        co_await sluice::sleep_for(1h);
    } else {
        co_await out.write(pattern(std::stoul(std::string(path.substr(1)))));
    }
}

fcgi::server_options with_threads(unsigned n)
{
    fcgi::server_options o;
    o.threads = n;
    return o;
}

bool answers(const running_server& server)
{
    auto peer = server.connect();
    return peer.send(get(1, false, "/1000")) && peer.receive_end() && peer.reply_to(1).well() &&
           peer.reply_to(1).body == pattern(1000);
}

} // namespace

TEST_CASE("server: on TCP, on a unix socket and on an inherited one, kept and closed connections")
{
    const temp_dir dir;
    const int inherited = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::listen(inherited, 10) == 0); // takes a free port
    for (const int way : {0, 1, 2}) {
        INFO("way " << way);
        running_server server(app, {},
                              way == 0   ? fcgi::listener::open("tcp:localhost:0")
                              : way == 1 ? fcgi::listener::open("unix:" + (dir / "s").string())
                                         : fcgi::listener::inherit(inherited));
        if (way == 0)
            CHECK(server.address().starts_with("tcp:"));
        auto address = server.address();
        if (way == 2) {
            sockaddr_storage a{};
            socklen_t size = sizeof a;
            REQUIRE(::getsockname(inherited, reinterpret_cast<sockaddr*>(&a), &size) == 0);
            address = "tcp:x:" + std::to_string(ntohs(reinterpret_cast<sockaddr_in&>(a).sin_port));
        } else if (way == 0 && address.find('[') != address.npos) {
            continue; // localhost is IPv6 only here
        }
        auto peer = socket_peer::connect(address);
        for (id_type id = 1; id <= 3; ++id) {
            REQUIRE(peer.send(get(id, id < 3, "/100000")));
            REQUIRE(peer.receive_reply(id));
            CHECK(peer.reply_to(id).well());
            CHECK(difference(peer.reply_to(id).body, pattern(100'000)) == "");
        }
        CHECK(peer.receive_end());
        CHECK(server.stats().requests == 3);
        CHECK(server.until([](const statistics& s) { return s.active == 0 && s.pool_in_use == 0; }));
        CHECK(server.stats().produced == 300'000);
    }
}

TEST_CASE("R12: the app is told truthfully how it is served")
{
    for (const bool multiprocess : {true, false})
        for (const unsigned threads : {1u, 2u}) {
            auto options = with_threads(threads);
            options.multiprocess = multiprocess;
            running_server server(app, options);
            auto peer = server.connect();
            REQUIRE(peer.send(get(1, false)));
            REQUIRE(peer.receive_end());
            CHECK(peer.reply_to(1).body == std::string("fastcgi") + (threads > 1 ? " multithread" : "") +
                                               (multiprocess ? " multiprocess" : "") +
                                               " nonblocking streaming");
        }
}

TEST_CASE("server: several threads serve at the same time, each with its share of the pool")
{
    std::mutex mutex;
    std::set<std::thread::id> threads;
    auto options = with_threads(3);
    running_server server(
        [&](request& req, responder respond) -> task<void> {
            {
                const std::lock_guard lock(mutex);
                threads.insert(std::this_thread::get_id());
            }
            return app(req, std::move(respond));
        },
        options);
    CHECK(server.stats().pool_total == options.limits.pool_bytes / 3 / options.limits.block_size * 3);
    std::vector<socket_peer> peers;
    for (int i = 0; i < 30; ++i) {
        peers.push_back(server.connect());
        REQUIRE(peers.back().send(get(1, true, i % 3 == 0 ? "/idle" : "/50000")));
    }
    for (int i = 0; i < 30; ++i)
        if (i % 3 != 0) {
            CHECK(peers[static_cast<std::size_t>(i)].receive_reply(1));
            CHECK(peers[static_cast<std::size_t>(i)].reply_to(1).body.size() == 50'000);
        }
    CHECK(server.until([](const statistics& s) { return s.requests == 30 && s.active == 10; }));
    peers.clear();
    CHECK(server.until(
        [](const statistics& s) { return s.active == 0 && s.client_gone == 10 && s.pool_in_use == 0; }));
    server.stop();
    CHECK(threads.size() == 3);
}

TEST_CASE("server: limits::connections holds new ones back until one closes")
{
    fcgi::server_options options;
    options.limits.connections = 2;
    running_server server(app, options);
    auto first = server.connect(), second = server.connect(), third = server.connect();
    REQUIRE(first.send(get(1, true, "/10")));
    REQUIRE(second.send(get(1, true, "/10")));
    REQUIRE(third.send(get(1, true, "/10")));
    REQUIRE(first.receive_reply(1));
    REQUIRE(second.receive_reply(1));
    // The third is connected by the kernel only; what the others ask comes through before it.
    for (int i = 0; i < 20; ++i) {
        REQUIRE(first.send(get(2, true, "/10")));
        REQUIRE(first.receive_reply(2, i));
    }
    CHECK(third.try_receive() == 0);
    CHECK(server.stats().requests == 22);
    second.close();
    CHECK(third.receive_reply(1));
    CHECK(third.reply_to(1).well());
}

TEST_CASE("server: a full server can be stopped, whichever of its loops has the connections")
{
    for (int round = 0; round < 10; ++round) {
        auto options = with_threads(2);
        options.limits.connections = 1;
        running_server server(app, options);
        for (int i = 0; i < 1 + round % 2; ++i) { // the first is on one loop, the next on the other
            auto peer = server.connect();
            REQUIRE(peer.send(get(1, true, "/10")));
            REQUIRE(peer.receive_reply(1));
            if (i < round % 2)
                continue;
            const auto waits = server.connect(); // makes the server notice that it is full
            for (id_type id = 2; id < 10; ++id) {
                REQUIRE(peer.send(get(id, true, "/10")));
                REQUIRE(peer.receive_reply(id));
            }
            server.stop();
        }
    }
}

TEST_CASE(
    "F27: drain lets running responses end, closes idle connections, takes no new ones, and run returns")
{
    fcgi::server_options options = with_threads(2);
    options.limits.drain = 10s;
    running_server server(app, options);
    auto idle = server.connect(), busy = server.connect(8192);
    REQUIRE(idle.send(get(1, true, "/10")));
    REQUIRE(idle.receive_reply(1));
    REQUIRE(busy.send(get(1, true, "/3000000")));
    REQUIRE(busy.receive_bytes(1000));
    server.server().drain();
    CHECK(idle.receive_end());
    CHECK(busy.receive_end()); // kept, but not now
    CHECK(busy.reply_to(1).well());
    CHECK(difference(busy.reply_to(1).body, pattern(3'000'000)) == "");
    CHECK(server.wait_for_end());
}

TEST_CASE("F27: shutdown with endless and idle streams ends within the drain limit")
{
    for (const unsigned threads : {1u, 2u}) {
        auto options = with_threads(threads);
        options.limits.drain = 100ms;
        running_server server(app, options);
        auto endless = server.connect(), stalled = server.connect(8192), idle = server.connect();
        REQUIRE(endless.send(get(1, true, "/endless")));
        REQUIRE(stalled.send(get(1, true, "/endless")));
        REQUIRE(idle.send(get(1, true, "/idle")));
        REQUIRE(idle.receive_bytes(10));
        REQUIRE(endless.receive_bytes(1'000'000));
        const auto begun = std::chrono::steady_clock::now();
        server.server().drain();
        server.server().drain(); // again does no harm
        CHECK(endless.receive_end());
        CHECK(idle.receive_end());
        CHECK(server.wait_for_end());
        CHECK(std::chrono::steady_clock::now() - begun < 10s);
        CHECK(endless.reply_to(1).ends == 0); // no end that looks good
        CHECK(idle.reply_to(1).ends == 0);
        CHECK(idle.reply_to(1).fault);
        CHECK(server.stats().pool_in_use == 0);
        CHECK(server.stats().active == 0);
    }
}

TEST_CASE("F27: the drain limit ends many connections whose apps are just about to end by themselves")
{
    // The loop is held up until the drain limit and all the sleeps are over: then it meets them in one round. More than the
    // 32 turns that may be joined, so that some end while the others are still gone through.
    fcgi::server_options options;
    options.limits.drain = 50ms;
    running_server server(
        [](request&, responder respond) -> task<void> {
            auto out = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await out.write("begun");
            co_await sluice::sleep_for(40ms);
        },
        options);
    std::vector<socket_peer> peers;
    for (int i = 0; i < 100; ++i) {
        peers.push_back(server.connect());
        REQUIRE(peers.back().send(get(1, false)));
    }
    for (auto& peer : peers)
        REQUIRE(peer.receive_bytes(5));
    server.server().drain();
    boost::asio::post(server.server().get_executor(), [] { std::this_thread::sleep_for(150ms); });
    CHECK(server.wait_for_end());
    for (auto& peer : peers)
        CHECK(peer.receive_end());
    CHECK(server.stats().pool_in_use == 0);
}

TEST_CASE("server: the first loop goes on for signals while another still drains")
{
    auto options = with_threads(2);
    options.limits.drain = 30s;
    running_server server(app, options);
    auto first = server.connect(), second = server.connect();
    REQUIRE(first.send(get(1, true, "/10")));
    REQUIRE(first.receive_reply(1));
    REQUIRE(second.send(get(1, true, "/idle")));
    REQUIRE(second.receive_bytes(10));
    server.server().drain();
    CHECK(first.receive_end());
    // As a second signal does, from the executor that signals come to.
    boost::asio::post(server.server().get_executor(), [&] { server.server().stop(); });
    CHECK(server.wait_for_end());
}

TEST_CASE("F27: what stop cuts short does not look whole")
{
    std::optional<running_server> server(std::in_place, app);
    auto peer = server->connect();
    REQUIRE(peer.send(get(1, true, "/idle")));
    REQUIRE(peer.receive_bytes(10));
    server->server().stop();
    server.reset();
    CHECK(peer.receive_end());
    CHECK(peer.reply_to(1).ends == 0);
    CHECK(peer.reply_to(1).fault);
}

TEST_CASE("server: stop ends at once, before, in and after service")
{
    {
        running_server server(app, with_threads(3));
        server.server().stop(); // its threads may not even run yet
        CHECK(server.wait_for_end());
    }
    running_server server(app, with_threads(3));
    auto peer = server.connect();
    REQUIRE(peer.send(get(1, true, "/endless")));
    REQUIRE(peer.receive_bytes(100'000));
    server.server().stop();
    CHECK(server.wait_for_end());
    const fcgi::server never_run(running_server::tcp_listener(), app);
}

TEST_CASE("server: descriptors running out is survived")
{
    // Clang's check of types makes a pipe for each type that it has not seen lately, and calls it a fault when it gets none.
    if (sanitized)
        return;
    running_server server(app);
    REQUIRE(answers(server));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    auto kept = server.connect();
    // Assertions, which may need a descriptor, have to wait until there are some again.
    for (id_type id = 1; id <= 2; ++id) {
        REQUIRE(kept.send(get(id, true, "/10")));
        REQUIRE(kept.receive_reply(id));
    }
    // All descriptors below the limit are taken by us.
    const rlimit few{64, before.rlim_max};
    std::vector<socket_peer> peers;
    for (int i = 0; i < 3; ++i)
        peers.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    std::vector<int> taken;
    for (int fd; (fd = ::open("/dev/null", O_RDONLY)) >= 0;)
        taken.push_back(fd);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(
        static_cast<std::uint16_t>(std::stoi(server.address().substr(server.address().rfind(':') + 1))));
    bool all_sent = true;
    for (auto& peer : peers) {
        ::connect(peer.fd(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
        all_sent &= peer.send(get(1, false, "/1000"));
    }
    // Who is connected is served on.
    const bool served_on = kept.send(get(3, true, "/20000")) && kept.receive_reply(3);
    const auto received_by_others = peers[0].try_receive();
    for (const int fd : taken)
        ::close(fd);
    CHECK(all_sent);
    CHECK(served_on);
    CHECK(received_by_others == 0);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    for (auto& peer : peers) {
        CHECK(peer.receive_end());
        CHECK(peer.reply_to(1).body == pattern(1000));
    }
}

TEST_CASE("server: clients that come and go as they like, on several threads, do no harm")
{
    auto options = with_threads(2);
    options.limits = small_limits();
    running_server server(app, options);
    std::vector<std::thread> clients;
    std::atomic<int> served{0}, wanted{0};
    for (unsigned n = 0; n < 3; ++n)
        clients.emplace_back([&, n] {
            for (unsigned i = 0; i < 100; ++i) {
                const unsigned what = (i * 7 + n) % 6;
                auto peer = server.connect(what == 4 ? 16384 : 0);
                const auto request = get(1, i % 2 == 0,
                                         what == 5   ? "/idle"
                                         : what == 4 ? "/endless"
                                                     : "/60000");
                peer.send(
                    std::string_view(request).substr(0, what == 0 ? i % request.size() : request.size()));
                if (what <= 2) {
                    peer.reset();
                } else if (what == 3) {
                    ++wanted;
                    served += peer.receive_reply(1) && peer.reply_to(1).body.size() == 60'000;
                } else if (what == 4) {
                    ++wanted;
                    served += peer.receive_bytes(i * 100);
                }
            }
        });
    for (auto& c : clients)
        c.join();
    CHECK(served == wanted);
    CHECK(server.until([](const statistics& s) { return s.pool_in_use == 0 && s.active == 0; }));
    CHECK(answers(server));
}
