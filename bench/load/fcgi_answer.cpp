// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "fcgi_answer.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace bench {

// RFC 3875 section 6.3.3: no Status means 200. Returns 0 for a Status that is no number.
int fcgi_answer::status_of(std::string_view head) const
{
    const std::string_view value = field_value(head, "Status");
    if (value.data() == nullptr)
        return 200;
    int code = 0;
    std::from_chars(value.data(), value.data() + value.size(), code);
    return code;
}

void fcgi_answer::reset()
{
    answer::reset();
    part_ = part::in_header;
    header_size_ = 0;
    content_left_ = padding_left_ = end_size_ = 0;
    stdout_ended_ = false;
}

void fcgi_answer::on_header()
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
    part_ = part::in_content;
}

void fcgi_answer::on_stdout(const char* data, std::size_t size)
{
    const std::size_t of_head = head_seen() ? 0 : take_head(data, size);
    if (head_seen())
        take_body(data + of_head, size - of_head);
}

void fcgi_answer::on_record_end()
{
    part_ = part::in_header;
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
    else if (!head_seen())
        fail("no head");
    else
        finish();
}

std::size_t fcgi_answer::feed(const char* data, std::size_t size)
{
    std::size_t used = 0;
    while (used < size && reading()) {
        const std::size_t left = size - used;
        const char* const at = data + used;
        if (part_ == part::in_header) {
            const std::size_t n = std::min(left, header_.size() - header_size_);
            std::memcpy(header_.data() + header_size_, at, n);
            header_size_ += n;
            used += n;
            if (header_size_ == header_.size())
                on_header();
        } else if (part_ == part::in_content) {
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
        if (reading() && part_ == part::in_content && content_left_ == 0)
            part_ = part::in_padding;
        if (reading() && part_ == part::in_padding && padding_left_ == 0)
            on_record_end();
    }
    return used;
}

} // namespace bench
