// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "output.hpp"

#include <sluice/fcgi/fault.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcgiapp.h>
#include <poll.h>
#include <sys/socket.h>

namespace sluice::libfcgi {

bool output::has_room() const noexcept
{
    pollfd p{request_.ipcFd, POLLOUT, 0};
    return ::poll(&p, 1, 0) != 0;
}

std::size_t output::put(std::span<const std::span<const std::byte>> slices) noexcept
{
    FCGX_Stream* const out = request_.out;
    std::size_t all = 0;
    for (const auto& slice : slices) {
        const auto n = std::min(slice.size(), static_cast<std::size_t>(out->stop - out->wrNext));
        FCGX_PutStr(reinterpret_cast<const char*>(slice.data()), static_cast<int>(n), out);
        all += n;
    }
    return all;
}

bool output::flush() noexcept
{
    return FCGX_FFlush(request_.out) == 0;
}

void output::put_error_text(std::string_view text) noexcept
{
    FCGX_PutStr(text.data(), static_cast<int>(text.size()), request_.err);
}

void output::flush_errors() noexcept
{
    FCGX_FFlush(request_.err);
}

bool output::end() noexcept
{
    // With the end of the last stream libfcgi sends END_REQUEST, behind what is still in that one's buffer.
    const bool errors_out = FCGX_FClose(request_.err) == 0;
    return FCGX_FClose(request_.out) == 0 && errors_out;
}

void output::send_fault() noexcept
{
    std::array<std::byte, fcgi::header_size> fault;
    fcgi::encode_header({fcgi::fault_type, static_cast<std::uint16_t>(request_.requestId), 0, 0},
                        fault.data());
    ::send(request_.ipcFd, fault.data(), fault.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

void output::shut_down() noexcept
{
    ::shutdown(request_.ipcFd, SHUT_WR);
}

bool output::broken() const noexcept
{
    return FCGX_GetError(request_.out) != 0;
}

bool output::timed_out() const noexcept
{
    return FCGX_GetError(request_.out) == EAGAIN;
}

} // namespace sluice::libfcgi
