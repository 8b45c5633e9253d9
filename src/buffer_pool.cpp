// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/buffer_pool.hpp>

#include <algorithm>
#include <bit>
#include <new>
#include <stdexcept>

#include <sys/mman.h>

namespace sluice {

buffer_pool::buffer_pool(std::size_t bytes, std::size_t block_size)
    : block_size_(block_size), block_shift_(std::countr_zero(block_size)), total_(0)
{
    if (block_size < 4096 || !std::has_single_bit(block_size) || block_size > (std::size_t{1} << 24))
        throw std::invalid_argument(
            "sluice::buffer_pool: the block size must be a power of two from 4096 to 16 MiB");
    total_ = std::clamp<std::size_t>(bytes / block_size, 1, UINT32_MAX);

    free_.reserve(total_);
    committed_.resize(total_);
    // NORESERVE: what is never used shall not count against the machine's commit limit.
    void* p = ::mmap(nullptr, total_ * block_size_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        throw std::bad_alloc();
    memory_ = static_cast<std::byte*>(p);
    // Huge pages would commit 2 MiB for the first block.
    ::madvise(p, total_ * block_size_, MADV_NOHUGEPAGE);
    for (std::size_t i = total_; i > 0; --i)
        free_.push_back(static_cast<std::uint32_t>(i - 1));
    idle_ = total_;
}

buffer_pool::~buffer_pool()
{
    ::munmap(memory_, total_ * block_size_);
}

void buffer_pool::trim() noexcept
{
    // The lowest `idle_` entries of the stack were not touched since the last trim.
    for (std::size_t i = 0; i < idle_; ++i) {
        const auto index = free_[i];
        if (committed_[index]) {
            ::madvise(memory_ + std::size_t{index} * block_size_, block_size_, MADV_DONTNEED);
            committed_[index] = false;
        }
    }
    idle_ = free_.size();
}

bool buffer_pool::account::reserve(std::size_t n) noexcept
{
    const auto promised = reserved_ > held_ ? reserved_ - held_ : 0;
    const auto wanted = n > held_ ? n - held_ : 0;
    if (wanted > promised && !pool_.can_reserve(wanted - promised))
        return false;
    pool_.promised_ += wanted;
    pool_.promised_ -= promised;
    reserved_ = n;
    return true;
}

} // namespace sluice
