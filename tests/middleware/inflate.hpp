// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <zlib.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::test {

/// A client that decodes gzip as it comes.
class inflater {
public:
    inflater()
    {
        if (::inflateInit2(&stream_, 15 + 16) != Z_OK)
            throw std::runtime_error("inflateInit2 failed");
    }
    ~inflater() { ::inflateEnd(&stream_); }
    inflater(const inflater&) = delete;
    inflater& operator=(const inflater&) = delete;

    /// Decodes all of `bytes`; gives all text so far. Throws on what is no gzip.
    const std::string& feed(std::string_view bytes)
    {
        std::string in(bytes);
        stream_.next_in = reinterpret_cast<Bytef*>(in.data());
        stream_.avail_in = static_cast<uInt>(in.size());
        char piece[16384];
        int result = Z_OK;
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(piece);
            stream_.avail_out = sizeof piece;
            result = ::inflate(&stream_, Z_SYNC_FLUSH);
            if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
                throw std::runtime_error("this is no gzip");
            text_.append(piece, sizeof piece - stream_.avail_out);
        } while (result == Z_OK && (stream_.avail_in > 0 || stream_.avail_out == 0));
        at_end_ = result == Z_STREAM_END && stream_.avail_in == 0;
        return text_;
    }

    const std::string& text() const noexcept { return text_; }
    bool at_end() const noexcept { return at_end_; }

private:
    z_stream stream_{};
    std::string text_;
    bool at_end_ = false;
};

/// Bytes that zlib asks for to compress with these settings.
inline std::size_t zlib_memory(int level, int window_bits, int memory_level)
{
    std::size_t bytes = 0;
    z_stream s{};
    s.opaque = &bytes;
    s.zalloc = [](voidpf sum, uInt n, uInt size) -> voidpf {
        *static_cast<std::size_t*>(sum) += std::size_t{n} * size;
        return ::operator new (std::size_t{n} * size);
    };
    s.zfree = [](voidpf, voidpf p) { ::operator delete(p); };
    if (::deflateInit2(&s, level, Z_DEFLATED, window_bits + 16, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("deflateInit2 failed");
    ::deflateEnd(&s);
    return bytes;
}

} // namespace sluice::test
