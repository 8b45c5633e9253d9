// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

// Reads one answer from bytes cut anywhere, and judges it. Content is counted, not copied, but for the head and the
// first bytes of the body. How it is framed is the derived classes' matter: fcgi_answer, http_answer.
class answer {
public:
    answer() = default;
    answer(const answer&) = delete;
    answer& operator=(const answer&) = delete;
    virtual ~answer() = default;

    // Takes what belongs to this answer and says how much that was.
    virtual std::size_t feed(const char* data, std::size_t size) = 0;

    // The server has closed the connection: the end of an answer that no other end was announced for.
    virtual void on_eof() {}

    // Ready for the next answer on the same connection.
    virtual void reset();

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

protected:
    // Until head_seen(): takes bytes up to the blank line, and says how many.
    std::size_t take_head(const char* data, std::size_t size);
    void take_body(const char* data, std::size_t size);

    [[nodiscard]] bool reading() const { return state_ == state::reading; }
    [[nodiscard]] std::string_view head() const { return head_; }
    void finish() { state_ = state::done; }
    void fail(const char* reason);

    // Of a whole head; 0 when it is none.
    [[nodiscard]] virtual int status_of(std::string_view head) const = 0;

    std::uint64_t stdout_records_ = 0;

private:
    enum class state { reading, done, wrong };

    static constexpr std::size_t max_head = 16 * 1024;

    state state_ = state::reading;
    const char* reason_ = "";
    std::string head_;
    bool head_seen_ = false;
    int status_ = 0;
    std::uint64_t body_bytes_ = 0;
    std::size_t keep_ = 64;
    std::string body_start_;
};

// The value of a field of the head, without the spaces around it; without data() when there is no such field. The name
// in any case.
[[nodiscard]] std::string_view field_value(std::string_view head, std::string_view name);

} // namespace bench
