// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "fcgi_answer.hpp"
#include "report.hpp"
#include "socket.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <vector>
#include <zlib.h>

namespace bench {

namespace {

// The body as STDIN records, made once: the same run of records is sent again and again, then the
// rest, then the empty record.
struct upload_body {
    std::string run;
    std::uint64_t run_repeats = 0;
    std::string rest;
    std::uint64_t crc = 0;
};

std::string some_content(std::size_t size)
{
    std::string out(size, '\0');
    std::uint32_t state = 2463534242U; // xorshift: bytes that do not repeat soon
    for (char& c : out) {
        state ^= state << 13U;
        state ^= state >> 17U;
        state ^= state << 5U;
        c = static_cast<char>(state & 0xFFU);
    }
    return out;
}

upload_body make_body(std::uint64_t bytes, std::size_t record)
{
    const std::string content = some_content(record);
    const std::uint64_t whole_records = bytes / record;
    const std::uint64_t in_run =
        std::min<std::uint64_t>(whole_records, std::max<std::size_t>(1, 512 * 1024 / record));

    upload_body out;
    for (std::uint64_t i = 0; i < in_run; ++i)
        wire::append_record(out.run, wire::record_type::stdin_data, content);
    out.run_repeats = in_run == 0 ? 0 : whole_records / in_run;
    for (std::uint64_t i = out.run_repeats * in_run; i < whole_records; ++i)
        wire::append_record(out.rest, wire::record_type::stdin_data, content);
    const std::string_view tail = std::string_view{content}.substr(0, bytes % record);
    if (!tail.empty())
        wire::append_record(out.rest, wire::record_type::stdin_data, tail);
    wire::append_record(out.rest, wire::record_type::stdin_data, {});

    uLong crc = ::crc32(0, nullptr, 0);
    for (std::uint64_t i = 0; i < whole_records; ++i)
        crc = ::crc32(crc, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
    out.crc = ::crc32(crc, reinterpret_cast<const Bytef*>(tail.data()), static_cast<uInt>(tail.size()));
    return out;
}

class upload {
public:
    upload(int fd, const upload_body& body, const std::string& head)
        : fd_{fd}, body_{body}, head_{head}, sending_{head_}
    {}

    // Sends and reads at the same time; returns what was wrong, or nullptr.
    const char* run(answer& got);

private:
    [[nodiscard]] bool all_sent() const { return sending_.empty() && stage_ == last_stage(); }
    [[nodiscard]] std::uint64_t last_stage() const { return body_.run_repeats + 1; }
    const char* send_some();
    const char* read_some(answer& got);

    int fd_;
    const upload_body& body_;
    const std::string& head_;
    std::string_view sending_;
    std::uint64_t stage_ = 0; // 0: head, then each run, then the rest
};

const char* upload::send_some()
{
    const ssize_t n = ::send(fd_, sending_.data(), sending_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? nullptr : "server stopped reading the body";
    sending_.remove_prefix(static_cast<std::size_t>(n));
    if (sending_.empty() && stage_ != last_stage()) {
        ++stage_;
        sending_ = stage_ == last_stage() ? body_.rest : body_.run;
    }
    return nullptr;
}

const char* upload::read_some(answer& got)
{
    char buffer[4096];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? nullptr : "read error";
    if (n == 0)
        return "connection closed before the answer was whole";
    const std::size_t used = got.feed(buffer, static_cast<std::size_t>(n));
    if (got.wrong())
        return got.reason();
    return used == static_cast<std::size_t>(n) ? nullptr : "bytes after END_REQUEST";
}

const char* upload::run(answer& got)
{
    while (!got.done()) {
        pollfd waiting{fd_, static_cast<short>(all_sent() ? POLLIN : POLLIN | POLLOUT), 0};
        if (::poll(&waiting, 1, -1) < 0 && errno != EINTR)
            return "poll error";
        if ((waiting.revents & POLLOUT) != 0)
            if (const char* wrong = send_some())
                return wrong;
        if ((waiting.revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            if (const char* wrong = read_some(got))
                return wrong;
    }
    return all_sent() ? nullptr : "answered before the body was sent";
}

std::string_view trimmed(std::string_view text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

} // namespace

int run_upload(const options& opt)
{
    options asked = opt;
    asked.target.method = "POST";
    asked.target.body_size = opt.upload_bytes;
    const std::string head = wire::request_head(asked.target, opt.keep);
    const upload_body body = make_body(opt.upload_bytes, opt.record);
    char expected[64];
    std::snprintf(expected, sizeof expected, "bytes=%llu crc32=%08llx",
                  static_cast<unsigned long long>(opt.upload_bytes),
                  static_cast<unsigned long long>(body.crc));

    std::vector<double> seconds;
    error_tally errors;
    fcgi_answer got;
    unique_fd fd;
    for (std::uint64_t i = 0; i < std::max<std::uint64_t>(opt.count, 1); ++i) {
        if (!fd || !opt.keep)
            fd = connect_to(opt.connect);
        got.reset();
        const std::uint64_t from = now_ns();
        const char* wrong = upload{fd.get(), body, head}.run(got);
        const std::uint64_t to = now_ns();
        if (wrong == nullptr)
            wrong = judge(got, opt);
        if (wrong == nullptr && trimmed(got.body_start()) != expected)
            wrong = "wrong byte count or crc32";
        if (wrong != nullptr) {
            errors.add(wrong);
            fd.reset();
            continue;
        }
        seconds.push_back(static_cast<double>(to - from) * 1e-9);
    }

    const double middle = median(seconds);
    report out;
    out.add("mode", "upload");
    out.add("path", opt.target.path);
    out.add("body_bytes", opt.upload_bytes);
    out.add("expected", expected);
    out.add("median_seconds", middle);
    out.add("gib_per_s",
            middle > 0 ? static_cast<double>(opt.upload_bytes) / middle / (1024.0 * 1024 * 1024) : 0.0);
    out.add("seconds", seconds);
    errors.add_to(out);
    std::puts(out.str().c_str());
    return errors.total() == 0 ? 0 : 1;
}

} // namespace bench
