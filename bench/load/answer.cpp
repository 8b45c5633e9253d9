// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "answer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace bench {

namespace {

// The length of the head with its blank line, or 0 when that has not come yet.
std::size_t head_length(std::string_view text)
{
    if (const auto at = text.find("\r\n\r\n"); at != std::string_view::npos)
        return at + 4;
    if (const auto at = text.find("\n\n"); at != std::string_view::npos)
        return at + 2;
    return 0;
}

// RFC 3875 section 6.3.3: no Status means 200. Returns 0 for a Status that is no number.
int status_of(std::string_view head)
{
    constexpr std::string_view name = "Status:";
    auto at = head.substr(0, name.size()) == name ? std::size_t{0} : head.find("\nStatus:");
    if (at == std::string_view::npos)
        return 200;
    at = head.find(':', at) + 1;
    while (at < head.size() && head[at] == ' ')
        ++at;
    int code = 0;
    std::from_chars(head.data() + at, head.data() + head.size(), code);
    return code;
}

} // namespace

void answer::reset()
{
    state_ = state::in_header;
    reason_ = "";
    header_size_ = 0;
    content_left_ = padding_left_ = end_size_ = 0;
    head_.clear();
    head_seen_ = stdout_ended_ = false;
    status_ = 0;
    body_bytes_ = stdout_records_ = 0;
    body_start_.clear();
}

void answer::fail(const char* reason)
{
    state_ = state::wrong;
    reason_ = reason;
}

void answer::on_header()
{
    if (header_[0] != wire::version)
        return fail("record of a wrong version");
    if ((header_[2] << 8U | header_[3]) != id_)
        return fail("record of another request id");
    type_ = static_cast<wire::record_type>(header_[1]);
    content_left_ = static_cast<std::size_t>(header_[4] << 8U | header_[5]);
    padding_left_ = header_[6];
    header_size_ = 0;
    switch (type_) {
    case wire::record_type::stdout_data:
        if (stdout_ended_)
            return fail("STDOUT after its end");
        stdout_ended_ = content_left_ == 0;
        stdout_records_ += content_left_ != 0 ? 1 : 0;
        break;
    case wire::record_type::stderr_data:
        if (content_left_ != 0)
            return fail("output on STDERR");
        break;
    case wire::record_type::end_request:
        if (content_left_ != end_body_.size())
            return fail("END_REQUEST of a wrong length");
        break;
    default: return fail("record of an unexpected type");
    }
    state_ = state::in_content;
}

void answer::on_stdout(const char* data, std::size_t size)
{
    if (!head_seen_) {
        const std::size_t before = head_.size();
        head_.append(data, size);
        const std::size_t length = head_length(head_);
        if (length == 0) {
            if (head_.size() > max_head)
                fail("no end of the head in 16 KiB");
            return;
        }
        head_seen_ = true;
        head_.resize(length);
        status_ = status_of(head_);
        data += length - before;
        size -= length - before;
    }
    if (body_start_.size() < keep_)
        body_start_.append(data, std::min(size, keep_ - body_start_.size()));
    body_bytes_ += size;
}

void answer::on_record_end()
{
    state_ = state::in_header;
    if (type_ != wire::record_type::end_request)
        return;
    const bool app_status_zero =
        std::all_of(end_body_.begin(), end_body_.begin() + 4, [](unsigned char byte) { return byte == 0; });
    if (!app_status_zero)
        fail("appStatus not 0");
    else if (end_body_[4] != 0)
        fail("protocolStatus not REQUEST_COMPLETE");
    else if (!stdout_ended_)
        fail("END_REQUEST before the end of STDOUT");
    else if (!head_seen_)
        fail("no head");
    else
        state_ = state::done;
}

std::size_t answer::feed(const char* data, std::size_t size)
{
    std::size_t used = 0;
    while (used < size && state_ != state::done && state_ != state::wrong) {
        const std::size_t left = size - used;
        const char* const at = data + used;
        if (state_ == state::in_header) {
            const std::size_t n = std::min(left, header_.size() - header_size_);
            std::memcpy(header_.data() + header_size_, at, n);
            header_size_ += n;
            used += n;
            if (header_size_ == header_.size())
                on_header();
        } else if (state_ == state::in_content) {
            const std::size_t n = std::min(left, content_left_);
            if (type_ == wire::record_type::stdout_data) {
                on_stdout(at, n);
            } else if (type_ == wire::record_type::end_request) {
                std::memcpy(end_body_.data() + end_size_, at, n);
                end_size_ += n;
            }
            content_left_ -= n;
            used += n;
        } else {
            const std::size_t n = std::min(left, padding_left_);
            padding_left_ -= n;
            used += n;
        }
        // Empty content or padding needs no further byte to be over.
        if (state_ == state::in_content && content_left_ == 0)
            state_ = state::in_padding;
        if (state_ == state::in_padding && padding_left_ == 0)
            on_record_end();
    }
    return used;
}

} // namespace bench
