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

application detail::make_blocking(std::function<void(blocking_request&)> f, const blocking_options& options)
{
    // The function apart from the pool: a thread that is left behind keeps what it runs, and must not end the pool.
    return [f = std::make_shared<const blocking_bridge::function>(std::move(f)),
            pool = std::make_shared<blocking_pool>(options.threads, options.queue, options.grace),
            multithread = options.threads > 1](request& req, responder respond) {
        const auto call = blocking_bridge::make(f, req, std::move(respond), multithread);
        if (!pool->submit(call))
            call->refuse();
    };
}

} // namespace sluice
