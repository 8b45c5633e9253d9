// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/curl.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace sluice::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

process_options command(const temp_dir& folder, const std::string& url,
                        const std::vector<std::string>& arguments, milliseconds patience)
{
    static const std::string program = find_program("curl", "curl").string();
    const auto seconds = std::chrono::duration<double>(patience).count();
    process_options options;
    // -q, first, keeps ~/.curlrc out; --path-as-is leaves the dots and slashes of a URL alone.
    options.command = {program,
                       "-q",
                       "--silent",
                       "--show-error",
                       "--http1.1",
                       "--noproxy",
                       "*",
                       "--globoff",
                       "--path-as-is",
                       "--max-time",
                       std::to_string(seconds),
                       "--dump-header",
                       folder / "head",
                       "--write-out",
                       "%{stderr}timings %{time_starttransfer} %{time_total} %{size_download}\n"};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.command.push_back(url);
    options.stderr_file = folder / "errors";
    return options;
}

curl_result collect(const temp_dir& folder, const exit_status& status)
{
    curl_result result;
    result.exit_code = status.signal == 0 ? status.code : -1;
    result.response = parse_response_head(read_file(folder / "head"));
    result.errors = read_file(folder / "errors");
    const std::size_t timings = result.errors.rfind("timings ");
    if (timings != std::string::npos) {
        unsigned long long received = 0;
        std::sscanf(result.errors.c_str() + timings, "timings %lf %lf %llu", &result.first_byte,
                    &result.total, &received);
        result.received = received;
        result.errors.erase(timings, result.errors.find('\n', timings) + 1 - timings);
    }
    return result;
}

exit_status wait_for_end(process& curl, milliseconds patience, const std::string& url)
{
    const auto status = curl.wait_for(patience);
    if (!status)
        throw std::runtime_error("curl " + url + " does not end");
    return *status;
}

} // namespace

curl_result curl(const std::string& url, const std::vector<std::string>& arguments, milliseconds patience)
{
    const temp_dir folder;
    process_options options = command(folder, url, arguments, patience);
    options.command.insert(options.command.end() - 1, {"--output", folder / "body"});
    process run(options);
    const exit_status status = wait_for_end(run, patience + std::chrono::seconds(5), url);
    curl_result result = collect(folder, status);
    result.response.body = read_file(folder / "body");
    return result;
}

namespace {

process_options streaming_command(const temp_dir& folder, int (&pipe)[2], const std::string& url,
                                  const std::vector<std::string>& arguments, milliseconds patience)
{
    if (::pipe2(pipe, O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    process_options options = command(folder, url, arguments, patience);
    options.command.insert(options.command.end() - 1, "--no-buffer");
    options.stdout_fd = pipe[1];
    return options;
}

} // namespace

curl_stream::curl_stream(const std::string& url, const std::vector<std::string>& arguments,
                         milliseconds patience)
    : curl_(streaming_command(folder_, pipe_, url, arguments, patience))
{
    ::close(pipe_[1]);
}

curl_stream::~curl_stream()
{
    ::close(pipe_[0]);
}

std::size_t curl_stream::read_some(std::span<char> into, milliseconds patience)
{
    if (!buffered_.empty()) {
        const std::size_t count = buffered_.copy(into.data(), into.size());
        buffered_.erase(0, count);
        return count;
    }
    pollfd watched{pipe_[0], POLLIN, 0};
    int ready = 0;
    do {
        ready = ::poll(&watched, 1, static_cast<int>(patience.count()));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0)
        throw std::runtime_error("nothing to read within " + std::to_string(patience.count()) +
                                 " ms, after " + std::to_string(received_) + " bytes");
    const ssize_t count = ::read(pipe_[0], into.data(), into.size());
    if (count < 0)
        throw std::system_error(errno, std::generic_category(), "read from curl");
    received_ += static_cast<std::size_t>(count);
    return static_cast<std::size_t>(count);
}

std::string curl_stream::read_line(milliseconds patience)
{
    const auto deadline = steady_clock::now() + patience;
    std::string line;
    std::swap(line, buffered_);
    for (;;) {
        if (const std::size_t end = line.find('\n'); end != std::string::npos) {
            buffered_ = line.substr(end + 1);
            line.erase(end);
            return line;
        }
        char piece[4096];
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
        const std::size_t count = read_some(piece, std::max(left, milliseconds(0)));
        if (count == 0)
            return line;
        line.append(piece, count);
    }
}

void curl_stream::leave()
{
    curl_.kill();
}

curl_result curl_stream::finish(milliseconds patience)
{
    return collect(folder_, wait_for_end(curl_, patience, "(streaming)"));
}

} // namespace sluice::test
