// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "connection_filter.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include <netinet/in.h>

namespace sluice::fcgi {

namespace ip = boost::asio::ip;

namespace {

// A dual-stack socket shows IPv4 peers as ::ffff:192.0.2.1.
ip::address plain(const ip::address& a)
{
    return a.is_v6() && a.to_v6().is_v4_mapped() ? ip::make_address_v4(ip::v4_mapped, a.to_v6()) : a;
}

ip::address address_of(const sockaddr_storage& s)
{
    if (s.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(s);
        return ip::address_v4(ntohl(v4.sin_addr.s_addr));
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(s);
    ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return ip::address_v6(bytes);
}

} // namespace

connection_filter::connection_filter(std::string_view list)
{
    if (list.find_first_not_of(" \t") == list.npos)
        return;
    for (;;) {
        const auto comma = std::min(list.find(','), list.size());
        auto one = list.substr(0, comma);
        one.remove_prefix(std::min(one.find_first_not_of(" \t"), one.size()));
        one = one.substr(0, one.find_last_not_of(" \t") + 1);
        boost::system::error_code ec;
        const auto address = ip::make_address(std::string(one), ec);
        if (ec)
            throw std::invalid_argument(
                fmt::format("FCGI_WEB_SERVER_ADDRS: '{}' is no IP address; give addresses with "
                            "commas between, as in 192.0.2.1,2001:db8::1",
                            one));
        addresses_.push_back(plain(address));
        if (comma == list.size())
            return;
        list.remove_prefix(comma + 1);
    }
}

bool connection_filter::allows(const sockaddr_storage& peer) const noexcept
{
    if (everybody() || (peer.ss_family != AF_INET && peer.ss_family != AF_INET6))
        return true;
    return std::find(addresses_.begin(), addresses_.end(), plain(address_of(peer))) != addresses_.end();
}

} // namespace sluice::fcgi
