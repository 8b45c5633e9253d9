// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "bench_report.hpp"

#include <fmt/core.h>

#include <charconv>

#include <strings.h>

namespace sluice::command {

namespace {

double a_second(const bench_figures& f, std::uint64_t count)
{
    return f.seconds > 0 ? static_cast<double>(count) / f.seconds : 0;
}

double microseconds(std::chrono::nanoseconds t)
{
    return static_cast<double>(t.count()) / 1000;
}

std::string quoted(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    return out + '"';
}

} // namespace

std::string progress_line(const bench_figures& f)
{
    return fmt::format("{:.0f} s: {} answers, {:.0f} a second, {} failed", f.seconds, f.answers,
                       a_second(f, f.answers), f.failed);
}

std::string report(const bench_figures& f)
{
    const auto ms = [&](double share) { return microseconds(f.times.percentile(share)) / 1000; };
    std::string text =
        fmt::format("{}\n{} answers in {:.2f} s: {:.1f} a second, {:.2f} MiB/s\n", f.what, f.answers,
                    f.seconds, a_second(f, f.answers), a_second(f, f.bytes) / (1 << 20));
    if (f.not_2xx > 0)
        text += fmt::format("{} of them with a Status other than 2xx\n", f.not_2xx);
    text += fmt::format("latency in ms: 50 % {:.3f}, 90 % {:.3f}, 99 % {:.3f}, 99.9 % {:.3f}, most {:.3f}\n",
                        ms(.5), ms(.9), ms(.99), ms(.999), microseconds(f.times.most()) / 1000);
    if (f.unfinished > 0)
        text += fmt::format("{} unfinished when the time was over\n", f.unfinished);
    if (f.failed > 0)
        text += fmt::format("{} failed, the first: {}\n", f.failed, f.first_failure);
    return text;
}

std::string json_report(const bench_figures& f)
{
    const auto us = [&](double share) { return microseconds(f.times.percentile(share)); };
    return fmt::format(
        R"({{"what":{},"seconds":{:.3f},"answers":{},"answers_per_second":{:.1f},"bytes":{},)"
        R"("not_2xx":{},"failed":{},"unfinished":{},"first_failure":{},)"
        R"("latency_us":{{"p50":{:.1f},"p90":{:.1f},"p99":{:.1f},"p99_9":{:.1f},"max":{:.1f}}}}})"
        "\n",
        quoted(f.what), f.seconds, f.answers, a_second(f, f.answers), f.bytes, f.not_2xx, f.failed,
        f.unfinished, quoted(f.first_failure), us(.5), us(.9), us(.99), us(.999),
        microseconds(f.times.most()));
}

int status_of(std::string_view head)
{
    constexpr std::string_view name = "status:";
    while (!head.empty()) {
        const auto line = head.substr(0, head.find('\n'));
        head.remove_prefix(std::min(head.size(), line.size() + 1));
        if (line.empty() || line == "\r")
            break;
        if (line.size() < name.size() || ::strncasecmp(line.data(), name.data(), name.size()) != 0)
            continue;
        const auto digits = line.substr(std::min(line.find_first_not_of(' ', name.size()), line.size()));
        int status = 200;
        std::from_chars(digits.data(), digits.data() + digits.size(), status);
        return status;
    }
    return 200;
}

} // namespace sluice::command
