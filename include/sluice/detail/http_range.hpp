// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::detail {

/// What a Range header asks for (RFC 9110 section 14).
struct byte_range {
    enum class kind {
        whole,         ///< nothing that is to be honoured: the answer is 200, with all
        part,          ///< 206, with `size` bytes from `first`
        unsatisfiable, ///< 416
    };

    kind what = kind::whole;
    std::uint64_t first = 0;
    std::uint64_t size = 0; ///< at least 1 of a part
};

/// Reads the value of a Range header for something of `size` bytes. One range of bytes is honoured. "" and what breaks the grammar
/// asks for the whole, and so do other units and several ranges at once: a server may send all then (section 14.2), and
/// overlapping ranges have been used to make servers work.
byte_range parse_range(std::string_view value, std::uint64_t size) noexcept;

} // namespace sluice::detail
