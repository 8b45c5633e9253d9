// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <sys/types.h>

struct sockaddr_storage;

namespace sluice::fcgi {

/// How a listening socket is made.
struct listener_options {
    /// Connections that may wait to be accepted; the kernel's net.core.somaxconn (4096) bounds it.
    int backlog = 4096;

    /// Permissions of a unix socket's file, such as 0660; without, the process's umask decides.
    std::optional<mode_t> mode;

    /// Who owns that file: "user", "user:group" or ":group", by name or number; "" leaves it to the system. Who may write
    /// to the file may connect.
    std::string owner;
};

/// A listening socket: made here, or inherited from the web server.
///
/// Object lifetimes: closes the descriptor when destroyed, and removes the unix socket's file if it made it. An inherited
/// socket stays non-blocking, for all who share it.
class listener {
public:
    /// Listens on `unix:/path` or `tcp:host:port` (`tcp:[::1]:9000` for IPv6; port 0 takes a free one). A unix
    /// socket file that nobody listens on any more is replaced; one that answers is refused.
    /// Errors: throws std::system_error or std::invalid_argument with a text that says what to do.
    static listener open(std::string_view address, const listener_options& options = {});

    /// Takes over an inherited listening socket, unix or TCP, as mod_fcgid, lighttpd and spawn-fcgi pass on fd 0.
    /// Errors: throws std::invalid_argument when `fd` is no listening socket.
    static listener inherit(int fd);

    /// True when `fd` is a listening socket.
    static bool is_listening(int fd) noexcept;

    listener(listener&& other) noexcept;
    listener& operator=(listener&& other) noexcept;
    ~listener();

    int fd() const noexcept { return fd_; }

    /// Stops listening, as the destructor does.
    void close() noexcept;

    /// The next connection that waits, close-on-exec and non-blocking; -1 when there is none (errno says why).
    /// `peer`, when not null, gets its address.
    int accept(sockaddr_storage* peer = nullptr) const noexcept;

    /// Where it listens, in the form `open` takes.
    const std::string& address() const noexcept { return address_; }

private:
    listener(int fd, std::string address) noexcept : fd_(fd), address_(std::move(address)) {}

    int fd_ = -1;
    std::string address_;
    std::string path_to_remove_;
    std::pair<dev_t, ino_t> file_{}; ///< what `path_to_remove_` was when it was made
};

} // namespace sluice::fcgi
