// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/blocking.hpp>

#include "blocking_bridge.hpp"

#include <utility>

namespace sluice {

environment& blocking_request::env() noexcept
{
    return bridge_.env;
}

std::istream& blocking_request::in() noexcept
{
    return bridge_.in;
}

std::ostream& blocking_request::start(int status, std::initializer_list<field> headers)
{
    response_head head;
    head.status = status;
    head.headers = headers;
    return start(std::move(head));
}

std::ostream& blocking_request::start(response_head head)
{
    bridge_.start(std::move(head));
    return bridge_.out;
}

std::ostream& blocking_request::out() noexcept
{
    return bridge_.out;
}

void blocking_request::error_line(std::string_view text)
{
    bridge_.error_line(text);
}

bool blocking_request::ended() const noexcept
{
    return bridge_.obsolete();
}

const limits& blocking_request::limits() const noexcept
{
    return bridge_.limits;
}

const service_facts& blocking_request::facts() const noexcept
{
    return bridge_.facts;
}

namespace {

void submit(detail::blocking_pool& pool, const std::shared_ptr<detail::blocking_bridge>& call)
{
    if (!pool.submit(call))
        call->refuse();
}

} // namespace

application detail::make_blocking(std::function<void(blocking_request&)> f, const blocking_options& options)
{
    // The function apart from the pool: a thread that is left behind keeps what it runs, and must not end the pool.
    return [f = std::make_shared<const blocking_bridge::function>(std::move(f)),
            pool = std::make_shared<blocking_pool>(options.threads, options.queue, options.grace),
            options](request& req, responder respond) {
        const auto call = blocking_bridge::make(f, req, std::move(respond), options.threads > 1);
        const auto length = req.body().length().value_or(0);
        if (length == 0 || length > options.buffered_body || req.facts().run_once)
            return submit(*pool, call);
        req.body().async_buffer(length, [pool, call](error_code ec, std::uint64_t) {
            if (ec && ec != errc::body_already_read) // by a middleware: then the rest is read as it comes
                throw system_error(ec, "the body of the request"); // which is the request's failure
            submit(*pool, call);
        });
    };
}

} // namespace sluice
