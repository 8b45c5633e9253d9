// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace bench {

namespace {

constexpr const char* usage_text =
    R"(usage: fcgi_load MODE --connect [http:]unix:PATH|tcp:HOST:PORT --path URL [--script FILE] [options]

  requests   ask again and again; requests/s and latencies
  stream     ask --count times for one long answer; GiB/s and records
  first      ask --count times; ms until the first piece of the body, and until the end
  multiplexed  as requests, --in-flight of them at once on one connection
  upload     POST --upload-bytes and check the crc32 that is answered
  slow       --connections readers of --rate bytes/s each, for --seconds
  leave      leave in mid-answer; ms until the app knows, by its /stats
  get        ask once and print the body

  --connections N    --closed (a new connection each)    --busy (spin, do not sleep)
  --seconds S        --warmup S    --count N    --deadline S
  --finish (requests: then wait for those under way, and count them)
  --expect-status N  --expect-bytes N  --expect-body TEXT
  --upload-bytes N   --record N (content of a STDIN record)
  --in-flight N      --state busy|stalled|idle    --how close|half-close|reset|abort
  --rate BYTES       --drain (read the rest at full speed afterwards)

With http: it speaks HTTP/1.1 (requests, stream, first and get; --closed).

Prints one JSON object. Status 0: all answers right; 1: some were wrong; 2: usage; 3: too late.
)";

constexpr std::string_view http_scheme = "http:";

[[noreturn]] void wrong_usage(std::string_view what)
{
    std::fprintf(stderr, "fcgi_load: %.*s (see --help)\n", static_cast<int>(what.size()), what.data());
    std::exit(2);
}

template <class Number>
Number number(std::string_view name, std::string_view text)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < Number{})
        wrong_usage(std::string{name} + " wants a number, got '" + std::string{text} + "'");
    return value;
}

bool is_mode(std::string_view text)
{
    return text == "requests" || text == "stream" || text == "upload" || text == "slow" ||
           text == "multiplexed" || text == "leave" || text == "first" || text == "get";
}

void set_value(options& out, std::string_view name, std::string_view value)
{
    if (name == "--connect") {
        out.http = value.starts_with(http_scheme);
        out.connect = value.substr(out.http ? http_scheme.size() : 0);
    } else if (name == "--path")
        out.target.path = value;
    else if (name == "--script")
        out.target.script = value;
    else if (name == "--connections")
        out.connections = number<unsigned>(name, value);
    else if (name == "--seconds")
        out.seconds = number<double>(name, value);
    else if (name == "--warmup")
        out.warmup = number<double>(name, value);
    else if (name == "--count")
        out.count = number<std::uint64_t>(name, value);
    else if (name == "--deadline")
        out.deadline = number<unsigned>(name, value);
    else if (name == "--expect-status")
        out.expect_status = number<int>(name, value);
    else if (name == "--expect-bytes")
        out.expect_bytes = number<std::uint64_t>(name, value);
    else if (name == "--expect-body")
        out.expect_body = value;
    else if (name == "--upload-bytes")
        out.upload_bytes = number<std::uint64_t>(name, value);
    else if (name == "--record")
        out.record = number<std::size_t>(name, value);
    else if (name == "--in-flight")
        out.in_flight = number<unsigned>(name, value);
    else if (name == "--state")
        out.state = value;
    else if (name == "--how")
        out.how = value;
    else if (name == "--rate")
        out.rate = number<double>(name, value);
    else
        wrong_usage("unknown option " + std::string{name});
}

} // namespace

options parse_options(int argc, char** argv)
{
    options out;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help") {
            std::fputs(usage_text, stdout);
            std::exit(0);
        }
        if (i == 1 && is_mode(name))
            out.mode = name;
        else if (name == "--closed")
            out.keep = false;
        else if (name == "--busy")
            out.busy = true;
        else if (name == "--drain")
            out.drain = true;
        else if (name == "--finish")
            out.finish = true;
        else if (i + 1 < argc)
            set_value(out, name, argv[++i]);
        else
            wrong_usage(std::string{name} + " wants a value or is unknown");
    }
    if (out.mode.empty())
        wrong_usage("first argument: requests, multiplexed, stream, first, upload, slow, leave or get");
    if (out.connect.empty())
        wrong_usage("--connect is missing");
    if (out.http && (out.keep || (out.mode != "requests" && out.mode != "stream" && out.mode != "first" &&
                                  out.mode != "get")))
        wrong_usage("http: is for requests, stream, first and get, with --closed");
    if (!out.target.script.empty() && !out.target.script.starts_with('/'))
        wrong_usage("--script wants a path from the root on");
    if (out.connections == 0)
        wrong_usage("--connections must be at least 1");
    if (out.record == 0 || out.record > 0xFFFF)
        wrong_usage("--record must be 1 to 65535");
    if (out.in_flight == 0 || out.in_flight > 0xFFFF)
        wrong_usage("--in-flight must be 1 to 65535");
    if (out.state != "busy" && out.state != "stalled" && out.state != "idle")
        wrong_usage("--state is busy, stalled or idle");
    if (out.how != "close" && out.how != "half-close" && out.how != "reset" && out.how != "abort")
        wrong_usage("--how is close, half-close, reset or abort");
    if (out.mode == "slow" && out.rate <= 0)
        wrong_usage("slow wants --rate BYTES");
    return out;
}

} // namespace bench
