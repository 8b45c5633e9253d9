// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "connection_filter.hpp"

#include "fcgi/socket_peer.hpp"
#include "support/catch.hpp"

#include <sluice/fcgi/server.hpp>

#include <cstring>
#include <stdexcept>
#include <string>

#include <arpa/inet.h>
#include <netinet/in.h>

using namespace sluice;
using namespace sluice::test;
using fcgi::connection_filter;

namespace {

sockaddr_storage peer(const char* text)
{
    sockaddr_storage s{};
    auto& v4 = reinterpret_cast<sockaddr_in&>(s);
    if (::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        s.ss_family = AF_INET;
        return s;
    }
    s = {};
    auto& v6 = reinterpret_cast<sockaddr_in6&>(s);
    REQUIRE(::inet_pton(AF_INET6, text, &v6.sin6_addr) == 1);
    s.ss_family = AF_INET6;
    return s;
}

} // namespace

TEST_CASE(
    "FCGI_WEB_SERVER_ADDRS: those on the list may connect, IPv4 and IPv6, however the socket shows them")
{
    const connection_filter some(" 127.0.0.1,192.0.2.7 ,\t2001:db8::1,::ffff:192.0.2.9");
    for (const char* in : {"127.0.0.1", "::ffff:127.0.0.1", "192.0.2.7", "2001:db8::1", "2001:0db8:0::0:1",
                           "192.0.2.9", "::ffff:192.0.2.9"})
        CHECK(some.allows(peer(in)));
    for (const char* out : {"127.0.0.2", "192.0.2.70", "::1", "2001:db8::2", "::ffff:192.0.2.8", "0.0.0.0"})
        CHECK_FALSE(some.allows(peer(out)));
    sockaddr_storage local{};
    local.ss_family = AF_UNIX;
    CHECK(some.allows(local));
}

TEST_CASE("FCGI_WEB_SERVER_ADDRS: nothing in it allows everybody, and a slip is an error, not everybody")
{
    for (const char* nothing : {"", " ", "\t "}) {
        CHECK(connection_filter(nothing).everybody());
        CHECK(connection_filter(nothing).allows(peer("198.51.100.1")));
    }
    for (const char* wrong :
         {"localhost", "127.0.0.1,", ",127.0.0.1", "127.0.0.1 192.0.2.1", "127.0.0.256", "10.0.0.0/8"})
        CHECK_THROWS_AS(connection_filter(wrong), std::invalid_argument);
}

TEST_CASE("FCGI_WEB_SERVER_ADDRS: a server closes the connection of a stranger and serves the others")
{
    const auto app = [](request&) { return response{200, {{"Content-Type", "text/plain"}}, "hello", {}}; };
    for (const bool stranger : {true, false}) {
        fcgi::server_options options;
        options.web_server_addresses = stranger ? "192.0.2.1" : "192.0.2.1, 127.0.0.1";
        running_server server(app, options, fcgi::listener::open("tcp:127.0.0.1:0"));
        auto client = server.connect();
        client.send(get(1, false));
        CHECK(client.receive_end());
        CHECK(client.received.empty() == stranger);
    }
}
