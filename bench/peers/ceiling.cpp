// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a server could do at most: a bare epoll loop that knows no FastCGI but the two requests it
// is asked, and answers with bytes made beforehand. /hello, kept or closed; /stream?bytes=N as
// records of 64 KiB with header, --records of them in one writev.

#include "../load/socket.hpp"
#include "../load/wire.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace {

using bench::unique_fd;
using bench::wire::append_record;
using bench::wire::record_type;

constexpr std::size_t most_fds = 4096;
constexpr std::size_t record_content = 65536 - bench::wire::header_size;

std::string end_of_answer()
{
    std::string out;
    append_record(out, record_type::stdout_data, {});
    append_record(out, record_type::end_request, std::string(8, '\0'));
    return out;
}

struct canned {
    std::string hello;
    std::string stream_head;
    std::string record;
    std::string end = end_of_answer();

    canned()
    {
        append_record(hello, record_type::stdout_data,
                      "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!");
        hello += end;
        append_record(stream_head, record_type::stdout_data,
                      "Content-Type: application/octet-stream\r\n\r\n");
        append_record(record, record_type::stdout_data, std::string(record_content, 'x'));
    }
};

struct client {
    unique_fd fd;
    bool streaming = false;
    bool keep = false;
    std::size_t records_left = 0;
    std::size_t offset = 0; // into the record that was sent in part
    std::string tail;       // the last, shorter record and the end
    std::size_t tail_sent = 0;
};

class server {
public:
    server(unique_fd listener, int records)
        : listener_{std::move(listener)}, epoll_{::epoll_create1(EPOLL_CLOEXEC)}, records_{records}
    {
        watch(listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
    }

    [[noreturn]] void run();

private:
    void watch(int fd, std::uint32_t events, int operation);
    void accept_all();
    void on_request(client& one);
    void start_stream(client& one, std::string_view request);
    void send_stream(client& one);
    bool send_records(client& one);
    static void drop(client& one) { one = client{}; }

    unique_fd listener_;
    unique_fd epoll_;
    int records_;
    canned canned_;
    std::vector<client> clients_ = std::vector<client>(most_fds); // by fd
    std::array<char, 16384> buffer_{};
};

void server::watch(int fd, std::uint32_t events, int operation)
{
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), operation, fd, &event);
}

void server::accept_all()
{
    for (;;) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (static_cast<std::size_t>(fd) >= most_fds) {
            ::close(fd);
            continue;
        }
        clients_[static_cast<std::size_t>(fd)].fd = unique_fd{fd};
        watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
}

void server::on_request(client& one)
{
    const ssize_t n = ::read(one.fd.get(), buffer_.data(), buffer_.size());
    if (n < 0 && errno == EAGAIN)
        return;
    // One request arrives in one piece from our load client; anything else is not served.
    const std::string_view request{buffer_.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
    constexpr std::size_t begin_request = 16;
    if (request.size() < begin_request + 8 || request[request.size() - 7] != 5)
        return drop(one);
    one.keep = (request[10] & 1) != 0;
    if (request.find("/stream?bytes=") != std::string_view::npos)
        return start_stream(one, request);
    const auto& hello = canned_.hello;
    if (::send(one.fd.get(), hello.data(), hello.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(hello.size()) ||
        !one.keep)
        drop(one);
}

void server::start_stream(client& one, std::string_view request)
{
    constexpr std::string_view name = "bytes=";
    const auto at = request.find(name) + name.size();
    const std::uint64_t bytes =
        std::strtoull(std::string{request.substr(at, 20)}.c_str(), nullptr, 10);
    one.records_left = static_cast<std::size_t>(bytes / record_content);
    one.offset = one.tail_sent = 0;
    one.tail.clear();
    if (bytes % record_content != 0)
        append_record(one.tail, record_type::stdout_data,
                      std::string(static_cast<std::size_t>(bytes % record_content), 'x'));
    one.tail += canned_.end;
    one.streaming = true;
    const auto& head = canned_.stream_head;
    if (::send(one.fd.get(), head.data(), head.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(head.size()))
        return drop(one);
    watch(one.fd.get(), EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

// Until the socket is full: epoll calls a unix socket writable only when three quarters of its
// buffer are free again, so a write for each wake-up would leave it empty most of the time.
void server::send_stream(client& one)
{
    constexpr int most_writes = 64; // then the other clients have their turn
    for (int i = 0; i < most_writes && one.streaming; ++i)
        if (!send_records(one))
            return;
}

// False when the socket takes no more for now, or the client is gone.
bool server::send_records(client& one)
{
    std::array<iovec, 16> parts;
    std::size_t count = 0;
    const std::size_t wanted = std::min(one.records_left, static_cast<std::size_t>(records_));
    for (; count < wanted; ++count)
        parts[count] = {canned_.record.data(), canned_.record.size()};
    if (count > 0) {
        parts[0] = {canned_.record.data() + one.offset, canned_.record.size() - one.offset};
    } else {
        parts[count++] = {one.tail.data() + one.tail_sent, one.tail.size() - one.tail_sent};
    }
    const ssize_t n = ::writev(one.fd.get(), parts.data(), static_cast<int>(count));
    if (n < 0) {
        if (errno != EAGAIN)
            drop(one);
        return false;
    }
    if (wanted > 0) {
        const std::size_t sent = one.offset + static_cast<std::size_t>(n);
        one.records_left -= sent / canned_.record.size();
        one.offset = sent % canned_.record.size();
        return true;
    }
    one.tail_sent += static_cast<std::size_t>(n);
    if (one.tail_sent < one.tail.size())
        return true;
    one.streaming = false;
    if (one.keep)
        watch(one.fd.get(), EPOLLIN, EPOLL_CTL_MOD);
    else
        drop(one);
    return false;
}

void server::run()
{
    std::array<epoll_event, 256> events{};
    for (;;) {
        const int n =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < n; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener_.get()) {
                accept_all();
            } else if (auto& one = clients_[static_cast<std::size_t>(fd)]; one.fd) {
                if (one.streaming)
                    send_stream(one);
                else
                    on_request(one);
            }
        }
    }
}

unique_fd listen_on(const char* path)
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(path) >= sizeof address.sun_path)
        return unique_fd{};
    std::strcpy(address.sun_path, path);
    unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), 4096) != 0)
        return unique_fd{};
    return fd;
}

} // namespace

int main(int argc, char** argv)
{
    const char* path = nullptr;
    int records = 16;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (std::strcmp(argv[i], "--socket") == 0)
            path = argv[i + 1];
        else if (std::strcmp(argv[i], "--records") == 0)
            records = std::atoi(argv[i + 1]);
    }
    if (path == nullptr || records < 1 || records > 16) {
        std::fputs("usage: ceiling --socket PATH [--records 1..16]\n", stderr);
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    unique_fd listener = listen_on(path);
    if (!listener) {
        std::perror("ceiling: cannot listen");
        return 1;
    }
    server{std::move(listener), records}.run();
}
