// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/http_response.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// What a run of curl gave.
struct curl_result {
    int exit_code = -1; ///< 0: a good transfer; see EXIT CODES in curl(1); -1: killed
    http_response response;
    std::uint64_t received = 0; ///< bytes of the body
    double first_byte = 0;      ///< seconds from the start to the first byte of the response
    double total = 0;           ///< seconds
    std::string errors;         ///< what curl said on stderr

    /// The transfer came to its end as HTTP sees it.
    bool complete() const noexcept { return exit_code == 0; }
};

/// Runs `curl ARGUMENTS… URL` to its end: HTTP/1.1, no proxy, no ~/.curlrc. A run that is longer
/// than `patience` is stopped by curl itself: exit code 28.
curl_result curl(const std::string& url, const std::vector<std::string>& arguments = {},
                 std::chrono::milliseconds patience = std::chrono::seconds(30));

/// A run of curl whose body the test reads as it arrives; what the test does not read stays in
/// the pipe, and soon in the server. The destructor kills a curl that is still running.
class curl_stream {
public:
    explicit curl_stream(const std::string& url, const std::vector<std::string>& arguments = {},
                         std::chrono::milliseconds patience = std::chrono::minutes(5));
    ~curl_stream();
    curl_stream(const curl_stream&) = delete;
    curl_stream& operator=(const curl_stream&) = delete;

    /// At least one byte, or 0 at the end of the body.
    /// Throws std::runtime_error when nothing comes within `patience`.
    std::size_t read_some(std::span<char> into, std::chrono::milliseconds patience);

    /// The next line without its end, or what is left at the end of the body. Throws as above.
    std::string read_line(std::chrono::milliseconds patience);

    /// Kills curl: the client that hangs up in mid-body.
    void leave();

    /// Waits for curl's end; call it when the body has been read.
    curl_result finish(std::chrono::milliseconds patience = std::chrono::seconds(10));

    /// curl's pid.
    pid_t pid() const noexcept { return curl_.pid(); }

private:
    temp_dir folder_;
    int pipe_[2];
    process curl_;
    std::string buffered_;
    std::uint64_t received_ = 0;
};

} // namespace sluice::test
