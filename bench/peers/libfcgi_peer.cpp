// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The URLs of examples/probe that the benchmarks use, as a good user of libfcgi writes them: no
// copies of its own, the library's own buffers, one FCGX_Request for each thread, no lock around
// accept (Linux needs none, and with kept connections it would let one client hold up the rest).

#include <fcgiapp.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include <zlib.h>

namespace {

constexpr int backlog = 4096;
constexpr std::uint64_t pattern_size = 64 * 1024;

// The content of /bytes, /stream and /tiny. One for all threads, so that what a thread costs is
// what libfcgi needs.
const std::string& pattern()
{
    static const std::string text = [] {
        std::string out;
        while (out.size() < pattern_size)
            out += "0123456789abcde\n";
        return out;
    }();
    return text;
}

std::string_view parameter(const FCGX_Request& request, const char* name)
{
    const char* const value = FCGX_GetParam(name, request.envp);
    return value != nullptr ? value : "";
}

std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t otherwise)
{
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(pair.size() < query.size() ? pair.size() + 1 : pair.size());
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos || pair.substr(0, equals) != name)
            continue;
        std::uint64_t value = otherwise;
        std::from_chars(pair.data() + equals + 1, pair.data() + pair.size(), value);
        return value;
    }
    return otherwise;
}

// Answers whose client left before they ended.
std::atomic<unsigned long> clients_gone{0};

void hello(FCGX_Request& request)
{
    FCGX_PutS("Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!", request.out);
}

void bytes(FCGX_Request& request, std::string_view query)
{
    const std::uint64_t n = query_number(query, "n", 0);
    std::string body;
    body.reserve(n);
    while (body.size() < n)
        body.append(pattern(), 0, std::min<std::uint64_t>(pattern_size, n - body.size()));
    FCGX_FPrintF(request.out, "Content-Type: application/octet-stream\r\nContent-Length: %lu\r\n\r\n",
                 static_cast<unsigned long>(n));
    FCGX_PutStr(body.data(), static_cast<int>(body.size()), request.out);
}

void stream(FCGX_Request& request, std::string_view query)
{
    std::uint64_t left = query_number(query, "bytes", 0);
    const std::uint64_t chunk =
        std::min(std::max<std::uint64_t>(query_number(query, "chunk", pattern_size), 1), pattern_size);
    FCGX_PutS("Content-Type: application/octet-stream\r\n\r\n", request.out);
    while (left > 0) {
        const int n = static_cast<int>(std::min(left, chunk));
        if (FCGX_PutStr(pattern().data(), n, request.out) < n) {
            ++clients_gone;
            return;
        }
        left -= static_cast<std::uint64_t>(n);
    }
}

void tiny(FCGX_Request& request, std::string_view query)
{
    const std::uint64_t n = query_number(query, "n", 0);
    const bool flush = query_number(query, "flush", 0) != 0;
    FCGX_PutS("Content-Type: text/plain\r\n\r\n", request.out);
    for (std::uint64_t i = 0; i < n; ++i) {
        if (FCGX_PutStr(pattern().data(), 16, request.out) < 16)
            return;
        if (flush && FCGX_FFlush(request.out) != 0)
            return;
    }
}

void upload(FCGX_Request& request)
{
    char buffer[64 * 1024];
    unsigned long long total = 0;
    uLong crc = crc32(0, nullptr, 0);
    for (;;) {
        const int n = FCGX_GetStr(buffer, sizeof buffer, request.in);
        if (n <= 0)
            break;
        total += static_cast<unsigned>(n);
        crc = crc32(crc, reinterpret_cast<const Bytef*>(buffer), static_cast<uInt>(n));
    }
    FCGX_FPrintF(request.out, "Content-Type: text/plain\r\n\r\nbytes=%llu crc32=%08lx", total, crc);
}

// A line, then silence. libfcgi tells nobody who does not write that the client has gone.
void idle(FCGX_Request& request)
{
    FCGX_PutS("Content-Type: text/plain\r\n\r\nidle\n", request.out);
    FCGX_FFlush(request.out);
    std::this_thread::sleep_for(std::chrono::seconds(3));
}

void stats(FCGX_Request& request)
{
    FCGX_FPrintF(request.out, "Content-Type: application/json\r\n\r\n{\"client_gone\":%lu}",
                 clients_gone.load());
}

void answer(FCGX_Request& request)
{
    std::string_view path = parameter(request, "PATH_INFO");
    if (path.empty())
        path = parameter(request, "SCRIPT_NAME");
    const std::string_view query = parameter(request, "QUERY_STRING");
    if (path == "/hello")
        hello(request);
    else if (path == "/stream")
        stream(request, query);
    else if (path == "/tiny")
        tiny(request, query);
    else if (path == "/upload")
        upload(request);
    else if (path == "/bytes")
        bytes(request, query);
    else if (path == "/idle")
        idle(request);
    else if (path == "/stats")
        stats(request);
    else
        FCGX_PutS("Status: 404 Not Found\r\nContent-Type: text/plain\r\n\r\nnot found\n", request.out);
}

void serve(int listener)
{
    FCGX_Request request;
    if (FCGX_InitRequest(&request, listener, 0) != 0)
        return;
    while (FCGX_Accept_r(&request) == 0) {
        answer(request);
        FCGX_Finish_r(&request);
    }
}

[[noreturn]] void wrong_usage()
{
    std::fputs("usage: libfcgi_peer [--socket PATH] [--threads N]   (without --socket: fd 0)\n", stderr);
    std::exit(2);
}

} // namespace

int main(int argc, char** argv)
{
    const char* path = nullptr;
    unsigned threads = 1;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc)
            wrong_usage();
        if (std::strcmp(argv[i], "--socket") == 0)
            path = argv[i + 1];
        else if (std::strcmp(argv[i], "--threads") == 0)
            threads = static_cast<unsigned>(std::strtoul(argv[i + 1], nullptr, 10));
        else
            wrong_usage();
    }
    if (threads == 0)
        wrong_usage();

    FCGX_Init();
    // After FCGX_Init, which catches both: with threads, its SIGTERM handler would end one of them.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, SIG_DFL);
    const int listener = path != nullptr ? FCGX_OpenSocket(path, backlog) : 0;
    if (listener < 0) {
        std::fprintf(stderr, "libfcgi_peer: cannot listen on %s\n", path);
        return 1;
    }
    std::vector<std::thread> others;
    for (unsigned i = 1; i < threads; ++i)
        others.emplace_back(serve, listener);
    serve(listener);
    for (auto& one : others)
        one.join();
}
