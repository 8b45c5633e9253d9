// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "report.hpp"
#include "socket.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

namespace bench {

namespace {

// Large enough that a system call costs little, small enough to stay in the second-level cache.
constexpr std::size_t read_size = 256 * 1024;

} // namespace

int run_stream(const options& opt)
{
    const std::string request = request_of(opt);
    const std::uint64_t repeats = std::max<std::uint64_t>(opt.count, 1);
    std::vector<char> buffer(read_size);
    std::vector<double> seconds;
    std::vector<std::uint64_t> records;
    error_tally errors;
    const auto got = answer_of(opt);
    std::uint64_t bytes = 0;
    unique_fd fd;

    const double cpu_from = cpu_seconds();
    const std::uint64_t began = now_ns();
    for (std::uint64_t i = 0; i < repeats; ++i) {
        if (!fd || !opt.keep)
            fd = connect_to(opt.connect);
        got->reset();
        const std::uint64_t from = now_ns();
        send_all(fd.get(), request.data(), request.size());
        const char* wrong = read_answer(fd.get(), *got, buffer, [] {});
        const std::uint64_t to = now_ns();
        if (wrong == nullptr)
            wrong = judge(*got, opt);
        if (wrong != nullptr) {
            errors.add(wrong);
            fd.reset();
            continue;
        }
        seconds.push_back(static_cast<double>(to - from) * 1e-9);
        records.push_back(got->stdout_records());
        bytes = got->body_bytes();
    }
    const double elapsed = static_cast<double>(now_ns() - began) * 1e-9;

    const double middle = median(seconds);
    report out;
    out.add("mode", "stream");
    out.add("path", opt.target.path);
    out.add("body_bytes", bytes);
    out.add("median_seconds", middle);
    out.add("gib_per_s", middle > 0 ? static_cast<double>(bytes) / middle / (1024.0 * 1024 * 1024) : 0.0);
    out.add("seconds", seconds);
    out.add("records", records);
    out.add("client_cpu", (cpu_seconds() - cpu_from) / elapsed);
    errors.add_to(out);
    std::puts(out.str().c_str());
    return errors.total() == 0 ? 0 : 1;
}

int run_get(const options& opt)
{
    // The body is printed whole, so this is for small answers such as /stats.
    constexpr std::size_t most = 1024 * 1024;
    const std::string request = request_of(opt);
    const unique_fd fd = connect_to(opt.connect);
    std::vector<char> buffer(read_size);
    const auto got = answer_of(opt);
    got->keep_body(most);
    send_all(fd.get(), request.data(), request.size());
    const char* wrong = read_answer(fd.get(), *got, buffer, [] {});
    if (wrong == nullptr)
        wrong = judge(*got, opt);
    if (wrong != nullptr) {
        std::fprintf(stderr, "fcgi_load: %s: %s\n", opt.target.path.c_str(), wrong);
        return 1;
    }
    std::fwrite(got->body_start().data(), 1, got->body_start().size(), stdout);
    return 0;
}

} // namespace bench
