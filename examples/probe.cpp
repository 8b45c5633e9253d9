// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// One app with a URL for each behaviour of a gateway: for tests, benchmarks, and anyone who compares.
// docs/probe.md lists the URLs.
#include "probe.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include <unistd.h>

namespace {

using sluice::request;
using sluice::responder;
using sluice::task;
using sluice::writer;

// Query parameters of the form name=number.
std::uint64_t number(request& req, std::string_view name, std::uint64_t otherwise)
{
    std::string_view rest = req.env().query_string();
    while (!rest.empty()) {
        const auto pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
            std::uint64_t value = 0;
            const auto digits = pair.substr(name.size() + 1);
            const auto fault = std::from_chars(digits.data(), digits.data() + digits.size(), value).ec;
            // More than fits in is more than anything here allows, not nothing.
            return fault == std::errc::result_out_of_range ? std::numeric_limits<std::uint64_t>::max()
                                                           : value;
        }
    }
    return otherwise;
}

bool has(request& req, std::string_view parameter)
{
    return req.env().query_string().find(parameter) != std::string_view::npos;
}

// Byte i of every generated body is "0123456789abcdef…"[i mod 61]: a prime, so that a lost, doubled or swapped block of any
// usual size shows. The table is long enough for any piece up to 1 MiB to be one slice of it.
constexpr std::string_view alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY";
constexpr std::size_t longest_piece = 1 << 20;

// Precondition: size <= longest_piece.
std::string_view piece_at(std::uint64_t offset, std::size_t size)
{
    static const std::string pattern = [] {
        std::string t;
        t.reserve(longest_piece + 2 * alphabet.size());
        while (t.size() < longest_piece + alphabet.size())
            t += alphabet;
        return t;
    }();
    return {pattern.data() + offset % alphabet.size(), size};
}

sluice::response_head plain_text()
{
    sluice::response_head head;
    head.headers.add("Content-Type", "text/plain");
    return head;
}

task<void> hello(request&, responder respond)
{
    respond.send(200, {{"Content-Type", "text/plain"}}, "Hello, world!");
    co_return;
}

task<void> bytes(request& req, responder respond)
{
    const auto n = number(req, "n", 0);
    if (n > (std::uint64_t{4} << 30))
        co_return respond.send(400, {{"Content-Type", "text/plain"}}, "n is at most 4294967296\n");
    std::string body;
    body.reserve(n);
    while (body.size() < n)
        body += piece_at(body.size(), std::min<std::uint64_t>(longest_piece, n - body.size()));
    auto head = plain_text();
    head.headers.add("Content-Length", std::to_string(n));
    auto out = respond.start(std::move(head));
    co_await out.write(body);
}

task<void> stream(request& req, responder respond)
{
    const auto total = number(req, "bytes", 0);
    const auto chunk = std::clamp<std::uint64_t>(number(req, "chunk", 65536), 1, longest_piece);
    auto out = respond.start(plain_text());
    for (std::uint64_t done = 0; done < total;) {
        const auto piece = piece_at(done, std::min(chunk, total - done));
        // `try_write` spares the coroutine when there is room; `write` waits when there is none.
        if (const auto n = out.try_write(piece); n < piece.size())
            co_await out.write(piece.substr(n));
        done += piece.size();
    }
}

task<void> tiny(request& req, responder respond)
{
    const auto n = number(req, "n", 0);
    const bool flush = number(req, "flush", 0) != 0;
    const char* const text = piece_at(0, longest_piece).data();
    auto out = respond.start(plain_text());
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::string_view piece(text + i * 16 % alphabet.size(), 16);
        if (const auto taken = out.try_write(piece); taken < piece.size())
            co_await out.write(piece.substr(taken));
        if (flush && !out.try_flush())
            co_await out.flush();
    }
}

task<void> ticks(request& req, responder respond)
{
    const auto n = number(req, "n", 10);
    const auto pause = std::chrono::milliseconds(number(req, "ms", 1000));
    auto out = respond.start(plain_text());
    for (std::uint64_t i = 0; i < n; ++i) {
        if (i > 0)
            co_await sluice::sleep_for(pause);
        co_await out.write(fmt::format("tick {}\n", i));
    }
}

task<void> idle(request&, responder respond)
{
    auto out = respond.start(plain_text());
    co_await out.write("waiting for you to go\n");
    co_await sluice::sleep_for(std::chrono::hours(24)); // throws when the client leaves
}

task<void> upload(request& req, responder respond)
{
    auto body = req.body();
    std::vector<char> buffer(65536);
    std::uint64_t size = 0;
    uLong crc = ::crc32(0, nullptr, 0);
    while (const auto n = co_await body.read(boost::asio::buffer(buffer))) {
        crc = ::crc32(crc, reinterpret_cast<const Bytef*>(buffer.data()), static_cast<uInt>(n));
        size += n;
    }
    respond.send(200, {{"Content-Type", "text/plain"}}, fmt::format("bytes={} crc32={:08x}\n", size, crc));
}

task<void> echo(request& req, responder respond)
{
    auto body = req.body();
    sluice::response_head head;
    const auto type = req.env().get("CONTENT_TYPE");
    head.headers.add("Content-Type", type.empty() ? "application/octet-stream" : type);
    auto out = respond.start(std::move(head));
    std::array<char, 16384> buffer;
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

task<void> env(request& req, responder respond)
{
    std::map<std::string_view, std::string_view> sorted;
    for (const auto& [name, value] : req.env())
        sorted.emplace(name, value);
    std::string body;
    for (const auto& [name, value] : sorted)
        body += fmt::format("{}={}\n", name, value);
    respond.send(200, {{"Content-Type", "text/plain"}}, std::move(body));
    co_return;
}

task<void> status(request& req, responder respond)
{
    sluice::response r;
    r.status = static_cast<int>(std::min<std::uint64_t>(number(req, "code", 200), 10000));
    if (sluice::status_allows_body(r.status)) {
        r.headers.add("Content-Type", "text/plain");
        r.body = fmt::format("status {}\n", r.status);
    }
    respond.send(std::move(r));
    co_return;
}

task<void> fail(request& req, responder respond)
{
    if (has(req, "when=before"))
        throw std::runtime_error("thrown before the head, as asked");
    constexpr std::size_t part = 100000;
    auto head = plain_text();
    if (number(req, "length", 0) != 0)
        head.headers.add("Content-Length", std::to_string(2 * part));
    auto out = respond.start(std::move(head));
    co_await out.write(piece_at(0, part));
    throw std::runtime_error("thrown in mid-body, as asked");
}

task<void> errors(request& req, responder respond)
{
    const auto n = number(req, "n", 1);
    for (std::uint64_t i = 0; i < n; ++i)
        req.errors().line(fmt::format("error line {}", i));
    auto out = respond.start(plain_text());
    co_await out.write("said before the head\n");
    co_await out.flush();
    req.errors().line("error line in mid-body");
    co_await out.write("said in mid-body\n");
}

task<void> stats(request& req, responder respond)
{
    const auto s = req.statistics();
    respond.send(
        200, {{"Content-Type", "application/json"}},
        fmt::format(R"({{"pool":{{"total":{},"in_use":{},"peak":{},"block_size":{}}},"peak_held":{},)"
                    R"("held":{},"produced":{},"requests":{},"active":{},"client_gone":{},"pid":{}}})"
                    "\n",
                    s.pool_total, s.pool_in_use, s.pool_peak, s.block_size, s.peak_held, s.held, s.produced,
                    s.requests, s.active, s.client_gone, ::getpid()));
    co_return;
}

struct route {
    std::string_view path;
    task<void> (*answer)(request&, responder);
};

constexpr route routes[] = {
    {"/hello", hello}, {"/bytes", bytes},   {"/stream", stream}, {"/tiny", tiny}, {"/ticks", ticks},
    {"/idle", idle},   {"/upload", upload}, {"/echo", echo},     {"/env", env},   {"/status", status},
    {"/throw", fail},  {"/stats", stats},   {"/errors", errors},
};

task<void> not_found(request&, responder respond)
{
    std::string body = "The probe answers:";
    for (const auto& r : routes)
        body += fmt::format(" {}", r.path);
    respond.send(404, {{"Content-Type", "text/plain"}}, body + "\n");
    co_return;
}

} // namespace

// Mounted anywhere: the first part of what follows the mount point counts, so /env/more/path is /env.
task<void> probe(request& req, responder respond)
{
    std::string_view path = req.env().path_info();
    if (path.empty())
        path = req.env().script_name();
    const auto first = path.substr(0, path.find('/', 1));
    for (const auto& r : routes)
        if (first == r.path)
            return r.answer(req, std::move(respond));
    return not_found(req, std::move(respond));
}
