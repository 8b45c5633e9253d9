// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "head_filter.hpp"

namespace sluice::command {

std::string_view head_filter::body_of(std::string_view piece) noexcept
{
    while (!ended_ && !piece.empty()) {
        const char c = piece.front();
        piece.remove_prefix(1);
        if (c == '\n') {
            ended_ = line_empty_;
            line_empty_ = true;
        } else if (c != '\r') {
            line_empty_ = false;
        }
    }
    return piece;
}

} // namespace sluice::command
