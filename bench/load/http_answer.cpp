// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "http_answer.hpp"

#include <algorithm>
#include <charconv>

namespace bench {

int http_answer::status_of(std::string_view head) const
{
    constexpr std::string_view version = "HTTP/1.";
    constexpr std::size_t code_at = version.size() + 2; // a digit and a space
    int code = 0;
    if (head.starts_with(version) && head.size() > code_at)
        std::from_chars(head.data() + code_at, head.data() + head.size(), code);
    return code;
}

void http_answer::reset()
{
    answer::reset();
    part_ = part::in_head;
    left_ = 0;
    line_.clear();
}

// RFC 9112 section 6.3
void http_answer::choose_framing()
{
    if (!field_value(head(), "Transfer-Encoding").empty()) {
        part_ = part::in_chunk_size;
    } else if (const auto length = field_value(head(), "Content-Length"); !length.empty()) {
        part_ = part::in_sized_body;
        if (std::from_chars(length.data(), length.data() + length.size(), left_).ptr !=
            length.data() + length.size())
            fail("Content-Length is no number");
        else if (left_ == 0)
            finish();
    } else {
        part_ = part::until_eof;
    }
}

std::size_t http_answer::take_line(const char* data, std::size_t size)
{
    constexpr std::size_t longest = 1024;
    const std::string_view text{data, size};
    const auto end = text.find('\n');
    line_.append(text.substr(0, end));
    if (line_.size() > longest)
        fail("too long a line between chunks");
    if (end == std::string_view::npos)
        return size;
    if (line_.ends_with('\r'))
        line_.pop_back();
    on_line();
    line_.clear();
    return end + 1;
}

// RFC 9112 section 7.1
void http_answer::on_line()
{
    if (part_ == part::in_trailer) {
        if (line_.empty())
            finish();
    } else if (part_ == part::after_chunk) {
        part_ = part::in_chunk_size;
        if (!line_.empty())
            fail("a chunk longer than its size");
    } else {
        const char* const end = line_.data() + line_.size();
        const auto [at, error] = std::from_chars(line_.data(), end, left_, 16);
        if (error != std::errc{} || (at != end && *at != ';'))
            return fail("a chunk without its size");
        part_ = left_ == 0 ? part::in_trailer : part::in_chunk;
    }
}

std::size_t http_answer::feed(const char* data, std::size_t size)
{
    std::size_t used = 0;
    while (used < size && reading()) {
        const char* const at = data + used;
        const std::size_t rest = size - used;
        switch (part_) {
        case part::in_head:
            used += take_head(at, rest);
            if (head_seen())
                choose_framing();
            break;
        case part::in_sized_body:
        case part::in_chunk: {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(rest, left_));
            take_body(at, n);
            left_ -= n;
            used += n;
            if (left_ == 0 && part_ == part::in_chunk)
                part_ = part::after_chunk;
            else if (left_ == 0)
                finish();
            break;
        }
        case part::until_eof:
            take_body(at, rest);
            used = size;
            break;
        default: used += take_line(at, rest); break;
        }
    }
    return used;
}

void http_answer::on_eof()
{
    if (reading() && part_ == part::until_eof)
        finish();
}

} // namespace bench
