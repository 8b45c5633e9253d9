// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>

namespace sluice {

/// What the web server asks an app to be (FastCGI specification section 6). CGI knows responders only.
enum class role : std::uint16_t {
    responder = 1,  ///< answers the request
    authorizer = 2, ///< says whether somebody else may answer it
    filter = 3,     ///< answers it from a file that the web server sends along
};

} // namespace sluice
