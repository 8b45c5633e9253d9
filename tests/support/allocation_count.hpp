// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>

namespace sluice::test {

/// Calls of this process that asked the C library for memory so far: malloc, calloc, realloc and the aligned ones (Asio takes
/// its coroutine frames from aligned_alloc). Link allocation_count.cpp into the program that counts.
std::uint64_t allocations() noexcept;

/// False under a sanitizer, which has an allocator of its own: then nothing is counted.
bool allocations_are_counted() noexcept;

} // namespace sluice::test
