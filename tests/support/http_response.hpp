// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::test {

/// A response as an HTTP client saw it.
struct http_response {
    int status = 0; ///< 0: there was none
    std::string reason;
    std::vector<std::pair<std::string, std::string>> headers; ///< in order, repeated ones too
    std::string body;

    /// The first header of that name, whatever its case.
    std::optional<std::string> header(std::string_view name) const;

    /// Every header of that name.
    std::vector<std::string> all_headers(std::string_view name) const;
};

/// Reads status line and headers as `curl --dump-header` writes them: when there are several
/// responses (100 Continue, redirects), the last one counts.
http_response parse_response_head(std::string_view text);

} // namespace sluice::test
