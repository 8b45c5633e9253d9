// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/request.hpp>
#include <sluice/responder.hpp>
#include <sluice/task.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

namespace sluice {

struct event_stream_options {
    /// A comment is sent when nothing else was for so long, so that a client that has left is noticed: behind most
    /// web servers a silent app is not told (docs/flow-control.md). 15 s is what the HTML Standard advises, for
    /// proxies that drop silent connections. 0 turns it off.
    std::chrono::milliseconds heartbeat = std::chrono::seconds(15);

    /// How long the client is to wait before it connects again; nothing leaves that to it.
    std::optional<std::chrono::milliseconds> retry = std::nullopt;

    /// Further headers. Content-Type, Cache-Control: no-cache and X-Accel-Buffering: no (nginx passes events on at
    /// once) are set unless they are here.
    header_list headers = {};
};

/// A response of server-sent events (HTML Standard, section 9.2), which a browser reads by `EventSource`.
///
///     task<void> ticks(request& req, responder respond)
///     {
///         event_stream events(req, std::move(respond));
///         for (int i = 0;; ++i) {
///             co_await events.event("tick", std::to_string(i));
///             co_await sleep_for(1s);
///         }
///     }
///
/// Each call resumes when the kernel has what it sent: the client sets the pace, and a heartbeat never gets into an
/// event. One call at a time: a second throws `operation_pending`. One that was cancelled half-way leaves no half
/// event: the next call sends the rest first.
///
/// The stream ends with the object, as a `writer`'s response does, or by `finish`.
///
/// Preconditions: text is UTF-8.
/// Errors: those of `writer`, thrown as `system_error`; std::invalid_argument for what no event can hold.
/// Object lifetimes: what is passed by view may go at once: an event is copied, in its encoded form.
/// Thread safety: none; use it on the request's executor.
class event_stream {
public:
    /// Answers with status 200 and starts the heartbeat. Errors: those of `responder`.
    event_stream(request& req, responder respond, event_stream_options options = {});
    event_stream(event_stream&&) noexcept = default;
    event_stream& operator=(event_stream&&) noexcept = default;
    ~event_stream() = default;

    /// Sends an event. `name` is what listeners are added for, "" is "message". `data` may have several lines, ended
    /// by CR, LF or both; the client gets them with LF. `id` is what the client will say in Last-Event-ID when it
    /// connects again; "" makes it forget.
    /// Errors: std::invalid_argument for a line end in `name` or `id`, or a NUL in `id`, which clients ignore.
    task<void> event(std::string_view name, std::string_view data,
                     std::optional<std::string_view> id = std::nullopt);

    /// Sends text that the client throws away.
    task<void> comment(std::string_view text);

    /// Tells the client how long to wait before it connects again. Precondition: not negative.
    task<void> retry(std::chrono::milliseconds time);

    /// Ends the response; resumes when its end has been handed over. A browser connects again then, unless the answer
    /// to that is 204.
    task<void> finish();

    /// Why sending is no longer possible; no error while it is.
    error_code error() const;

    /// The id of the last event that the client got before it connected again; "" for a new one.
    /// Valid as `environment::header` is.
    static std::string_view last_event_id(const request& req);

private:
    class stream;
    std::shared_ptr<stream> stream_;
};

} // namespace sluice
