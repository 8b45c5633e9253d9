// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "answer.hpp"

#include <algorithm>

namespace bench {

namespace {

// The length of the head with its blank line, or 0 when that has not come yet.
std::size_t head_length(std::string_view text)
{
    const auto crlf = text.find("\r\n\r\n");
    const auto lf = text.substr(0, crlf).find("\n\n"); // what looks like one later on is in the body
    if (lf != std::string_view::npos)
        return lf + 2;
    return crlf != std::string_view::npos ? crlf + 4 : 0;
}

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

} // namespace

void answer::reset()
{
    state_ = state::reading;
    reason_ = "";
    head_.clear();
    head_seen_ = false;
    status_ = 0;
    body_bytes_ = stdout_records_ = 0;
    body_start_.clear();
}

void answer::fail(const char* reason)
{
    state_ = state::wrong;
    reason_ = reason;
}

std::size_t answer::take_head(const char* data, std::size_t size)
{
    const std::size_t before = head_.size();
    head_.append(data, size);
    const std::size_t length = head_length(head_);
    if (length == 0) {
        if (head_.size() > max_head)
            fail("no end of the head in 16 KiB");
        return size;
    }
    head_seen_ = true;
    head_.resize(length);
    status_ = status_of(head_);
    return length - before;
}

void answer::take_body(const char* data, std::size_t size)
{
    if (body_start_.size() < keep_)
        body_start_.append(data, std::min(size, keep_ - body_start_.size()));
    body_bytes_ += size;
}

std::string_view field_value(std::string_view head, std::string_view name)
{
    while (!head.empty()) {
        const auto end = std::min(head.find('\n'), head.size());
        const std::string_view line = head.substr(0, end);
        head.remove_prefix(std::min(end + 1, head.size()));
        const bool named = line.size() > name.size() && line[name.size()] == ':' &&
                           std::equal(name.begin(), name.end(), line.begin(),
                                      [](char a, char b) { return lower(a) == lower(b); });
        if (!named)
            continue;
        const std::string_view value = line.substr(name.size() + 1);
        const auto first = value.find_first_not_of(" \t\r");
        const auto last = value.find_last_not_of(" \t\r");
        return first == std::string_view::npos ? value.substr(0, 0) : value.substr(first, last - first + 1);
    }
    return {};
}

} // namespace bench
