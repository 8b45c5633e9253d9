// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>
#include <sluice/field_list.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::fcgi {

/// Decodes a stream of name–value pairs (FastCGI specification section 3.4) as it arrives in pieces cut
/// anywhere. A pair that lies whole in one piece is added without being copied first.
///
/// Limits are checked on the announced lengths, before any byte of the pair is kept.
class name_value_decoder {
public:
    struct bounds {
        std::size_t bytes; ///< most bytes of names and values together
        std::size_t count; ///< most pairs
    };

    /// Adds every pair that is now complete to `out`. Errors: `fcgi::errc::params_too_large`,
    /// `params_too_many`, `params_empty_name`, `params_nul` (a NUL in a name or value); after an error the
    /// decoder is not used again before `reset`.
    error_code feed(std::string_view piece, const bounds& limit, field_list& out);

    /// True when no pair is half read: the stream may end here.
    bool complete() const noexcept { return held_.empty(); }

    /// Ready for the next stream; keeps the memory when it is small.
    void reset() noexcept;

private:
    std::string held_; ///< the beginning of a pair whose end has not come
    std::size_t bytes_ = 0;
    std::size_t count_ = 0;
};

/// Appends one pair. Errors: none; lengths up to 2^31 - 1 can be encoded, longer ones are a precondition.
void encode_name_value(std::string_view name, std::string_view value, std::string& out);

} // namespace sluice::fcgi
