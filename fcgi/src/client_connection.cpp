// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "client_connection.hpp"

#include <sluice/errc.hpp>
#include <sluice/fcgi/errc.hpp>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::fcgi {

namespace asio = boost::asio;

namespace {

// An operation never completes inside the call that starts it, nor in the midst of what the connection is doing.
template <class Done, class... Results>
void complete(const executor& ex, Done& done, Results... results)
{
    if (done)
        asio::post(
            ex, [d = std::exchange(done, {}), ... r = std::move(results)]() mutable { d(std::move(r)...); });
}

} // namespace

client_connection::client_connection(executor ex, client_options options)
    : session_(options.limits, std::move(options.trace)), socket_(ex), resolver_(ex)
{}

// Connecting

void client_connection::connect(const address& where, client_stream::done<> done)
{
    connect_done_ = std::move(done);
    if (closed_ || connected_)
        return complete(get_executor(), connect_done_, error_code(asio::error::already_connected));
    if (!where.path.empty())
        return connect_to({asio::local::stream_protocol::endpoint(where.path)}, 0);
    resolver_.async_resolve(where.host, where.port,
                            [self = shared_from_this()](const error_code& ec, const auto& found) {
                                if (ec || self->closed_)
                                    return self->connected(ec);
                                std::vector<protocol::endpoint> all;
                                for (const auto& one : found)
                                    all.emplace_back(one.endpoint());
                                self->connect_to(std::move(all), 0);
                            });
}

void client_connection::connect_to(std::vector<protocol::endpoint> endpoints, std::size_t next)
{
    error_code ignored;
    socket_.close(ignored);
    const auto to = endpoints[next];
    socket_.async_connect(
        to, [self = shared_from_this(), endpoints = std::move(endpoints), next](error_code ec) mutable {
            if (!ec) // a unix socket whose queue is full looks connected to Asio, and is not
                self->socket_.remote_endpoint(ec);
            if (ec == asio::error::not_connected)
                ec = asio::error::try_again;
            if (ec && !self->closed_ && next + 1 < endpoints.size())
                return self->connect_to(std::move(endpoints), next + 1);
            self->connected(ec);
        });
}

void client_connection::connected(const error_code& ec)
{
    if (closed_)
        return;
    if (ec)
        return fail(ec);
    connected_ = true;
    error_code ignored; // a unix socket knows no such option
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    complete(get_executor(), connect_done_, error_code());
    receive();
    pump_soon();
}

// Output

bool client_connection::start(const client_stream_ptr& s, client_stream::done<client_exchange> done)
{
    s->start_done = std::move(done);
    starting_.push_back(s);
    pump_soon();
    return true;
}

bool client_connection::write(const client_stream_ptr& s, record_type stream, asio::const_buffer bytes,
                              client_stream::done<std::size_t> done)
{
    error_code refused;
    if (s->write_done)
        refused = sluice::errc::operation_pending;
    else if (s->error || write_error_)
        refused = s->error ? s->error : write_error_;
    else if (!session_.accepts(s->id, stream))
        refused = asio::error::broken_pipe;
    if (refused || bytes.size() == 0) {
        complete(get_executor(), done, refused, std::size_t{0});
        return false;
    }
    s->write_done = std::move(done);
    s->write_rest = bytes;
    s->written = 0;
    s->write_stream = stream;
    writing_.push_back(s);
    pump_soon();
    return true;
}

bool client_connection::get_values(client_stream::done<field_list> done)
{
    constexpr std::string_view names[] = {"FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS"};
    error_code refused;
    if (!connected_ || write_error_)
        refused = asio::error::not_connected;
    else if (!session_.get_values(names))
        refused = sluice::errc::operation_pending;
    if (refused) {
        complete(get_executor(), done, refused, field_list());
        return false;
    }
    values_done_ = std::move(done);
    pump_soon();
    return true;
}

void client_connection::finish(client_stream& s, record_type stream)
{
    if (s.over())
        return;
    session_.finish(s.id, stream);
    pump_soon();
}

// What is begun in one turn of the loop leaves in one write.
void client_connection::pump_soon()
{
    if (!std::exchange(pump_posted_, true))
        asio::post(socket_.get_executor(), [self = shared_from_this()] {
            self->pump_posted_ = false;
            self->pump();
        });
}

void client_connection::pump()
{
    begin_requests();
    if (!connected_ || sending_ || write_error_)
        return;
    frame();
    const auto out = session_.output();
    if (out.empty())
        return;
    sending_ = true;
    socket_.async_write_some(asio::buffer(out.data(), out.size()),
                             [self = shared_from_this()](const error_code& ec, std::size_t n) {
                                 self->sending_ = false;
                                 self->on_sent(ec, n);
                             });
}

void client_connection::on_sent(const error_code& ec, std::size_t n)
{
    if (closed_)
        return;
    if (!ec) {
        session_.sent(n);
        return pump();
    }
    // The app takes no more, but its answer may be on the way: reading says.
    write_error_ = ec;
    for (const auto& s : std::exchange(writing_, {}))
        complete(get_executor(), s->write_done, ec, s->written);
    begin_requests();
}

void client_connection::begin_requests()
{
    while (!starting_.empty() && (!usable() || session_.can_start())) {
        const auto s = std::move(starting_.front());
        starting_.pop_front();
        if (usable())
            s->error = session_.start(s->request, s->id);
        else
            s->error = asio::error::not_connected;
        s->request.params = field_list(); // its text is framed
        if (s->error) {
            complete(get_executor(), s->start_done, s->error, client_exchange());
            continue;
        }
        if (streams_.size() < s->id)
            streams_.resize(s->id);
        streams_[s->id - 1u] = s;
        complete(get_executor(), s->start_done, error_code(), client_exchange(s));
    }
}

// One record for each of those who write, in turn.
void client_connection::frame()
{
    while (!writing_.empty()) {
        auto s = std::move(writing_.front());
        writing_.pop_front();
        const std::span rest(static_cast<const std::byte*>(s->write_rest.data()), s->write_rest.size());
        const auto n = session_.write(s->id, rest, s->write_stream);
        s->written += n;
        s->write_rest += n;
        if (s->write_rest.size() == 0)
            complete(get_executor(), s->write_done, error_code(), s->written);
        else if (n > 0)
            writing_.push_back(std::move(s));
        else if (session_.accepts(s->id, s->write_stream))
            return writing_.push_front(std::move(s)); // when there is room
        else
            complete(get_executor(), s->write_done, error_code(asio::error::broken_pipe), s->written);
    }
}

// Input

bool client_connection::read(const client_stream_ptr& s, asio::mutable_buffer to,
                             client_stream::done<std::size_t> done)
{
    error_code refused = s->error;
    if (s->read_done)
        refused = sluice::errc::operation_pending;
    if (refused || s->end || to.size() == 0) {
        complete(get_executor(), done, refused, std::size_t{0});
        return false;
    }
    s->read_to = to;
    s->read_done = std::move(done);
    if (!held_.empty() && held_id_ == s->id) {
        deliver(*s);
        parse_soon();
    }
    return true;
}

void client_connection::receive()
{
    if (!connected_ || receiving_)
        return;
    receiving_ = true;
    socket_.async_read_some(asio::buffer(buffer_),
                            [self = shared_from_this()](const error_code& ec, std::size_t n) {
                                self->receiving_ = false;
                                self->on_received(ec, n);
                            });
}

void client_connection::on_received(const error_code& ec, std::size_t n)
{
    if (closed_)
        return;
    if (ec) {
        const auto broken = session_.end_of_input();
        return fail(ec == asio::error::eof && broken ? broken : ec);
    }
    unparsed_ = std::span(buffer_).first(n);
    parse();
}

void client_connection::parse_soon()
{
    if (!std::exchange(parse_posted_, true))
        asio::post(socket_.get_executor(), [self = shared_from_this()] {
            self->parse_posted_ = false;
            if (!self->receiving_)
                self->parse();
        });
}

void client_connection::parse()
{
    client_event e;
    error_code ec;
    while (connected_ && held_.empty()) {
        switch (session_.next(unparsed_, e, ec)) {
        case client_session::result::need_more: return receive();
        case client_session::result::failed: return fail(ec);
        case client_session::result::have_event: on_event(e); break;
        }
    }
}

void client_connection::on_event(const client_event& e)
{
    using kind = client_event::kind;
    switch (e.what) {
    case kind::out:
        held_ = e.content;
        held_id_ = e.id;
        deliver(*streams_[e.id - 1u]);
        break;
    case kind::errors:
        if (const auto s = streams_[e.id - 1u]; s->errors)
            s->errors({reinterpret_cast<const char*>(e.content.data()), e.content.size()});
        break;
    case kind::ended: on_ended(e); break;
    case kind::values: on_values({}); break;
    case kind::unknown_type: on_values(asio::error::operation_not_supported); break;
    }
}

// Gives what is held to the one who waits for it, if he does.
void client_connection::deliver(client_stream& s)
{
    if (!s.read_done)
        return;
    const auto n = std::min(held_.size(), s.read_to.size());
    std::memcpy(s.read_to.data(), held_.data(), n);
    held_ = held_.subspan(n);
    complete(get_executor(), s.read_done, error_code(), n);
}

void client_connection::on_ended(const client_event& e)
{
    const auto s = std::exchange(streams_[e.id - 1u], nullptr);
    if (s && !s->over()) {
        s->end = client_end{e.app_status, e.protocol_status, e.out_ended};
        std::erase(writing_, s);
        complete(get_executor(), s->read_done, error_code(), std::size_t{0});
        complete(get_executor(), s->write_done, error_code(asio::error::broken_pipe), s->written);
    }
    if (!session_.reusable() && session_.active() == 0)
        return fail(asio::error::eof);
    pump_soon(); // an id is free
}

void client_connection::on_values(error_code ec)
{
    complete(get_executor(), values_done_, ec, ec ? field_list() : session_.values());
}

// The end

void client_connection::stop(client_stream& s, error_code why)
{
    if (!s.over())
        s.error = why;
    complete(get_executor(), s.start_done, why, client_exchange());
    complete(get_executor(), s.read_done, why, std::size_t{0});
    complete(get_executor(), s.write_done, why, s.written);
}

void client_connection::abort(client_stream& s)
{
    const auto self = shared_from_this();
    if (s.over())
        return;
    if (s.id == 0) {
        std::erase_if(starting_, [&](const client_stream_ptr& each) { return each.get() == &s; });
    } else {
        // The entry goes when END_REQUEST has come.
        session_.abort(s.id);
        std::erase_if(writing_, [&](const client_stream_ptr& each) { return each.get() == &s; });
        if (!held_.empty() && held_id_ == s.id) {
            held_ = {};
            parse_soon();
        }
        pump_soon();
    }
    stop(s, asio::error::operation_aborted);
}

void client_connection::fail(error_code why)
{
    if (std::exchange(closed_, true))
        return;
    connected_ = false;
    held_ = {};
    error_code ignored;
    socket_.close(ignored);
    resolver_.cancel();
    writing_.clear();
    complete(get_executor(), connect_done_, why);
    complete(get_executor(), values_done_, why, field_list());
    for (const auto& s : std::exchange(starting_, {}))
        stop(*s, why);
    for (const auto& s : std::exchange(streams_, {}))
        if (s)
            stop(*s, why);
}

} // namespace sluice::fcgi
