// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <string>
#include <string_view>

namespace sluice::fcgi {

/// `unix:/path` or `tcp:host:port`, taken apart.
struct address {
    std::string path;       ///< of a unix socket; "" for TCP
    std::string host, port; ///< without the brackets of an IPv6 address; the host may be ""

    /// Errors: throws std::invalid_argument with a text that says what an address is.
    static address parse(std::string_view text);
};

} // namespace sluice::fcgi
