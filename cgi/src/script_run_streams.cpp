// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The three coroutines that move a program's bytes.
#include "script_body.hpp"
#include "script_errors.hpp"
#include "script_run.hpp"

#include <sluice/log.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include <unistd.h>

namespace sluice::cgi {

namespace {

using namespace std::chrono_literals;

constexpr auto as_tuple = boost::asio::as_tuple(boost::asio::deferred);

constexpr std::size_t head_piece = 4096;
constexpr std::size_t body_piece = 16 * 1024;
constexpr std::size_t error_piece = 1024;
constexpr int most_last_words = 64; // times `error_piece`: what a pipe holds

// Between the end of its output and its own, for a program that just ends: what it ends with says whether the output was
// whole.
constexpr auto exit_patience = 1s;

bool would_block(int code) noexcept
{
    return code == EAGAIN || code == EWOULDBLOCK;
}

} // namespace

// Input

task<void> script_run::feed()
{
    if (ended_)
        co_return;
    const auto process = process_; // another one may follow, without input
    auto body = req_->body();
    std::vector<char> buffer(std::min<std::uint64_t>(body.length().value_or(body_piece), body_piece));
    error_code fault;
    const auto moved = [this](const error_code& ec, std::size_t) {
        input_moved_ = std::chrono::steady_clock::now();
        return ec ? 0 : body_piece; // more is to be written
    };
    for (;;) {
        const auto [ec, n] = co_await body.async_read(boost::asio::buffer(buffer), as_tuple);
        moved({}, n);
        fault = ec;
        if (ec || n == 0)
            break;
        const auto [closed, written] =
            co_await boost::asio::async_write(process->in, boost::asio::buffer(buffer, n), moved, as_tuple);
        if (closed)
            break; // it does not want the rest, which is its right
    }
    if (ended_ || process != process_)
        co_return;
    input_ = fault ? input::cut : input::over;
    news_.cancel();
    if (fault) {
        // Who has closed its output has answered, whatever else was to come.
        if (process->out.is_open() && fault != errc::client_gone)
            give_up(fault == errc::body_too_large ? 413 : 400, "the request's body: " + fault.message());
        co_return;
    }
    error_code ignored;
    process->in.close(ignored);
    if (holding_)
        process->out.cancel(ignored);
}

// Output

// A program that waits for a slow client's body is not the one that is slow.
std::chrono::steady_clock::time_point script_run::end_of(patience p) const
{
    return std::max(p.since, input_moved_) + p.limit;
}

patience script_run::for_an_answer() const
{
    return {begun_, shared_->options.timeout};
}

// Waits until there is something to read, the end too. False when the time was over, or the response.
task<bool> script_run::readable(patience p)
{
    timed_out_ = false;
    ++watch_;
    if (p.limit > 0s)
        limit_wait(p);
    const auto [ec] =
        co_await process_->out.async_wait(boost::asio::posix::descriptor_base::wait_read, as_tuple);
    ++watch_;
    timer_.cancel();
    co_return !ec && !ended_;
}

void script_run::limit_wait(patience p)
{
    timer_.expires_at(end_of(p));
    timer_.async_wait([self = shared_from_this(), p, watch = watch_](const error_code& ec) {
        if (ec || watch != self->watch_)
            return;
        if (std::chrono::steady_clock::now() < self->end_of(p))
            return self->limit_wait(p); // the input has moved
        self->timed_out_ = true;
        error_code ignored;
        self->process_->out.cancel(ignored);
    });
}

task<std::optional<std::size_t>> script_run::read_out(boost::asio::mutable_buffer to, patience p)
{
    while (co_await readable(p)) {
        const auto n = ::read(process_->out.native_handle(), to.data(), to.size());
        if (n >= 0)
            co_return static_cast<std::size_t>(n);
        if (errno != EINTR && !would_block(errno))
            break;
    }
    co_return std::nullopt;
}

task<void> script_run::answer()
{
    if (ended_)
        co_return;
    script_head_parser parser(req_->limits(),
                              script_.nph ? script_head_parser::mode::nph : script_head_parser::mode::parsed);
    std::string first; // of the body, come with the head
    if (!co_await read_head(parser, first))
        co_return;
    script_head& head = parser.head();
    if (head.what == script_head::kind::local_redirect)
        co_return co_await redirect(std::move(head.location));
    // nginx sends no more of a body once the response has begun, and some programs say their head before they read (git
    // http-backend): it waits for what follows, or for the body's end. A program that reads no more is not waited for.
    if (first.empty() && input_ == input::flows) {
        holding_ = true;
        co_await readable(for_an_answer());
        holding_ = false;
        if (ended_)
            co_return;
    }
    const auto body = method_ == "HEAD" || !status_allows_body(head.response.status)
                          ? script_body::unread()
                          : script_body(head.content_length);
    out_ = std::exchange(respond_, std::nullopt)->start(std::move(head.response));
    co_await send_body(body, first);
}

task<bool> script_run::read_head(script_head_parser& parser, std::string& rest)
{
    std::array<char, head_piece> buffer;
    for (;;) {
        const auto n = co_await read_out(boost::asio::buffer(buffer), for_an_answer());
        if (!n) {
            if (timed_out_)
                give_up(504, fmt::format("no head within {} ms", shared_->options.timeout.count()));
            co_return false;
        }
        std::size_t used = 0;
        const auto result = *n > 0 ? parser.feed({buffer.data(), *n}, used) : parser.end();
        if (result == script_head_parser::result::done) {
            rest.assign(buffer.data() + used, *n - used);
            co_return true;
        }
        if (result == script_head_parser::result::failed) {
            if (*n == 0)
                co_await wait_for_exit({std::chrono::steady_clock::now(), exit_patience}); // which says more
            give_up(502, process_->status()
                             ? fmt::format("{}; it {}", parser.fault(), describe_exit(*process_->status()))
                             : std::string(parser.fault()));
            co_return false;
        }
    }
}

task<void> script_run::send_body(script_body body, std::string_view first)
{
    first = first.substr(0, body.take(first.size()));
    if (!co_await send(boost::asio::buffer(first)))
        co_return;
    const auto idle = shared_->options.idle_timeout;
    const int fd = process_->out.native_handle();
    std::vector<char> own(body.is_read() ? 0 : body_piece); // also where a middleware lends no room
    while (!body.complete() && !ended_) {
        auto room = boost::asio::buffer(own);
        const bool lent = own.empty();
        if (lent) {
            error_code ec;
            room = out_->prepare(ec);
            if (ec == boost::system::errc::operation_not_supported) {
                own.resize(body_piece);
                continue;
            }
            if (ec)
                co_return; // the end is on its way
            if (room.size() == 0) {
                if (const auto [gone] = co_await out_->async_wait_writable(as_tuple); gone)
                    co_return;
                continue;
            }
        }
        const auto n = ::read(fd, room.data(), room.size());
        const int code = errno;
        const auto used = body.take(n > 0 ? static_cast<std::size_t>(n) : 0);
        if (lent)
            out_->commit(used);
        else if (!co_await send(boost::asio::buffer(room, used)))
            co_return;
        if (n == 0 || (n < 0 && !would_block(code) && code != EINTR))
            break; // what it ended with says whether that was all
        if (n < 0 && would_block(code) && !co_await readable({std::chrono::steady_clock::now(), idle})) {
            if (timed_out_)
                give_up(504, fmt::format("silent for {} ms in mid-body", idle.count()));
            co_return;
        }
    }
    if (ended_)
        co_return;
    char excess = 0;
    if (body.complete() && ::read(fd, &excess, 1) > 0)
        body.take(1);
    if (body.too_long())
        log::warning("#{} {}[{}]: it writes more than {}, {} bytes: the rest is dropped", id_,
                     script_.filename, process_->pid(),
                     body.is_read() ? "its Content-Length" : "is read of an answer without a body",
                     body.taken());
    co_await end_response(body);
}

task<void> script_run::drop_output()
{
    auto rest = script_body::unread();
    std::array<char, head_piece> buffer;
    while (!process_->status() && !rest.complete()) {
        const auto n = co_await read_out(boost::asio::buffer(buffer), for_an_answer());
        if (n.value_or(0) == 0)
            break;
        rest.take(*n);
    }
}

// Without a wait while there is room: what comes at once goes out at once. False when the response is over.
task<bool> script_run::send(boost::asio::const_buffer bytes)
{
    error_code ec;
    bytes += out_->try_write(bytes, ec);
    if (!ec && bytes.size() > 0)
        ec = std::get<0>(co_await out_->async_write(bytes, as_tuple));
    co_return !ec;
}

template <class F>
task<void> script_run::wait_for_news(patience p, F come)
{
    while (!ended_ && !come() && std::chrono::steady_clock::now() < end_of(p)) {
        news_.expires_at(end_of(p));
        co_await news_.async_wait(as_tuple);
    }
}

task<void> script_run::wait_for_exit(patience p)
{
    return wait_for_news(p, [this] { return process_->status().has_value(); });
}

// The request's body lasts as long as the response: who reads on behind its answer has it held open meanwhile.
task<void> script_run::wait_for_input()
{
    if (shared_->options.end_after_output)
        co_return;
    co_await wait_for_news({std::chrono::steady_clock::now(), shared_->options.timeout},
                           [this] { return input_ != input::flows || process_->status(); });
}

task<void> script_run::end_response(script_body body)
{
    error_code ignored;
    process_->out.close(ignored);
    co_await wait_for_input();
    if (!body.complete())
        co_await wait_for_exit({std::chrono::steady_clock::now(), exit_patience});
    if (ended_)
        co_return;
    if (const auto status = process_->status();
        status && body.failed_by(exit_kind(*status), shared_->options.status_counts))
        co_return give_up(502, describe_exit(*status) + " in mid-body");
    let_go();
    co_await out_->finish();
    out_.reset();
}

// Errors

task<void> script_run::read_errors()
{
    const auto process = process_; // another one's may follow
    const auto name = script_.filename;
    script_errors errors(shared_->options.error_text);
    const auto tell = [&](std::string_view line) {
        log::warning("#{} {}[{}]: {}", id_, name, process->pid(), line);
        if (req_ && !ended_)
            req_->errors().line(line);
    };
    boost::asio::steady_timer pause(ex_);
    std::vector<char> buffer(error_piece);
    // Asked each time: to be cancelled may come too late for what has been read already.
    const auto nobody_is_left = [&] { return (ended_ || process != process_) && process->status(); };
    while (!nobody_is_left()) {
        const auto [ec, n] = co_await process->err.async_read_some(boost::asio::buffer(buffer), as_tuple);
        errors.feed({buffer.data(), n}, tell);
        if (ec)
            break;
        if (errors.lost() == 0)
            continue;
        // Nobody reads this any more. It is taken so that the program can go on, and not so fast that it costs a core.
        buffer.resize(most_last_words * error_piece);
        pause.expires_after(10ms);
        co_await pause.async_wait(as_tuple);
    }
    // The program has ended, and what it has started since may hold the pipe open: its last words are in it.
    for (int i = 0; i < most_last_words; ++i) {
        const auto n = ::read(process->err.native_handle(), buffer.data(), buffer.size());
        if (n <= 0)
            break;
        errors.feed({buffer.data(), static_cast<std::size_t>(n)}, tell);
    }
    if (errors.open())
        errors.end(tell);
    if (errors.lost() > 0)
        log::warning("#{} {}[{}]: {} lines more of its stderr are dropped", id_, name, process->pid(),
                     errors.lost());
}

} // namespace sluice::cgi
