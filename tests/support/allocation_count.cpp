// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The functions below take the place of the C library's for the whole program. The library's own __libc_* do the work,
// so nothing is looked up and nothing recurses.
#include "support/allocation_count.hpp"

#include "support/sanitized.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace {
std::atomic<std::uint64_t> calls{0};
}

namespace sluice::test {

std::uint64_t allocations() noexcept
{
    return calls.load(std::memory_order_relaxed);
}

bool allocations_are_counted() noexcept
{
#if defined(SLUICE_TEST_SANITIZED) || !defined(__GLIBC__)
    return false;
#else
    return true;
#endif
}

} // namespace sluice::test

#if !defined(SLUICE_TEST_SANITIZED) && defined(__GLIBC__)

extern "C" {

void* __libc_malloc(std::size_t) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;
void* __libc_memalign(std::size_t, std::size_t) noexcept;

void* malloc(std::size_t size) noexcept
{
    calls.fetch_add(1, std::memory_order_relaxed);
    return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept
{
    calls.fetch_add(1, std::memory_order_relaxed);
    return __libc_calloc(count, size);
}

void* realloc(void* memory, std::size_t size) noexcept
{
    calls.fetch_add(1, std::memory_order_relaxed);
    return __libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept
{
    calls.fetch_add(1, std::memory_order_relaxed);
    return __libc_memalign(alignment, size);
}

void* memalign(std::size_t alignment, std::size_t size) noexcept
{
    calls.fetch_add(1, std::memory_order_relaxed);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void** to, std::size_t alignment, std::size_t size) noexcept
{
    calls.fetch_add(1, std::memory_order_relaxed);
    *to = __libc_memalign(alignment, size);
    return *to ? 0 : ENOMEM;
}

} // extern "C"

#endif
