// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "answer.hpp"
#include "options.hpp"

#include <cerrno>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace bench {

// Each runs one mode, prints its JSON and returns the exit status: 0 when every answer was right.
int run_requests(const options& opt);
int run_stream(const options& opt);
int run_first(const options& opt);
int run_upload(const options& opt);
int run_slow(const options& opt);
int run_multiplexed(const options& opt);
int run_leave(const options& opt);
int run_get(const options& opt);

// In FastCGI or HTTP, as the options say.
[[nodiscard]] std::string request_of(const options& opt);
[[nodiscard]] std::unique_ptr<answer> answer_of(const options& opt);

// Reads one answer to its end; says what was wrong, or nullptr. Each time it got some, `on_bytes` is called.
template <class OnBytes>
const char* read_answer(int fd, answer& got, std::vector<char>& buffer, OnBytes on_bytes)
{
    while (!got.done() && !got.wrong()) {
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return "read error";
        if (n == 0) {
            got.on_eof();
            return got.done() ? nullptr : "connection closed before the answer was whole";
        }
        const std::size_t used = got.feed(buffer.data(), static_cast<std::size_t>(n));
        if (used != static_cast<std::size_t>(n) && !got.wrong())
            return "bytes after the end";
        on_bytes();
    }
    return nullptr;
}

// What is wrong with a finished answer, or nullptr.
[[nodiscard]] inline const char* judge(const answer& got, const options& opt)
{
    if (got.wrong())
        return got.reason();
    if (!got.done())
        return "answer not finished";
    if (got.status() != opt.expect_status)
        return "wrong status";
    if (opt.expect_bytes && got.body_bytes() != *opt.expect_bytes)
        return "wrong number of body bytes";
    if (!opt.expect_body.empty() &&
        (got.body_bytes() != opt.expect_body.size() || got.body_start() != opt.expect_body))
        return "wrong body";
    return nullptr;
}

} // namespace bench
