// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/site.hpp"

#include <map>
#include <string>

namespace sluice::test {

enum class response_body {
    buffered, ///< read whole, in temporary files above 64 KiB, before the client gets a byte
    streamed, ///< server.stream-response-body = 2
};

/// Starts lighttpd with a full configuration of its own: what every site needs, then
/// `gateway_config`, then the options' lines.
void start_lighttpd(site& site, response_body body, const std::string& gateway_config,
                    const site_options& options);

/// `( "NAME" => "value", … )`
std::string lighttpd_list(const std::map<std::string, std::string>& values);

} // namespace sluice::test
