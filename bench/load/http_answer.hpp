// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "answer.hpp"

namespace bench {

// An answer in HTTP/1.1 (RFC 9112): its body ends by Content-Length, by its last chunk, or with the connection.
class http_answer final : public answer {
public:
    std::size_t feed(const char* data, std::size_t size) override;
    void on_eof() override;
    void reset() override;

private:
    enum class part { in_head, in_sized_body, in_chunk_size, in_chunk, after_chunk, in_trailer, until_eof };

    [[nodiscard]] int status_of(std::string_view head) const override;
    void choose_framing();
    std::size_t take_line(const char* data, std::size_t size);
    void on_line();

    part part_ = part::in_head;
    std::uint64_t left_ = 0; // of the body or the chunk
    std::string line_;       // a chunk's size, the end of its line, a line of the trailer
};

} // namespace bench
