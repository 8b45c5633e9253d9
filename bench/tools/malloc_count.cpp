// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A shared object to preload: it counts every call that asks the C library for memory. Coroutine
// frames of Asio come from aligned_alloc, so counting operator new would show too little.
//
//   MALLOC_COUNT_FILE=/path   the counters, mapped: read them at any moment (counters, below)
//   "traces" in that file     while above 0, each allocation counts it down and writes a backtrace
//                             to stderr: to see who asked
//
// The C library's own __libc_* functions do the work: nothing is looked up, so nothing recurses.

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" {
void* __libc_malloc(std::size_t) noexcept;
void* __libc_calloc(std::size_t, std::size_t) noexcept;
void* __libc_realloc(void*, std::size_t) noexcept;
void* __libc_memalign(std::size_t, std::size_t) noexcept;
}

namespace {

// The layout of the file: seven 64-bit words of the machine's own byte order.
struct counters {
    std::atomic<std::uint64_t> magic;
    std::atomic<std::uint64_t> malloc_calls;
    std::atomic<std::uint64_t> calloc_calls;
    std::atomic<std::uint64_t> realloc_calls;
    std::atomic<std::uint64_t> aligned_calls;
    std::atomic<std::uint64_t> bytes;
    std::atomic<std::int64_t> traces;
};
static_assert(sizeof(counters) == 7 * 8);

constexpr std::uint64_t magic_number = 0x736C756963650001U;

counters before_mapping{};
std::atomic<counters*> current{&before_mapping};
// initial-exec: no allocation on first use, which would come back here.
thread_local bool tracing __attribute__((tls_model("initial-exec"))) = false;

void trace(counters& c, const char* what, std::size_t size)
{
    if (tracing || c.traces.load(std::memory_order_relaxed) <= 0 || c.traces.fetch_sub(1) <= 0)
        return;
    tracing = true;
    void* frames[40];
    const int n = ::backtrace(frames, 40);
    char line[80];
    const int length = std::snprintf(line, sizeof line, "-- %s of %zu bytes\n", what, size);
    if (::write(STDERR_FILENO, line, static_cast<std::size_t>(length)) == length)
        ::backtrace_symbols_fd(frames, n, STDERR_FILENO);
    tracing = false;
}

void count(std::atomic<std::uint64_t> counters::*which, const char* what, std::size_t size)
{
    counters& c = *current.load(std::memory_order_acquire);
    (c.*which).fetch_add(1, std::memory_order_relaxed);
    c.bytes.fetch_add(size, std::memory_order_relaxed);
    if (c.traces.load(std::memory_order_relaxed) > 0)
        trace(c, what, size);
}

__attribute__((constructor)) void map_counters()
{
    void* frames[2];
    ::backtrace(frames, 2); // loads the unwinder now: that allocates
    const char* const path = std::getenv("MALLOC_COUNT_FILE");
    if (path == nullptr)
        return;
    const int fd = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ::ftruncate(fd, sizeof(counters)) != 0) {
        std::perror("malloc_count");
        std::_Exit(1);
    }
    void* const at = ::mmap(nullptr, sizeof(counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) {
        std::perror("malloc_count");
        std::_Exit(1);
    }
    auto* const mapped = static_cast<counters*>(at);
    mapped->magic = magic_number;
    current.store(mapped, std::memory_order_release);
}

void* aligned(std::size_t alignment, std::size_t size)
{
    count(&counters::aligned_calls, "aligned allocation", size);
    return __libc_memalign(alignment, size);
}

} // namespace

extern "C" {

void* malloc(std::size_t size)
{
    count(&counters::malloc_calls, "malloc", size);
    return __libc_malloc(size);
}

void* calloc(std::size_t n, std::size_t size)
{
    count(&counters::calloc_calls, "calloc", n * size);
    return __libc_calloc(n, size);
}

void* realloc(void* old, std::size_t size)
{
    count(&counters::realloc_calls, "realloc", size);
    return __libc_realloc(old, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) { return aligned(alignment, size); }
void* memalign(std::size_t alignment, std::size_t size) { return aligned(alignment, size); }

void* valloc(std::size_t size)
{
    return aligned(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), size);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t size)
{
    const bool power_of_two = alignment != 0 && (alignment & (alignment - 1)) == 0;
    if (!power_of_two || alignment % sizeof(void*) != 0)
        return EINVAL;
    const int saved = errno; // posix_memalign leaves errno alone
    void* const got = aligned(alignment, size);
    errno = saved;
    if (got == nullptr)
        return ENOMEM;
    *out = got;
    return 0;
}

} // extern "C"
