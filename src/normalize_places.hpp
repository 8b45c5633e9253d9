// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// Where the variables of an environment stand that normalization is about. Not installed.

#include <sluice/environment.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace sluice::normalizing {

/// The variables that rules are about, in the order of their lengths.
enum variable : std::size_t {
    https,
    path_info,
    http_host,
    http_proxy,
    script_name,
    request_uri,
    server_name,
    server_port,
    server_addr,
    query_string,
    content_type,
    request_method,
    content_length,
    request_scheme,
    server_protocol,
    script_filename,
    http_content_type,
    http_content_length,
    variables,
};

inline constexpr std::array<std::string_view, variables> names = {
    "HTTPS",           "PATH_INFO",         "HTTP_HOST",           "HTTP_PROXY",     "SCRIPT_NAME",
    "REQUEST_URI",     "SERVER_NAME",       "SERVER_PORT",         "SERVER_ADDR",    "QUERY_STRING",
    "CONTENT_TYPE",    "REQUEST_METHOD",    "CONTENT_LENGTH",      "REQUEST_SCHEME", "SERVER_PROTOCOL",
    "SCRIPT_FILENAME", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH",
};

/// Where in an environment the variables stand.
class places {
public:
    explicit places(environment& env) noexcept : env_(env) { at_.fill(nowhere); }

    /// Finds them; true when a name may be there twice. It takes one pass, and looks at names only.
    bool find() noexcept;

    /// "" when the variable is not there.
    std::string_view operator[](variable v) const noexcept
    {
        return at_[v] == nowhere ? std::string_view() : env_[at_[v]].value;
    }

    bool has(variable v) const noexcept { return at_[v] != nowhere; }

    void set(variable v, std::string_view value)
    {
        if (has(v)) {
            if ((*this)[v] != value)
                env_.set_at(at_[v], value);
        } else {
            env_.add(names[v], value);
            at_[v] = env_.size() - 1;
        }
    }

    void set_if_there(variable v, std::string_view value)
    {
        if (has(v))
            set(v, value);
    }

    /// Takes a variable out, once `finish` is called: until then all places stay true.
    void drop(variable v) noexcept
    {
        if (has(v))
            dropped_[drops_++] = at_[v];
    }

    void finish()
    {
        if (drops_ == 0)
            return;
        const auto end = dropped_.begin() + static_cast<std::ptrdiff_t>(drops_);
        env_.erase_positions([&](std::size_t i) { return std::find(dropped_.begin(), end, i) != end; });
    }

private:
    static constexpr auto nowhere = static_cast<std::size_t>(-1);

    environment& env_;
    std::array<std::size_t, variables> at_{};
    std::array<std::size_t, variables> dropped_{};
    std::size_t drops_ = 0;
};

} // namespace sluice::normalizing
