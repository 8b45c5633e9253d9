// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <string_view>
#include <vector>

#include <sys/socket.h>

namespace sluice::fcgi {

/// Who may connect over TCP: FCGI_WEB_SERVER_ADDRS (FastCGI specification section 3.2), with IPv6 addresses too.
class connection_filter {
public:
    /// Addresses with commas between; "" allows everybody.
    /// Errors: throws std::invalid_argument that names what is no address: nobody is let in by a slip of the pen.
    explicit connection_filter(std::string_view list);

    bool everybody() const noexcept { return addresses_.empty(); }

    /// A peer that is not on the internet, as at a unix socket, is the file system's to keep out.
    bool allows(const sockaddr_storage& peer) const noexcept;

private:
    std::vector<boost::asio::ip::address> addresses_;
};

} // namespace sluice::fcgi
