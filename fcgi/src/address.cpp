// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "address.hpp"

#include <fmt/core.h>

#include <stdexcept>

namespace sluice::fcgi {

// What fits into sockaddr_un with its NUL.
constexpr std::size_t longest_path = 107;

address address::parse(std::string_view text)
{
    address a;
    if (text.starts_with("unix:")) {
        a.path = text.substr(5);
        if (a.path.empty() || a.path.size() > longest_path)
            throw std::invalid_argument(
                fmt::format("{}: the path of a unix socket has 1 to {} characters", text, longest_path));
        return a;
    }
    const auto rest = text.starts_with("tcp:") ? text.substr(4) : std::string_view();
    const auto colon = rest.rfind(':');
    if (colon == rest.npos || colon + 1 == rest.size())
        throw std::invalid_argument(fmt::format(
            "'{}' is no address: use unix:/path/to/socket or tcp:host:port, as in tcp:127.0.0.1:9000", text));
    auto host = rest.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    a.host = host;
    a.port = rest.substr(colon + 1);
    // getaddrinfo would cut a larger number down to another port.
    if (a.port.find_first_not_of("0123456789") == a.port.npos &&
        (a.port.size() > 5 || std::stoi(a.port) > 65535))
        throw std::invalid_argument(
            fmt::format("tcp:{}:{}: a port is a number from 0 to 65535", a.host, a.port));
    return a;
}

} // namespace sluice::fcgi
