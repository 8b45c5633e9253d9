// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/task.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice {

/// Where the body of a response comes from when it is not all there at once: read as the client makes room, never ahead
/// of it. `response_body` makes one of a callable, of pieces and of a file; derive from it for anything else.
///
/// It is destroyed when it has given all, and as soon as that is known when the client has gone. An exception out of it
/// after the head is out is an abort on the wire (R40), and a line in the log.
///
/// Thread safety: none; it is called on the response's executor only, one call at a time.
class body_source {
public:
    body_source() = default;
    body_source(const body_source&) = delete;
    body_source& operator=(const body_source&) = delete;
    virtual ~body_source() = default;

    /// How many bytes it will give, where that is known: then it is announced as Content-Length, unless the headers
    /// have one. Asked once, before anything is read.
    virtual std::optional<std::uint64_t> length() const { return std::nullopt; }

    /// Puts the next bytes into `to`, which is not empty, without waiting; says how many: 0 is the end. Nothing when it
    /// would have to wait: then `read` is asked, which is all that a source needs to have.
    virtual std::optional<std::size_t> try_read(boost::asio::mutable_buffer to)
    {
        static_cast<void>(to);
        return std::nullopt;
    }

    /// The same, waiting. `to` is valid until the task has ended. When the client leaves meanwhile, what is awaited is
    /// cancelled.
    virtual task<std::size_t> read(boost::asio::mutable_buffer to) = 0;
};

} // namespace sluice
