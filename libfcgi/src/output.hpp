// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

struct FCGX_Request;

namespace sluice::libfcgi {

/// The output of a request, STDOUT and STDERR, as libfcgi's writers take it: a record at a time.
class output {
public:
    explicit output(FCGX_Request& r) noexcept : request_(r) {}

    /// True when the connection takes a record without waiting, or is broken.
    bool has_room() const noexcept;

    /// Takes what makes one record, without writing it; says how much that was. Precondition: what was put before
    /// is flushed.
    std::size_t put(std::span<const std::span<const std::byte>> slices) noexcept;

    /// Writes what was put; false when the connection takes no more.
    bool flush() noexcept;

    void put_error_text(std::string_view text) noexcept;
    void flush_errors() noexcept;

    /// Writes what was put, the ends of both streams and END_REQUEST; false when the connection takes no more.
    bool end() noexcept;

    /// Instead of an end: what makes web servers fail the response.
    void send_fault() noexcept;
    void shut_down() noexcept;

    bool broken() const noexcept;
    /// The connection took nothing for its time limit.
    bool timed_out() const noexcept;

private:
    FCGX_Request& request_;
};

} // namespace sluice::libfcgi
