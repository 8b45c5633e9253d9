// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// What each fuzzer defines and its main function calls: libFuzzer's, or the one in replay_main.cpp.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace sluice::fuzz {

/// A finding: says which and stops the process, as a sanitizer does, so that the fuzzer keeps the input.
/// (clang 14 has no std::source_location.)
inline void must(bool holds, const char* what, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE())
{
    if (holds)
        return;
    std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    std::abort();
}

/// An input, taken apart from its front. Behind its end everything is 0.
class input {
public:
    input(const std::uint8_t* data, std::size_t size) noexcept
        : rest_(reinterpret_cast<const char*>(data), size)
    {}

    bool done() const noexcept { return rest_.empty(); }
    std::uint8_t byte() noexcept
    {
        const auto one = bytes(1);
        return one.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(one.front());
    }
    std::uint16_t two_bytes() noexcept
    {
        const auto high = byte();
        return static_cast<std::uint16_t>(high << 8 | byte());
    }
    std::string_view bytes(std::size_t n) noexcept
    {
        const auto taken = rest_.substr(0, n);
        rest_.remove_prefix(taken.size());
        return taken;
    }
    std::string_view rest() noexcept { return bytes(rest_.size()); }

private:
    std::string_view rest_;
};

/// Where a stream is cut: pieces of these sizes, over and over; whole when there are none.
class cuts {
public:
    explicit cuts(std::string_view sizes) noexcept : sizes_(sizes) {}

    /// Takes the next piece off the front of a stream that is not empty.
    std::string_view next(std::string_view& stream) noexcept
    {
        std::size_t n = stream.size();
        if (!sizes_.empty())
            n = std::min(n, std::size_t{1} + static_cast<unsigned char>(sizes_[at_++ % sizes_.size()]));
        const auto piece = stream.substr(0, n);
        stream.remove_prefix(n);
        return piece;
    }

private:
    std::string_view sizes_;
    std::size_t at_ = 0;
};

} // namespace sluice::fuzz
