// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "get.hpp"

#include "bodies.hpp"
#include "head_filter.hpp"
#include "request_params.hpp"
#include "units.hpp"

#include <sluice/fcgi/client.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include <array>
#include <stdexcept>

#include <unistd.h>

namespace sluice::command {

namespace {

using boost::asio::use_awaitable;

constexpr std::size_t piece_size = 64 * 1024;

fcgi::role role_named(std::string_view name)
{
    if (name == "authorizer")
        return fcgi::role::authorizer;
    return name == "filter" ? fcgi::role::filter : fcgi::role::responder;
}

void say_record(bool incoming, const fcgi::record_header& h)
{
    fmt::print(stderr, "{} {} id {} {} bytes\n", incoming ? '<' : '>', name_of(h.type), h.id, h.content_size);
}

std::string_view text_of(fcgi::protocol_status s) noexcept
{
    switch (s) {
    case fcgi::protocol_status::request_complete: return "REQUEST_COMPLETE";
    case fcgi::protocol_status::cant_mpx_conn: return "CANT_MPX_CONN: it takes one request at a time";
    case fcgi::protocol_status::overloaded: return "OVERLOADED";
    case fcgi::protocol_status::unknown_role: return "UNKNOWN_ROLE: it does not serve this role";
    }
    return "an unknown status";
}

class getter {
public:
    getter(const get_options& o, boost::asio::io_context& loop)
        : options_(o),
          client_(loop.get_executor(), {{}, o.trace ? say_record : fcgi::client_session::trace_function()})
    {
        if (o.body)
            body_.emplace(*o.body);
        if (o.data)
            data_.emplace(*o.data);
    }

    task<void> run();
    void give_up() { client_.close(); }
    bool complete() const noexcept { return complete_; }

private:
    fcgi::client_request request() const;
    task<void> send();
    task<void> receive();

    const get_options& options_;
    fcgi::client client_;
    fcgi::client_exchange exchange_;
    std::optional<body_source> body_, data_;
    bool complete_ = false;
};

fcgi::client_request getter::request() const
{
    request_target target;
    target.method = body_ ? "POST" : "GET";
    target.uri = options_.uri;
    if (body_)
        target.content_length = body_->size();
    auto params = options_.params;
    if (data_ && data_->size()) { // section 6.4
        params.insert(params.begin(), fmt::format("FCGI_DATA_LENGTH={}", *data_->size()));
        params.insert(params.begin(), fmt::format("FCGI_DATA_LAST_MOD={}", data_->changed()));
    }
    fcgi::client_request r;
    r.role = role_named(options_.role);
    r.keep = !options_.close;
    r.params = request_params(target, params);
    return r;
}

task<void> getter::run()
{
    auto r = request(); // what is wrong with it is said before anything is sent
    co_await client_.async_connect(options_.target, use_awaitable);
    exchange_ = co_await client_.async_start(
        std::move(r), [](std::string_view text) { write_all(STDERR_FILENO, text); }, use_awaitable);
    using namespace boost::asio::experimental::awaitable_operators;
    co_await (send() && receive());
    client_.close();
}

task<void> getter::send()
{
    std::array<char, piece_size> buffer;
    try {
        if (body_)
            while (const auto n = body_->read(buffer))
                co_await exchange_.write({buffer.data(), n});
        exchange_.finish();
        if (data_)
            while (const auto n = data_->read(buffer))
                co_await exchange_.async_write_data(boost::asio::buffer(buffer, n), use_awaitable);
        if (options_.role == "filter")
            exchange_.finish_data();
    } catch (const system_error&) {
        // The app may have answered without reading it all; if not, `receive` says what is wrong.
    }
}

task<void> getter::receive()
{
    std::array<char, piece_size> buffer;
    head_filter head;
    while (const auto n = co_await exchange_.read(boost::asio::buffer(buffer))) {
        const std::string_view piece(buffer.data(), n);
        const auto body = head.body_of(piece);
        if (!write_all(STDOUT_FILENO, options_.include_head ? piece : body))
            throw std::runtime_error("nobody reads the output any more");
    }
    const auto& end = exchange_.end().value();
    if (end.protocol_status != fcgi::protocol_status::request_complete)
        throw std::runtime_error(
            fmt::format("the app refused the request: {}", text_of(end.protocol_status)));
    if (end.app_status != 0)
        throw std::runtime_error(fmt::format("the app ended the request with status {}", end.app_status));
    // An authorizer's consent may be a head alone, as any answer without a body.
    if (!head.ended())
        throw std::runtime_error("the app ended the request without a CGI head");
    complete_ = true;
}

} // namespace

int get(const get_options& o)
{
    boost::asio::io_context loop(1);
    getter g(o, loop);
    boost::asio::steady_timer timer(loop);
    bool late = false;
    if (!o.timeout.empty()) {
        timer.expires_after(time_named("--timeout", o.timeout));
        timer.async_wait([&](const error_code& ec) {
            late = !ec;
            if (late)
                g.give_up();
        });
    }
    std::exception_ptr failure;
    boost::asio::co_spawn(loop, g.run(), [&](std::exception_ptr e) {
        failure = e;
        timer.cancel();
        g.give_up();
    });
    loop.run();
    if (late)
        throw std::runtime_error(fmt::format("no complete answer from {} within {}", o.target, o.timeout));
    try {
        if (failure)
            std::rethrow_exception(failure);
    } catch (const system_error& e) {
        throw std::runtime_error(fmt::format("{}: {}", o.target, e.code().message()));
    }
    return g.complete() ? 0 : 1;
}

} // namespace sluice::command
