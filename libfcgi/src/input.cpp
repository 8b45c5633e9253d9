// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "input.hpp"

#include <sluice/fcgi/record.hpp>

#include <array>
#include <cstring>

#include <fastcgi.h>
#include <fcgiapp.h>
#include <poll.h>
#include <sys/socket.h>

namespace sluice::libfcgi {

namespace {

// libfcgi reads 8 KiB at once and keeps what it has not handed out; only its own, private state says whether there
// is something. This is the beginning of that state, the same in every 2.x. It is believed when all of it fits
// together.
struct reader_state {
    unsigned char* buffer;
    int buffer_size;
    unsigned char* allocated;
    unsigned char* buffer_end; // of what was read
    int type;
    int stops_at_record_end;
    int skips;
    int content_left; // of the record that is being read
    int padding_left;
    int written;
    int raw;
    FCGX_Request* request;
};

// The whole header of the record to come, or some content, is there already; or that cannot be told.
bool has_buffered(const FCGX_Request& r) noexcept
{
    reader_state s;
    std::memcpy(&s, r.in->data, sizeof s);
    const auto* const next = r.in->rdNext;
    const bool known = s.request == &r && (s.type == FCGI_STDIN || s.type == FCGI_DATA) &&
                       s.buffer_size > 0 && s.buffer >= s.allocated && s.buffer - s.allocated <= 8 &&
                       next >= s.buffer && next <= s.buffer_end && s.buffer_end <= s.buffer + s.buffer_size;
    if (!known)
        return true;
    const auto there = s.buffer_end - next;
    return s.content_left > 0 ? there > 0 : there >= s.padding_left + FCGI_HEADER_LEN;
}

} // namespace

bool input::can_read() const noexcept
{
    pollfd p{request_.ipcFd, POLLIN, 0};
    return has_buffered(request_) || ::poll(&p, 1, 0) != 0;
}

input::state input::look()
{
    FCGX_Stream* const in = request_.in;
    if (in->rdNext != in->stop)
        return state::bytes;
    if (FCGX_HasSeenEOF(in) == 0) {
        if (!can_read())
            return state::nothing;
        // One byte fetches all that the next read of the connection gives.
        if (const int c = FCGX_GetChar(in); c != EOF) {
            FCGX_UnGetChar(c, in);
            return state::bytes;
        }
    }
    return FCGX_GetError(in) == 0 ? state::end : state::broken;
}

std::span<const std::byte> input::bytes() const noexcept
{
    const FCGX_Stream* const in = request_.in;
    return std::as_bytes(std::span(in->rdNext, in->stop));
}

void input::consume(std::size_t n) noexcept
{
    request_.in->rdNext += n;
}

bool input::start_data() noexcept
{
    return FCGX_StartFilterData(request_.in) == 0;
}

bool input::peer_reads_on() const noexcept
{
    char byte;
    int domain = 0;
    socklen_t size = sizeof domain;
    pollfd p{request_.ipcFd, 0, 0};
    return ::recv(request_.ipcFd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 &&
           ::getsockopt(request_.ipcFd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
           ::poll(&p, 1, 0) == 0;
}

bool input::abort_has_come() const noexcept
{
    std::array<std::byte, fcgi::header_size> header;
    fcgi::record_header h;
    const auto n = ::recv(request_.ipcFd, header.data(), header.size(), MSG_PEEK | MSG_DONTWAIT);
    return n == static_cast<ssize_t>(header.size()) && !fcgi::decode_header(header, h) &&
           h.type == fcgi::record_type::abort_request && h.id == request_.requestId;
}

} // namespace sluice::libfcgi
