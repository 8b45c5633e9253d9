// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <span>

struct FCGX_Request;

namespace sluice::libfcgi {

/// The input of a request, STDIN and after it a filter's DATA, as libfcgi's reader gives it, but without waiting
/// for it.
class input {
public:
    enum class state {
        bytes,   ///< there are some
        nothing, ///< for now: to be looked at again when the connection can be read
        end,     ///< of this stream
        broken,  ///< the connection's end, or a record that has no place here
    };

    explicit input(FCGX_Request& r) noexcept : request_(r) {}

    /// May wait nevertheless when a web server stops in the middle of a record's header, as long as the socket's
    /// time limit lets it.
    state look();

    /// What there is; valid until the next call of another function. Precondition: look() said `bytes`.
    std::span<const std::byte> bytes() const noexcept;

    /// Precondition: n <= bytes().size().
    void consume(std::size_t n) noexcept;

    /// Goes on to a filter's data; false when there is none. Precondition: look() said `end`.
    bool start_data() noexcept;

    /// After `broken`: the peer only stopped sending. A unix socket tells that from one that is gone; what else may
    /// have come, FCGI_ABORT_REQUEST first of all, is the end of the request too.
    bool peer_reads_on() const noexcept;

    /// After `end`: FCGI_ABORT_REQUEST is what comes next.
    bool abort_has_come() const noexcept;

private:
    bool can_read() const noexcept;

    FCGX_Request& request_;
};

} // namespace sluice::libfcgi
