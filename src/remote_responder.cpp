// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/remote_responder.hpp>

namespace sluice {

remote_responder::remote_responder(request& req, responder respond) : held_(std::make_shared<held>())
{
    held_->respond.emplace(std::move(respond));
    held_->link = detail::request_link::make(req, [h = held_] { h->respond.reset(); });
}

void remote_responder::send(response r)
{
    answer([r = std::move(r)](responder& respond) mutable { respond.send(std::move(r)); });
}

void remote_responder::send(int status, std::initializer_list<field> headers, std::string body)
{
    send(response{status, headers, std::move(body), {}});
}

void remote_responder::answer(detail::unique_function<void(responder&)> f)
{
    if (!held_)
        throw system_error(errc::already_responded, "sluice::remote_responder");
    const auto h = std::exchange(held_, nullptr);
    h->link->post([h, f = std::move(f)]() mutable {
        // Told that the service stops, the request was answered already, and that is no fault of this one.
        if (!h->respond || h->link->aborted())
            return;
        // Not in `held` meanwhile: the request may end inside, and its end drops what is there.
        responder mine = std::move(*h->respond);
        h->respond.reset();
        try {
            f(mine);
        } catch (...) {
            h->respond.emplace(std::move(mine)); // the exception is what the client's 500 is about
            throw;
        }
    });
}

void remote_responder::drop() noexcept
{
    if (const auto h = std::exchange(held_, nullptr))
        h->link->post([h] { h->respond.reset(); });
}

} // namespace sluice
