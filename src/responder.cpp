// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/responder.hpp>

#include "body_sender.hpp"

#include <string>
#include <utility>

namespace sluice {

namespace {

void fill(response_head& head, int status, std::initializer_list<field> headers)
{
    head.clear();
    head.status = status;
    for (const field& f : headers)
        head.headers.add(f.name, f.value);
}

[[noreturn]] void fail(error_code ec, const std::string& why)
{
    throw system_error(ec, why.empty() ? "sluice::responder" : "sluice::responder: " + why);
}

} // namespace

writer responder::started()
{
    error_code ec;
    std::string why;
    const auto port = port_; // the request may end inside, and with it whoever holds this
    auto s = port->start(ec, why);
    if (ec)
        fail(ec, why);
    return writer(std::move(s));
}

void responder::sent(response_body body)
{
    error_code ec;
    std::string why;
    const auto port = port_; // as above
    if (body.streams())
        stream(body.take_source(), ec, why);
    else
        port->send(body.take_text(), ec, why);
    if (ec)
        fail(ec, why);
}

void responder::stream(std::unique_ptr<body_source> source, error_code& ec, std::string& why)
{
    const auto port = port_;
    auto& head = port->head();
    if (status_allows_body(head.status) && head.headers.get("Content-Length").empty()) {
        if (const auto length = source->length())
            head.headers.set("Content-Length", std::to_string(*length));
    }
    if (auto to = port->start(ec, why); !ec)
        detail::body_sender::start(std::move(to), std::move(source));
}

writer responder::start(int status, std::initializer_list<field> headers)
{
    fill(port_->head(), status, headers);
    return started();
}

writer responder::start(response_head head)
{
    port_->head() = std::move(head);
    return started();
}

void responder::send(int status, std::initializer_list<field> headers, response_body body)
{
    fill(port_->head(), status, headers);
    sent(std::move(body));
}

void responder::send(response r)
{
    response_head& head = port_->head();
    head.status = r.status;
    head.reason = std::move(r.reason);
    head.headers = std::move(r.headers);
    sent(std::move(r.body));
}

} // namespace sluice
