// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// The parts `normalize` is made of. Not installed.

#include <sluice/environment.hpp>

#include <cstddef>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::normalizing {

/// What is wrong, in one line; nothing when all is well.
using fault = std::optional<std::string>;

/// "NAME <words> "value"", with the value fit for a log.
std::string complaint(std::string_view name, std::string_view words, std::string_view value);

/// "http" or "https" by these two variables (R11; environment.cpp).
std::string_view scheme_of(std::string_view https, std::string_view request_scheme) noexcept;

// Repeated variables (normalize_repeats.cpp) -----------------------------------------------------------

/// Leaves one variable of each name (R9, R16). To be called only where names do repeat: it sorts.
fault fold_repeats(environment& env);

// Paths (normalize_path.cpp) ---------------------------------------------------------------------------

/// SCRIPT_NAME and PATH_INFO as one text: moving the border between them copies nothing.
class split_path {
public:
    split_path(std::string_view script_name, std::string_view path_info, std::pmr::memory_resource* memory);

    std::string_view script_name() const noexcept { return std::string_view(text_).substr(0, border_); }
    std::string_view path_info() const noexcept { return std::string_view(text_).substr(border_); }
    std::string_view whole() const noexcept { return text_; }

    /// Makes `decoded(raw)` the PATH_INFO where the server sent neither variable.
    void derive(std::string_view raw_path);

    /// Puts the border where the app is mounted, if the path lies under it (R15).
    void mount(std::string_view mount_point);

    /// Takes the folded slashes of PATH_INFO back from the raw path, where the two agree else (R14).
    void restore_slashes(std::string_view raw_path);

private:
    std::pmr::string text_;
    std::size_t border_ = 0;
};

/// Appends `raw` with %XX decoded once; a % that two hexadecimal digits do not follow stays as it is.
void append_decoded(std::string_view raw, std::pmr::string& out);

/// Appends `path` as it may stand in a request line.
void append_encoded(std::string_view path, std::pmr::string& out);

/// What "proxy:fcgi://host:port/path" and "proxy:balancer://name/path" mean: the path (R15).
/// Anything else comes back as it is.
std::string_view without_proxy_prefix(std::string_view script_filename) noexcept;

// Names of the server (normalize_host.cpp) -------------------------------------------------------------

struct host_and_port {
    std::string_view host; ///< an IPv6 address with its brackets
    std::string_view port; ///< "" when there is none
};

/// Splits "host:port", "[v6]:port" and either without its port. A bare IPv6 address is all host.
host_and_port split_host(std::string_view authority) noexcept;

/// A host a client may name: letters, digits, '-', '.', '_', or an IPv6 address in brackets.
bool is_plain_host(std::string_view host) noexcept;

} // namespace sluice::normalizing
