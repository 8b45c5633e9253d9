// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/detail/request_link.hpp>
#include <sluice/request.hpp>
#include <sluice/responder.hpp>

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace sluice {

/// A responder for other threads: each call is carried out on the request's executor, where responders and writers belong.
///
///     void app(sluice::request& req, sluice::responder respond)
///     {
///         ask_database([answer = sluice::remote_responder(req, std::move(respond))](std::string rows) mutable {
///             answer.send(200, {{"Content-Type", "text/plain"}}, std::move(rows)); // on a thread of the database's
///         });
///     }
///
/// Answers once, like a responder, and dropped without an answer is a 500. That the request has ended meanwhile (the client
/// has left, the service stops) is no error: what comes then is dropped. It may be kept as long as one likes, longer than
/// the server too.
///
/// Errors: `already_responded`, thrown as `system_error`, on a second call. What a responder would throw (`bad_status`, …) is
/// found out on the request's executor: logged with the request's id, and the client gets a 500.
///
/// Thread safety: made on the request's executor; from then on used and destroyed by any thread, one at a time.
class remote_responder {
public:
    remote_responder(request& req, responder respond);
    remote_responder(remote_responder&&) noexcept = default;
    remote_responder& operator=(remote_responder&& other) noexcept
    {
        if (this != &other) {
            drop();
            held_ = std::move(other.held_);
        }
        return *this;
    }
    ~remote_responder() { drop(); }

    /// Sends a complete response, as `responder::send`.
    void send(response r);
    void send(int status, std::initializer_list<field> headers, std::string body);

    /// Calls `f(responder)` on the request's executor: to stream, or to look at the request before answering. Dropped on one
    /// thread or another without a call when the request ends before.
    template <class F>
    requires std::is_invocable_v<F&, responder>
    void post(F f)
    {
        answer([f = std::move(f)](responder& r) mutable { f(std::move(r)); });
    }

    /// True once the request has ended: nobody waits for an answer any more.
    bool ended() const noexcept { return !held_ || held_->link->ended(); }

private:
    struct held {
        std::optional<responder> respond; ///< the loop's
        std::shared_ptr<detail::request_link> link;
    };

    void answer(detail::unique_function<void(responder&)> f);
    void drop() noexcept;

    std::shared_ptr<held> held_; ///< until answered
};

} // namespace sluice
