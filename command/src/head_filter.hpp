// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::command {

/// Finds the end of a CGI response's head (RFC 3875 section 6.2), in pieces cut anywhere: an empty line, whose end
/// is LF or CR LF.
class head_filter {
public:
    /// What of the piece lies behind the head.
    std::string_view body_of(std::string_view piece) noexcept;

    /// True once the head has ended.
    bool ended() const noexcept { return ended_; }

private:
    bool ended_ = false;
    bool line_empty_ = true; ///< nothing but a CR since the last line's end
};

} // namespace sluice::command
