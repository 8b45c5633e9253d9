// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/application.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::middleware {

/// Bounds and choices of `gzip`. Sizes are bytes.
struct gzip_options {
    /// 1 (fast) to 9 (small), as zlib's.
    int level = 5;

    /// Binary logarithm of how far back repetitions are looked for, 9 to 15. With 14 (16 KiB), and 7 for
    /// `memory_level`, a response holds half of what it does with zlib's defaults, 15 and 8, and C++ and prose came out
    /// 4 % larger.
    int window_bits = 14;

    /// zlib's memLevel, 1 to 9: room for what is not yet encoded. With `window_bits` it decides what a response holds
    /// while it lasts: 2^(window_bits+2) + 2^(memory_level+9) bytes and 6 KiB, by default 134 KiB.
    int memory_level = 7;

    /// Bodies known to be smaller are left alone: what is won does not pay for the header of 18 bytes and the work.
    std::size_t least_size = 256;

    /// Content types to compress, without parameters, lower case; one that ends in "/" stands for all it begins.
    std::vector<std::string> types = {
        "text/",
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/rss+xml",
        "application/atom+xml",
        "application/xhtml+xml",
        "application/xml",
        "application/wasm",
        "image/svg+xml",
    };
};

/// Compresses bodies for clients that accept gzip (RFC 9110 sections 8.4 and 12.5.3).
///
/// A compressed answer has `Content-Encoding: gzip` and a weak ETag, since its bytes are others. `Vary:
/// Accept-Encoding` is on each answer that might have been compressed, and on a 304 together with the weak ETag. Left
/// alone: 204, 205, 304, 206 and answers with Content-Range, Content-Encoding, or `no-transform` in Cache-Control.
///
/// `flush` makes all that was written decodable (Z_SYNC_FLUSH, F19); without it small writes gather in zlib.
///
/// Security: where a page shows both a secret and what a stranger chose, its compressed size tells of the secret
/// (BREACH). Leave such pages out by `Cache-Control: no-transform`.
///
/// Preconditions: the options are within zlib's bounds.
/// Errors: throws std::invalid_argument that names the one that is not.
application gzip(application inner, gzip_options options = {});

} // namespace sluice::middleware
