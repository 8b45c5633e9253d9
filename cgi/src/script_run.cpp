// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "script_run.hpp"

#include <sluice/log.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>
#include <vector>

#include <unistd.h>

namespace sluice::cgi {

namespace {

using namespace std::chrono_literals;

constexpr auto as_tuple = boost::asio::as_tuple(boost::asio::deferred);

constexpr std::size_t head_piece = 4096;
constexpr std::size_t body_piece = 16 * 1024;
constexpr std::size_t error_piece = 1024; // the longest line, too
constexpr int most_redirects = 10;
constexpr int most_last_words = 64; // times `error_piece`: what a pipe holds

// Between the end of its output and its own, for a program that just ends: what it ends with says whether the output was
// whole.
constexpr auto exit_patience = 1s;

bool would_block(int code) noexcept
{
    return code == EAGAIN || code == EWOULDBLOCK;
}

} // namespace

script_run::script_run(std::shared_ptr<runner_state> shared, request& req, responder respond)
    : shared_(std::move(shared)), req_(&req), ex_(req.get_executor()), id_(req.id()),
      method_(req.env().method()), respond_(std::move(respond)), timer_(ex_), exit_timer_(ex_)
{}

script_run::~script_run()
{
    give_slot_back();
}

void script_run::begin()
{
    req_->on_end([self = shared_from_this()] { self->over(); });
    answer_until_ = std::chrono::steady_clock::now() + shared_->options.timeout;
    find();
}

void script_run::find()
{
    auto found = shared_->finder.find(req_->env());
    if (const auto* const no = std::get_if<script_refusal>(&found))
        return refuse(no->status,
                      no->status == 403 ? "This may not be run.\n" : "There is no such program.\n", no->why);
    script_ = std::move(std::get<found_script>(found));
    if (has_slot_)
        return start();
    ticket_ = std::make_shared<script_slots::ticket>();
    ticket_->ex = ex_;
    ticket_->go = [self = shared_from_this()] {
        self->has_slot_ = true;
        self->ticket_.reset();
        self->timer_.cancel();
        if (self->over_)
            self->give_slot_back();
        else
            self->start();
    };
    switch (shared_->slots.ask(ticket_)) {
    case script_slots::turn::now:
        ticket_.reset();
        has_slot_ = true;
        return start();
    case script_slots::turn::never:
        ticket_.reset();
        return refuse(503, "This service is busy. Try again.\n",
                      "all processes are busy and the queue is full");
    case script_slots::turn::later: break;
    }
    timer_.expires_at(answer_until_);
    timer_.async_wait([self = shared_from_this()](const error_code& ec) {
        if (ec || !self->ticket_ || !self->shared_->slots.leave(self->ticket_))
            return;
        self->ticket_.reset();
        self->refuse(503, "This service is busy. Try again.\n", "no process was free in time");
    });
}

void script_run::start()
{
    process_start how;
    how.filename = script_.filename;
    how.directory = script_.directory;
    how.arguments = {script_.filename};
    how.variables = script_variables(req_->env(), script_, shared_->options.environment);
    if (const auto no = too_large(how.variables, script_))
        return refuse(no->status, "This request's headers are too large.\n", no->why);
    how.limits = shared_->options.resources;
    try {
        process_ = script_process::start(ex_, how, [self = shared_from_this()] { self->exited(); });
    } catch (const system_error& e) {
        return refuse(500, "This program cannot be run.\n", e.what());
    }
    spawn(&script_run::answer);
    spawn(&script_run::read_errors);
    spawn(&script_run::feed);
}

template <class F>
void script_run::spawn(F f)
{
    boost::asio::co_spawn(
        ex_, [self = shared_from_this(), f]() -> task<void> { return ((*self).*f)(); },
        [self = shared_from_this()](const std::exception_ptr& e) {
            if (!e)
                return;
            try {
                std::rethrow_exception(e);
            } catch (const std::exception& fault) {
                self->give_up(500, fault.what());
            }
        });
}

// Its end, and the client's, is the same to a program: nobody reads.
void script_run::over()
{
    over_ = true;
    timer_.cancel();
    if (ticket_ && shared_->slots.leave(ticket_))
        ticket_.reset();
    if (!process_)
        return;
    process_->end(shared_->options.grace); // not one that was released
    error_code ignored;
    process_->in.close(ignored);
    process_->out.cancel(ignored);
    if (process_->status())
        process_->err.cancel(ignored);
}

void script_run::give_slot_back()
{
    if (std::exchange(has_slot_, false))
        shared_->slots.release();
}

void script_run::exited()
{
    const auto how = describe_exit(*process_->status());
    log::write(*process_->status() == 0 ? log::level::info : log::level::warning, "#{} {}[{}] {}", id_,
               script_.filename, process_->pid(), how);
    if (!redirecting_)
        give_slot_back();
    exit_timer_.cancel();
    if (over_)
        process_->err.cancel(); // who inherited it may keep it open for ever
}

void script_run::refuse(int status, std::string_view text, const std::string& why)
{
    log::warning("#{} {} {}: {} {}", id_, method_, req_->env().request_uri(), status, why);
    if (!process_)
        give_slot_back();
    auto respond = std::move(*respond_);
    respond_.reset();
    response answer{status, {}, std::string(text), {}};
    answer.headers.add("Content-Type", "text/plain; charset=utf-8");
    if (status == 503)
        answer.headers.add("Retry-After", "1");
    respond.send(std::move(answer));
    req_ = nullptr;
}

// The program has failed, and its response with it.
void script_run::give_up(int status, const std::string& why)
{
    if (over_)
        return;
    if (process_)
        process_->end(shared_->options.grace);
    const auto what = fmt::format("{}[{}]: {}", script_.filename, process_ ? process_->pid() : 0, why);
    if (respond_)
        return refuse(
            status, status == 504 ? "The program did not answer in time.\n" : "The program failed.\n", what);
    log::warning("#{} {}: the response is given up", id_, what);
    if (out_)
        out_->abort();
    out_.reset();
    req_ = nullptr;
}

// Input

task<void> script_run::feed()
{
    auto body = req_->body();
    std::vector<char> buffer;
    if (body.length() != 0)
        buffer.resize(std::min<std::uint64_t>(body.length().value_or(body_piece), body_piece));
    error_code fault;
    while (!buffer.empty()) {
        const auto [ec, n] = co_await body.async_read(boost::asio::buffer(buffer), as_tuple);
        fault = ec;
        if (ec || n == 0)
            break;
        const auto [closed, written] =
            co_await boost::asio::async_write(process_->in, boost::asio::buffer(buffer, n), as_tuple);
        if (closed)
            break; // it does not want the rest, which is its right
    }
    error_code ignored;
    process_->in.close(ignored);
    fed_ = true;
    if (holding_)
        process_->out.cancel(ignored);
    if (fault && fault != errc::client_gone && !over_ && req_)
        give_up(fault == errc::body_too_large ? 413 : 400, "the request's body: " + fault.message());
}

// Output

// Waits until there is something to read, the end too. False when the time was over, or the response.
task<bool> script_run::readable(std::chrono::steady_clock::duration limit)
{
    timed_out_ = false;
    const auto watch = ++watch_;
    if (limit > 0s) {
        timer_.expires_after(limit);
        timer_.async_wait([self = shared_from_this(), watch](const error_code& ec) {
            if (ec || watch != self->watch_)
                return;
            self->timed_out_ = true;
            self->process_->out.cancel();
        });
    }
    const auto [ec] =
        co_await process_->out.async_wait(boost::asio::posix::descriptor_base::wait_read, as_tuple);
    ++watch_;
    timer_.cancel();
    co_return !ec && !over_;
}

task<std::optional<std::size_t>> script_run::read_out(boost::asio::mutable_buffer to,
                                                      std::chrono::steady_clock::duration limit)
{
    while (co_await readable(limit)) {
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
    script_head_parser parser(limits{},
                              script_.nph ? script_head_parser::mode::nph : script_head_parser::mode::parsed);
    std::string first; // of the body, come with the head
    if (!co_await read_head(parser, first))
        co_return;
    script_head& head = parser.head();
    if (head.what == script_head::kind::local_redirect)
        co_return co_await redirect(std::move(head.location));
    // nginx sends no more of a body once the response has begun, and some programs say their head before they read (git
    // http-backend): it waits for what follows, or for the body's end.
    if (first.empty() && !fed_) {
        holding_ = true;
        co_await readable(0s);
        holding_ = false;
        if (over_ || !respond_)
            co_return;
    }
    out_ = std::exchange(respond_, std::nullopt)->start(std::move(head.response));
    co_await send_body(head.content_length, first);
}

task<bool> script_run::read_head(script_head_parser& parser, std::string& rest)
{
    std::array<char, head_piece> buffer;
    for (;;) {
        const auto left = answer_until_ - std::chrono::steady_clock::now();
        const auto n = co_await read_out(boost::asio::buffer(buffer), std::max<decltype(left)>(left, 1ms));
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
                co_await wait_for_exit(exit_patience); // which says more
            give_up(502, process_->status()
                             ? fmt::format("{}; it {}", parser.fault(), describe_exit(*process_->status()))
                             : std::string(parser.fault()));
            co_return false;
        }
    }
}

task<void> script_run::send_body(std::optional<std::uint64_t> length, std::string_view first)
{
    bool too_long = length && first.size() > *length;
    if (too_long)
        first = first.substr(0, static_cast<std::size_t>(*length));
    if (!first.empty()) {
        const auto [ec, n] = co_await out_->async_write(boost::asio::buffer(first), as_tuple);
        if (ec)
            co_return; // `over` is on its way
    }
    const auto idle = shared_->options.idle_timeout;
    const int fd = process_->out.native_handle();
    std::vector<char> own; // where a middleware lends no room
    bool more = true;
    while (more && !too_long && !over_) {
        error_code ec;
        boost::asio::mutable_buffer room;
        char excess = 0;
        const bool at_end = length && out_->accepted() == *length;
        if (at_end) {
            room = boost::asio::buffer(&excess, 1);
        } else {
            room = out_->prepare(ec);
            if (ec == boost::system::errc::operation_not_supported) {
                own.resize(body_piece);
                room = boost::asio::buffer(own);
            } else if (ec) {
                co_return;
            } else if (room.size() == 0) {
                const auto [gone] = co_await out_->async_wait_writable(as_tuple);
                if (gone)
                    co_return;
                continue;
            }
        }
        const auto n = ::read(fd, room.data(), room.size());
        const int code = errno;
        if (n > 0 && at_end) {
            too_long = true;
        } else if (!own.empty()) {
            if (n > 0 && std::get<0>(co_await out_->async_write(
                             boost::asio::buffer(own, static_cast<std::size_t>(n)), as_tuple)))
                co_return;
        } else if (!at_end) {
            out_->commit(n > 0 ? static_cast<std::size_t>(n) : 0);
        }
        if (n == 0)
            more = false;
        else if (n < 0 && would_block(code) && !co_await readable(idle)) {
            if (timed_out_)
                give_up(504, fmt::format("silent for {} ms in mid-body", idle.count()));
            co_return;
        }
    }
    if (too_long)
        log::warning("#{} {}[{}]: it writes more than its Content-Length, {} bytes: the rest is dropped", id_,
                     script_.filename, process_->pid(), *length);
    if (!over_)
        co_await end_response(length);
}

task<void> script_run::wait_for_exit(std::chrono::steady_clock::duration most)
{
    if (process_->status())
        co_return;
    exit_timer_.expires_after(most);
    co_await exit_timer_.async_wait(as_tuple);
}

task<void> script_run::end_response(std::optional<std::uint64_t> length)
{
    const bool whole = length && out_->accepted() == *length;
    error_code ignored;
    process_->out.close(ignored);
    if (!whole)
        co_await wait_for_exit(exit_patience);
    if (over_)
        co_return;
    if (const auto status = process_->status(); status && !whole) {
        const bool failed = shared_->options.status_counts ? *status != 0 : WIFSIGNALED(*status);
        if (failed)
            co_return give_up(502, describe_exit(*status) + " in mid-body");
    }
    if (shared_->options.end_after_output)
        process_->end(shared_->options.grace);
    else
        process_->release();
    co_await out_->finish();
    out_.reset();
    req_ = nullptr;
}

// RFC 3875 section 6.2.2: as if the client had asked for that. What is none of our programs only the web server can serve:
// the client is sent there.
task<void> script_run::redirect(std::string target)
{
    if (++redirects_ > most_redirects)
        co_return give_up(502, "its redirects lead from one to the next");
    auto& env = req_->env();
    for (const char* const name :
         {"CONTENT_LENGTH", "CONTENT_TYPE", "SCRIPT_FILENAME", "PATH_TRANSLATED", "SCRIPT_NAME", "PATH_INFO"})
        env.erase(name);
    const auto question = target.find('?');
    env.set("REQUEST_METHOD", method_ == "HEAD" ? "HEAD" : "GET");
    env.set("REQUEST_URI", target);
    env.set("QUERY_STRING", question == target.npos ? "" : target.substr(question + 1));
    std::string why;
    if (normalize(env, {}, &why))
        co_return give_up(502, "its redirect to " + target + ": " + why);

    const auto found = shared_->finder.find(env);
    if (std::holds_alternative<script_refusal>(found)) {
        process_->release();
        std::exchange(respond_, std::nullopt)
            ->send(302, {{"Location", target}, {"Content-Type", "text/plain; charset=utf-8"}},
                   "It is at " + target + "\n");
        req_ = nullptr;
        co_return;
    }
    redirecting_ = true; // the slot stays ours
    co_await wait_for_exit(answer_until_ - std::chrono::steady_clock::now());
    redirecting_ = false;
    if (over_)
        co_return;
    if (!process_->status())
        co_return give_up(504, "it redirects and does not end");
    process_->release();
    process_.reset();
    find();
}

// Errors

task<void> script_run::read_errors()
{
    const auto process = process_; // another one's may follow
    std::array<char, error_piece> buffer;
    std::string line;
    const auto take = [&](std::string_view text) {
        for (const char c : text) {
            if (c == '\n' || line.size() == error_piece) {
                error_line(*process, line);
                line.clear();
            }
            if (c != '\n')
                line += c;
        }
    };
    for (;;) {
        const auto [ec, n] = co_await process->err.async_read_some(boost::asio::buffer(buffer), as_tuple);
        take({buffer.data(), n});
        if (ec)
            break;
    }
    // The program has ended, and what it has started since may hold the pipe open: its last words are in it.
    for (int i = 0; i < most_last_words; ++i) {
        const auto n = ::read(process->err.native_handle(), buffer.data(), buffer.size());
        if (n <= 0)
            break;
        take({buffer.data(), static_cast<std::size_t>(n)});
    }
    if (!line.empty())
        error_line(*process, line);
    if (const auto lost = std::exchange(errors_lost_, 0); lost > 0)
        log::warning("#{} {}[{}]: {} lines more of its stderr are dropped", id_, script_.filename,
                     process->pid(), lost);
}

void script_run::error_line(const script_process& process, std::string_view line)
{
    error_bytes_ += line.size() + 1;
    if (error_bytes_ > shared_->options.error_text) {
        ++errors_lost_;
        return;
    }
    std::string text(line);
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; }, '?');
    log::warning("#{} {}[{}]: {}", id_, script_.filename, process.pid(), text);
    if (req_ && !over_)
        req_->errors().line(text);
}

application script_runner(runner_options options)
{
    // A program may leave its input unread: to write there must be an error, not a signal.
    struct sigaction now {};
    if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL)
        std::signal(SIGPIPE, SIG_IGN);
    auto shared = std::make_shared<runner_state>(std::move(options));
    return [shared](request& req, responder respond) -> task<void> {
        std::make_shared<script_run>(shared, req, std::move(respond))->begin();
        co_return;
    };
}

} // namespace sluice::cgi
