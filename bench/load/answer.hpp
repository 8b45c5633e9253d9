// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "wire.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

// Reads one answer (STDOUT, STDERR, END_REQUEST) from bytes cut anywhere, and judges it. Content is
// counted, not copied, but for the head and the first bytes of the body.
//
//   in_header  -- 8 bytes --> in_content -- contentLength --> in_padding -- paddingLength -->
//   in_header END_REQUEST whole, STDOUT ended before it, appStatus and protocolStatus 0     -->
//   done anything else that section 5 does not allow here                              --> wrong
class answer {
public:
    enum class state { in_header, in_content, in_padding, done, wrong };

    // Takes what belongs to this answer and says how much that was.
    std::size_t feed(const char* data, std::size_t size);

    // Ready for the next answer on the same connection.
    void reset();

    // Whose answer it is, where ids are told apart.
    void expect_id(std::uint16_t id) { id_ = id; }

    // How much of the body is kept for body_start(), at most max_kept bytes.
    void keep_body(std::size_t size) { keep_ = size; }

    [[nodiscard]] bool done() const { return state_ == state::done; }
    [[nodiscard]] bool wrong() const { return state_ == state::wrong; }
    [[nodiscard]] const char* reason() const { return reason_; }

    [[nodiscard]] bool head_seen() const { return head_seen_; }
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }
    [[nodiscard]] std::uint64_t stdout_records() const { return stdout_records_; }
    [[nodiscard]] std::string_view body_start() const { return body_start_; }

private:
    void on_header();
    void on_stdout(const char* data, std::size_t size);
    void on_record_end();
    void fail(const char* reason);

    static constexpr std::size_t max_head = 16 * 1024;

    std::uint16_t id_ = wire::request_id;
    state state_ = state::in_header;
    const char* reason_ = "";
    std::array<unsigned char, wire::header_size> header_{};
    std::size_t header_size_ = 0;
    wire::record_type type_{};
    std::size_t content_left_ = 0;
    std::size_t padding_left_ = 0;
    std::array<unsigned char, 8> end_body_{};
    std::size_t end_size_ = 0;

    std::string head_;
    bool head_seen_ = false;
    bool stdout_ended_ = false;
    int status_ = 0;
    std::uint64_t body_bytes_ = 0;
    std::uint64_t stdout_records_ = 0;
    std::size_t keep_ = 64;
    std::string body_start_;
};

} // namespace bench
