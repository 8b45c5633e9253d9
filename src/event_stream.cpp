// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/event_stream.hpp>

#include <boost/asio/use_awaitable.hpp>
#include <sluice/detail/timer.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace sluice {

namespace {

using clock = std::chrono::steady_clock;

// Memory for larger events is not kept for the next.
constexpr std::size_t kept_capacity = 16 * 1024;

void append_line(std::string& to, std::string_view field, std::string_view value)
{
    to.append(field).append(": ").append(value).append("\n");
}

/// The lines of `text`, each behind `field`: no line of it can be taken for another field.
void append_lines(std::string& to, std::string_view field, std::string_view text)
{
    for (;;) {
        const auto end = text.find_first_of("\r\n");
        append_line(to, field, text.substr(0, end));
        if (end == text.npos)
            return;
        text.remove_prefix(end + (text.substr(end, 2) == "\r\n" ? 2 : 1));
    }
}

std::string retry_text(std::chrono::milliseconds time)
{
    if (time.count() < 0)
        throw std::invalid_argument("sluice::event_stream: the time for retry is negative");
    std::string text;
    append_line(text, "retry", std::to_string(time.count()));
    return text + '\n';
}

void check(const char* what, std::string_view value, std::string_view forbidden)
{
    if (value.find_first_of(forbidden) != value.npos)
        throw std::invalid_argument(std::string("sluice::event_stream: ") + what +
                                    " of an event has a line end or a NUL in it");
}

} // namespace

/// Shared with the heartbeat's timer, which does not keep it.
class event_stream::stream : public std::enable_shared_from_this<stream> {
public:
    stream(writer out, clock::duration heartbeat)
        : out_(std::move(out)), timer_(out_.get_executor()), heartbeat_(heartbeat)
    {}

    void start(std::string text)
    {
        text_ = std::move(text);
        push();
        if (heartbeat_ > clock::duration::zero())
            beat_at(timer_.now() + heartbeat_);
    }
    void stop_heartbeat() { timer_.cancel(); }

    /// Sends `text` behind what is left of a heartbeat, or of a call that was cancelled half-way.
    static task<void> send(std::shared_ptr<stream> s, std::string text)
    {
        const operation mine(*s);
        co_await s->send_rest();
        s->text_ = std::move(text);
        co_await s->send_rest();
        co_await s->out_.flush();
    }

    static task<void> finish(std::shared_ptr<stream> s)
    {
        const operation mine(*s);
        co_await s->send_rest();
        s->stop_heartbeat();
        co_await s->out_.finish();
    }

    error_code error() const { return out_.error(); }

private:
    /// One call of the app's.
    class operation {
    public:
        explicit operation(stream& s) : s_(s)
        {
            if (std::exchange(s_.busy_, true))
                throw system_error(errc::operation_pending, "sluice::event_stream");
        }
        ~operation()
        {
            s_.busy_ = false;
            s_.last_ = s_.timer_.now();
        }
        operation(const operation&) = delete;
        operation& operator=(const operation&) = delete;

    private:
        stream& s_;
    };

    task<void> send_rest()
    {
        while (at_ < text_.size()) {
            const auto n = out_.try_write(std::string_view(text_).substr(at_));
            at_ += n;
            if (n == 0)
                co_await out_.async_wait_writable(boost::asio::use_awaitable);
        }
        clear();
    }

    void clear()
    {
        text_.clear();
        at_ = 0;
        if (text_.capacity() > kept_capacity)
            text_.shrink_to_fit();
    }

    /// Sends as much of `text_` as goes without waiting. An error that stays is looked at later.
    void push()
    {
        error_code ec;
        if (at_ < text_.size())
            at_ += out_.try_write(std::string_view(text_).substr(at_), ec);
        if (at_ < text_.size())
            return;
        clear();
        out_.try_flush(ec);
    }

    void beat_at(clock::time_point when)
    {
        timer_.expires_at(when);
        timer_.async_wait([weak = weak_from_this()](error_code ec) {
            if (const auto s = weak.lock(); s && !ec)
                s->beat();
        });
    }

    void beat()
    {
        const auto now = timer_.now();
        // A call that waits for the client sees by itself when that leaves.
        if (!busy_ && now - last_ >= heartbeat_) {
            last_ = now;
            if (text_.empty())
                text_ = ":\n\n";
            push();
            if (out_.error())
                return;
        }
        beat_at((busy_ ? now : last_) + heartbeat_);
    }

    writer out_;
    detail::timer timer_;
    clock::duration heartbeat_;
    clock::time_point last_ = timer_.now(); ///< when something was sent
    std::string text_;                      ///< being sent, from `at_` on
    std::size_t at_ = 0;
    bool busy_ = false;
};

event_stream::event_stream(request& req, responder respond, event_stream_options options)
{
    response_head head;
    head.headers = std::move(options.headers);
    const auto unless_given = [&](const char* name, const char* value) {
        if (!head.headers.contains(name))
            head.headers.add(name, value);
    };
    unless_given("Content-Type", "text/event-stream");
    unless_given("Cache-Control", "no-cache");
    unless_given("X-Accel-Buffering", "no");
    stream_ = std::make_shared<stream>(respond.start(std::move(head)), options.heartbeat);
    stream_->start(options.retry ? retry_text(*options.retry) : std::string());
    req.on_end([weak = std::weak_ptr<stream>(stream_)] {
        if (const auto s = weak.lock())
            s->stop_heartbeat();
    });
}

task<void> event_stream::event(std::string_view name, std::string_view data,
                               std::optional<std::string_view> id)
{
    check("the name", name, "\r\n");
    if (id)
        check("the id", *id, std::string_view("\r\n\0", 3));
    std::string text;
    if (!name.empty())
        append_line(text, "event", name);
    if (id)
        append_line(text, "id", *id);
    append_lines(text, "data", data);
    text += '\n';
    return stream::send(stream_, std::move(text));
}

task<void> event_stream::comment(std::string_view text)
{
    std::string lines;
    append_lines(lines, "", text);
    lines += '\n';
    return stream::send(stream_, std::move(lines));
}

task<void> event_stream::retry(std::chrono::milliseconds time)
{
    return stream::send(stream_, retry_text(time));
}

task<void> event_stream::finish()
{
    return stream::finish(stream_);
}

error_code event_stream::error() const
{
    return stream_->error();
}

std::string_view event_stream::last_event_id(const request& req)
{
    return req.env().header("Last-Event-ID");
}

} // namespace sluice
