// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/script_site.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

/// `sluice run` with no web server in front: the test speaks FastCGI with it.
struct direct_site : script_site {
    /// On a unix socket or by TCP, with `flags` on top of what it needs.
    explicit direct_site(bool tcp, const std::vector<std::string>& flags = {});

    std::string address; ///< unix:/path or tcp:127.0.0.1:port

    pid_t pid() const { return app->pid(); }
    /// What each of its open descriptors is, sorted; sockets and pipes without their numbers, and no epoll set: one
    /// more is made when it is first needed.
    std::vector<std::string> open_descriptors() const;

    /// What is open that was not `before`, when it has had time to be closed.
    std::vector<std::string> left_open_since(const std::vector<std::string>& before) const;
};

/// The records that ask for a script, each by itself. A request with a body announces its length.
std::vector<std::string> script_request(const std::string& script, bool keep, const std::string& query = "",
                                        const std::string& body = "");
std::string joined(const std::vector<std::string>& records);

/// The answer to request 1, read as it comes. Of its body only the beginning is kept.
class direct_answer {
public:
    /// Throws std::runtime_error when it breaks the protocol.
    void feed(std::string_view bytes);

    /// As the specification wants it, and with status 0.
    bool well() const noexcept { return ended && out_ended_ && app_status == 0 && !fault; }

    std::string head;          ///< with the empty line; with more behind it while `body` is 0
    std::string beginning;     ///< of the body
    std::uint64_t body = 0;    ///< bytes
    bool is_probe_text = true; ///< all of them are those of the probe's /bytes
    bool ended = false;        ///< by END_REQUEST
    std::uint32_t app_status = 0;
    bool fault = false; ///< the record of unknown type that fails a response

private:
    void content(std::string_view bytes);
    void out(std::string_view bytes);

    std::string header_;
    std::string end_;
    unsigned type_ = 0;
    std::size_t left_ = 0;
    std::size_t padding_ = 0;
    bool head_ended_ = false;
    bool out_ended_ = false;
};

/// A web server's end of a connection, one request at a time on it.
class direct_client {
public:
    /// Throws std::system_error.
    explicit direct_client(const std::string& address);
    direct_client(direct_client&& other) noexcept;
    direct_client& operator=(direct_client&& other) noexcept;
    ~direct_client() { close(); }

    int fd() const noexcept { return fd_; }

    // Without waiting.

    std::size_t try_send(std::string_view bytes); ///< says how much of it the kernel took
    std::size_t try_receive(std::size_t most);    ///< says how much came; `answer` has it
    void close();
    void reset(); ///< TCP: the other side gets a reset; a unix socket just closes

    // Waiting, at most `patience`; each says whether it came to pass.

    bool send(std::string_view bytes, std::chrono::milliseconds patience = std::chrono::seconds(20));
    bool receive_until(const std::function<bool()>& done,
                       std::chrono::milliseconds patience = std::chrono::seconds(20));

    direct_answer answer;
    bool gone = false; ///< the other side has closed

private:
    int fd_ = -1;
};

} // namespace sluice::test
