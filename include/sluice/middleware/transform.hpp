// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace sluice::middleware {

/// Turns one body into another, piece by piece, as zlib's `deflate` does. It knows nothing of clients and waiting:
/// whoever calls it does, and keeps one buffer of `transform::buffer_size` for what it makes.
class transform {
public:
    /// Room that a call is given, in bytes: all that a response may hold in one transform beside the transform's own
    /// state.
    static constexpr std::size_t buffer_size = 4096;

    /// What a call is to bring about before it says `done`.
    enum class goal {
        take,   ///< all of `in` is taken
        flush,  ///< and what the client can decode so far has been put out
        finish, ///< and the end has been put out
    };
    struct step {
        std::size_t taken = 0; ///< bytes of `in`
        std::size_t made = 0;  ///< bytes put into `out`
        bool done = false;     ///< the goal is reached; false: call again, with what is left and new room
        bool over =
            false; ///< nothing more will come out, whatever comes in: the rest is not wanted (`sink::drop_rest`)
    };

    virtual ~transform() = default;

    /// Takes bytes from `in` and puts bytes into `out`, which is `buffer_size` large. To take some and make none is
    /// fine.
    /// Postcondition: something was taken or made, or it is done.
    /// Errors: an exception fails the response.
    virtual step run(std::span<const std::byte> in, std::span<std::byte> out, goal g) = 0;
};

/// For each answer: the transform of its body, or null to leave it alone. It sees the head before that goes out and may
/// change it.
using choose_transform = std::function<std::unique_ptr<transform>(request&, response_head&)>;

/// What one response may put through a transform before the others get their turn, in bytes: 1.6 ms of gzip
/// with its defaults, measured on C++ and prose.
inline constexpr std::size_t turn_input = 64 * 1024;

/// An app whose bodies pass through the transform that `choose` gives.
///
/// Where there is one, Content-Length, Content-MD5, Content-Digest and Accept-Ranges are removed, which speak of the
/// body before; the announced length is held against what the app writes all the same (R44). A body that is given
/// whole and has at most `turn_input` bytes is transformed at once and has its new length announced. `choose` finds
/// the length of one that is given whole in the head, and is not asked about statuses without a body (204, 205, 304). It is asked about
/// the answer to a HEAD, whose head is to be that of a GET (RFC 9110 section 9.3.2), and has its length where the app gives the body.
///
/// Flow control: while the client takes nothing, a response holds its window and one buffer of
/// `transform::buffer_size`, and is not writable. An app that goes on writing gives the others their turn every
/// `turn_input` bytes, however little comes out of them (F29). `prepare` is not supported. When the client has gone,
/// the transform is destroyed at once.
application transform_response(application inner, choose_transform choose);

} // namespace sluice::middleware
