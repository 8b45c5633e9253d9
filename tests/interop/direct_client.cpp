// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/direct_client.hpp"

#include "interop/probe_client.hpp"
#include "interop/servers/service.hpp"
#include "support/records.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::test {

using std::chrono::steady_clock;

namespace {

constexpr std::size_t kept_of_body = 4096;

std::string& appended(std::string& to, std::string_view& from, std::size_t wanted)
{
    const auto n = std::min(wanted - to.size(), from.size());
    to += from.substr(0, n);
    from.remove_prefix(n);
    return to;
}

unsigned byte_at(const std::string& text, std::size_t at)
{
    return static_cast<unsigned char>(text[at]);
}

// Returns when `fd` is ready, or after a moment.
void wait_a_moment(int fd, short events)
{
    pollfd p{fd, events, 0};
    ::poll(&p, 1, 5);
}

} // namespace

direct_site::direct_site(bool tcp, const std::vector<std::string>& flags)
    : script_site("/cgi-bin"),
      address(tcp ? "tcp:127.0.0.1:" + std::to_string(port.number()) : "unix:" + service_socket(*this))
{
    std::vector<std::string> command = {sluice,    "run",      "--root",    scripts(),
                                        "--mount", "/cgi-bin", "--fastcgi", address};
    command.insert(command.end(), flags.begin(), flags.end());
    start_program(app, {.command = command}, folder / "app.log", [&] {
        return tcp ? accepts_connections(port.number()) : accepts_connections(service_socket(*this));
    });
    // It may listen before it has opened all that it needs.
    direct_client first(address);
    if (!first.send(joined(script_request("hello.cgi", false))) ||
        !first.receive_until([&] { return first.answer.well(); }))
        throw std::runtime_error("sluice run does not answer:\n" + read_file(folder / "app.log"));
    first.receive_until([&] { return first.gone; });
    becomes_true([&] { return script_processes().empty(); }, std::chrono::seconds(20));
}

std::vector<std::string> direct_site::open_descriptors() const
{
    std::vector<std::string> result;
    std::error_code gone; // some are closed while we look
    const auto all = "/proc/" + std::to_string(pid()) + "/fd";
    for (std::filesystem::directory_iterator at(all, gone), end; at != end; at.increment(gone)) {
        const auto what = std::filesystem::read_symlink(at->path(), gone).string();
        if (what == "anon_inode:[eventpoll]")
            continue;
        const bool numbered = what.starts_with("socket:") || what.starts_with("pipe:");
        result.push_back(numbered ? what.substr(0, what.find(':')) : what);
    }
    std::sort(result.begin(), result.end());
    return result;
}

std::vector<std::string> direct_site::left_open_since(const std::vector<std::string>& before) const
{
    std::vector<std::string> more;
    becomes_true(
        [&] {
            const auto now = open_descriptors();
            more.clear();
            std::set_difference(now.begin(), now.end(), before.begin(), before.end(),
                                std::back_inserter(more));
            return more.empty();
        },
        std::chrono::seconds(20));
    return more;
}

std::vector<std::string> script_request(const std::string& script, bool keep, const std::string& query,
                                        const std::string& body)
{
    pairs more = {{"QUERY_STRING", query}};
    if (!body.empty())
        more.emplace_back("CONTENT_LENGTH", std::to_string(body.size()));
    const auto all = variables(body.empty() ? "GET" : "POST", "/cgi-bin/" + script, more);
    std::vector<std::string> result = {begin_request(1, keep), record(4, 1, name_values(all)), // FCGI_PARAMS
                                       params_end(1)};
    constexpr std::size_t piece = 8192;
    for (std::size_t at = 0; at < body.size(); at += piece)
        result.push_back(stdin_data(1, std::string_view(body).substr(at, piece)));
    result.push_back(stdin_end(1));
    return result;
}

std::string joined(const std::vector<std::string>& records)
{
    std::string result;
    for (const auto& each : records)
        result += each;
    return result;
}

// The answer

void direct_answer::feed(std::string_view bytes)
{
    constexpr std::size_t header_size = 8;
    while (!bytes.empty()) {
        if (header_.size() < header_size) {
            if (appended(header_, bytes, header_size).size() < header_size)
                return;
            type_ = byte_at(header_, 1);
            left_ = byte_at(header_, 4) << 8 | byte_at(header_, 5);
            padding_ = byte_at(header_, 6);
            if (byte_at(header_, 0) != 1 || ended || (byte_at(header_, 2) << 8 | byte_at(header_, 3)) != 1)
                throw std::runtime_error("a record of another version or request, or behind the end");
            if (type_ == 6 && left_ == 0) // FCGI_STDOUT
                out_ended_ = true;
            else if (type_ == 6 && out_ended_)
                throw std::runtime_error("STDOUT goes on behind its end");
        }
        const auto here = bytes.substr(0, left_);
        content(here);
        left_ -= here.size();
        bytes.remove_prefix(here.size());
        const auto skipped = left_ > 0 ? 0 : std::min(padding_, bytes.size());
        padding_ -= skipped;
        bytes.remove_prefix(skipped);
        if (left_ + padding_ > 0)
            return;
        header_.clear();
        if (type_ == 3) { // FCGI_END_REQUEST
            if (end_.size() != 8)
                throw std::runtime_error("an END_REQUEST that is not of 8 bytes");
            for (std::size_t i = 0; i < 4; ++i)
                app_status = app_status << 8 | byte_at(end_, i);
            ended = true;
        }
    }
}

void direct_answer::content(std::string_view bytes)
{
    switch (type_) {
    case 3: end_ += bytes; break;
    case 6: out(bytes); break;
    case 7: break; // FCGI_STDERR
    default: fault = true;
    }
}

void direct_answer::out(std::string_view bytes)
{
    if (!head_ended_) {
        head += bytes;
        const auto end = head.find("\r\n\r\n");
        if (end == head.npos)
            return;
        head_ended_ = true;
        const auto rest = head.substr(end + 4);
        head.resize(end + 4);
        return out(rest);
    }
    is_probe_text = is_probe_text && is_probe_content(bytes, body);
    beginning += bytes.substr(0, kept_of_body - std::min(kept_of_body, beginning.size()));
    body += bytes.size();
}

// The connection

direct_client::direct_client(const std::string& address)
{
    sockaddr_storage where{};
    socklen_t size = 0;
    if (address.starts_with("unix:")) {
        auto& a = reinterpret_cast<sockaddr_un&>(where);
        a.sun_family = AF_UNIX;
        address.copy(a.sun_path, sizeof a.sun_path - 1, 5);
        size = sizeof a;
    } else {
        auto& a = reinterpret_cast<sockaddr_in&>(where);
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        a.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
        size = sizeof a;
    }
    fd_ = ::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&where), size) != 0) {
        const int why = errno;
        close();
        throw std::system_error(why, std::generic_category(), "connect " + address);
    }
}

direct_client::direct_client(direct_client&& other) noexcept
    : answer(std::move(other.answer)), gone(other.gone), fd_(std::exchange(other.fd_, -1))
{}

direct_client& direct_client::operator=(direct_client&& other) noexcept
{
    std::swap(answer, other.answer);
    std::swap(gone, other.gone);
    std::swap(fd_, other.fd_);
    return *this;
}

std::size_t direct_client::try_send(std::string_view bytes)
{
    const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        gone = true;
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

std::size_t direct_client::try_receive(std::size_t most)
{
    static std::array<char, 64 * 1024> buffer;
    const auto n = ::recv(fd_, buffer.data(), std::min(most, buffer.size()), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        gone = true;
    if (n <= 0)
        return 0;
    answer.feed({buffer.data(), static_cast<std::size_t>(n)});
    return static_cast<std::size_t>(n);
}

void direct_client::close()
{
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
}

void direct_client::reset()
{
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

bool direct_client::send(std::string_view bytes, std::chrono::milliseconds patience)
{
    const auto deadline = steady_clock::now() + patience;
    for (;;) {
        bytes.remove_prefix(try_send(bytes));
        if (bytes.empty())
            return true;
        if (gone || steady_clock::now() > deadline)
            return false;
        wait_a_moment(fd_, POLLOUT);
    }
}

bool direct_client::receive_until(const std::function<bool()>& done, std::chrono::milliseconds patience)
{
    const auto deadline = steady_clock::now() + patience;
    while (!done()) {
        if (gone || steady_clock::now() > deadline)
            return false;
        if (try_receive(64 * 1024) == 0 && !gone)
            wait_a_moment(fd_, POLLIN);
    }
    return true;
}

} // namespace sluice::test
