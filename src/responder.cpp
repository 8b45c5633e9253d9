// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/responder.hpp>

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
    auto s = port_->start(ec, why);
    if (ec)
        fail(ec, why);
    return writer(std::move(s));
}

void responder::sent(std::string body)
{
    error_code ec;
    std::string why;
    port_->send(std::move(body), ec, why);
    if (ec)
        fail(ec, why);
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

void responder::send(int status, std::initializer_list<field> headers, std::string body)
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
