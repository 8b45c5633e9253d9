// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "answer.hpp"
#include "wire.hpp"

#include <array>

namespace bench {

// An answer in FastCGI's records: STDOUT, STDERR, END_REQUEST.
//
//   in_header  -- 8 bytes --> in_content -- contentLength --> in_padding -- paddingLength -->
//   in_header END_REQUEST whole, STDOUT ended before it, appStatus and protocolStatus 0     -->
//   done anything else that section 5 does not allow here                              --> wrong
class fcgi_answer final : public answer {
public:
    std::size_t feed(const char* data, std::size_t size) override;
    void reset() override;

    // Whose answer it is, where ids are told apart.
    void expect_id(std::uint16_t id) { id_ = id; }

private:
    enum class part { in_header, in_content, in_padding };

    [[nodiscard]] int status_of(std::string_view head) const override;
    void on_header();
    void on_stdout(const char* data, std::size_t size);
    void on_record_end();

    std::uint16_t id_ = wire::request_id;
    part part_ = part::in_header;
    std::array<unsigned char, wire::header_size> header_{};
    std::size_t header_size_ = 0;
    wire::record_type type_{};
    std::size_t content_left_ = 0;
    std::size_t padding_left_ = 0;
    std::array<unsigned char, 8> end_body_{};
    std::size_t end_size_ = 0;
    bool stdout_ended_ = false;
};

} // namespace bench
