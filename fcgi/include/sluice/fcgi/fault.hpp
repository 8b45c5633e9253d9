// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/record.hpp>

#include <chrono>

namespace sluice::fcgi {

/// A record type that no specification names. Sent for a request's id before the connection is closed without
/// END_REQUEST, it is what most web servers understand as a response that failed.
inline constexpr auto fault_type = static_cast<record_type>(255);

/// What has to pass between that record and closing. lighttpd gives a response whose last byte and end it meets in one turn
/// a Content-Length: it would look whole. A moment later its head is on the way to the client, and the fault shows.
inline constexpr std::chrono::milliseconds fault_pause{20};

} // namespace sluice::fcgi
