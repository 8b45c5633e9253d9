// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/fcgi/client.hpp>

#include "client_connection.hpp"

#include <boost/asio/use_awaitable.hpp>

namespace sluice::fcgi {

using boost::asio::use_awaitable;

// The exchange

task<void> client_exchange::write(std::string_view bytes)
{
    co_await async_write({bytes.data(), bytes.size()}, use_awaitable);
}

task<std::size_t> client_exchange::read(boost::asio::mutable_buffer to)
{
    co_return co_await async_read(to, use_awaitable);
}

void client_exchange::finish()
{
    stream_->connection->finish(*stream_, record_type::stdin_stream);
}

void client_exchange::finish_data()
{
    stream_->connection->finish(*stream_, record_type::data);
}

const std::optional<client_end>& client_exchange::end() const noexcept
{
    return stream_->end;
}

void client_exchange::abort() noexcept
{
    if (stream_)
        cancel(*stream_);
}

executor client_exchange::executor_of(const client_stream& s)
{
    return s.connection->get_executor();
}

bool client_exchange::start_read(const std::shared_ptr<client_stream>& s, boost::asio::mutable_buffer to,
                                 done d)
{
    return s->connection->read(s, to, std::move(d));
}

bool client_exchange::start_write(const std::shared_ptr<client_stream>& s, record_type stream,
                                  boost::asio::const_buffer bytes, done d)
{
    return s->connection->write(s, stream, bytes, std::move(d));
}

void client_exchange::cancel(client_stream& s)
{
    s.connection->abort(s);
}

// The client

client::client(executor ex, client_options options)
    : connection_(std::make_shared<client_connection>(std::move(ex), std::move(options)))
{}

client& client::operator=(client&& other) noexcept
{
    if (this != &other) {
        close();
        connection_ = std::move(other.connection_);
    }
    return *this;
}

client::~client()
{
    close();
}

executor client::get_executor() const
{
    return connection_->get_executor();
}

bool client::reusable() const noexcept
{
    return connection_->usable();
}

std::size_t client::active() const noexcept
{
    return connection_->session().active();
}

void client::close() noexcept
{
    if (connection_)
        connection_->close();
}

void client::check_address(std::string_view address)
{
    address::parse(address);
}

executor client::executor_of(const client_connection& c)
{
    return const_cast<client_connection&>(c).get_executor();
}

void client::close(client_connection& c)
{
    c.close();
}

bool client::start_connect(const std::shared_ptr<client_connection>& c, const std::string& address,
                           sluice::detail::unique_function<void(error_code)> done)
{
    c->connect(fcgi::address::parse(address), std::move(done));
    return true;
}

std::shared_ptr<client_stream> client::new_stream(const std::shared_ptr<client_connection>& c,
                                                  error_text_function errors)
{
    auto s = std::make_shared<client_stream>();
    s->connection = c;
    s->errors = std::move(errors);
    return s;
}

bool client::start_request(const std::shared_ptr<client_stream>& s, client_request r,
                           sluice::detail::unique_function<void(error_code, client_exchange)> done)
{
    s->request = std::move(r);
    return s->connection->start(s, std::move(done));
}

void client::cancel_start(client_stream& s)
{
    s.connection->abort(s);
}

bool client::start_values(const std::shared_ptr<client_connection>& c,
                          sluice::detail::unique_function<void(error_code, field_list)> done)
{
    return c->get_values(std::move(done));
}

} // namespace sluice::fcgi
