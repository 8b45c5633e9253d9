// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>

#include <cstddef>

namespace sluice::middleware {

struct conditional_options {
    /// A body that is given whole, with status 200 and no ETag, gets one made of its content when it has at most so
    /// many bytes, unless Cache-Control says `no-store`. The body is made all the same; what is spared is sending it.
    /// 0: none gets one.
    ///
    /// The hash is FNV-1a of 64 bits, and not made against somebody who chooses both of two bodies.
    std::size_t hashed_body = 0;
};

/// Answers conditional requests (RFC 9110 section 13) by the ETag and Last-Modified that the app gives: 304 without a
/// body where the client has it already, 412 where it asked for another. Only GET and HEAD, and only answers with
/// status 200 or 206.
///
/// What the app writes of a body that is not wanted is thrown away as it comes. An app that can tell before should,
/// and answer 304 itself.
application conditional(application inner, conditional_options options = {});

/// Hands HEAD requests to the app as GET, for apps that know no HEAD. The body is not sent (R42), whatever the app
/// thinks.
application head_as_get(application inner);

} // namespace sluice::middleware
