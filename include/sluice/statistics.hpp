// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice {

/// A server's figures, all its loops together. Counters since the start; sizes in bytes.
struct statistics {
    std::size_t block_size = 0;
    std::size_t pool_total = 0;    ///< blocks there are
    std::size_t pool_in_use = 0;   ///< blocks held now
    std::size_t pool_peak = 0;     ///< most blocks held at once (the loops' peaks added up)
    std::uint64_t pool_waits = 0;  ///< times a response asked for a block that could not be lent
    std::size_t held = 0;          ///< held now for responses in progress
    std::size_t peak_held = 0;     ///< most ever held for any one response
    std::uint64_t produced = 0;    ///< body bytes taken from apps
    std::uint64_t requests = 0;    ///< requests that reached an app
    std::uint64_t active = 0;      ///< begun and not ended
    std::uint64_t client_gone = 0; ///< responses whose app was told that the client had gone
};

} // namespace sluice
