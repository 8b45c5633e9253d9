// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/request.hpp>

#include <sluice/exchange.hpp>

#include <boost/asio/use_awaitable.hpp>

namespace sluice {

namespace {

std::span<std::byte> bytes_of(boost::asio::mutable_buffer b) noexcept
{
    return {static_cast<std::byte*>(b.data()), b.size()};
}

} // namespace

std::optional<std::uint64_t> request_body::length() const noexcept
{
    return stream_.length();
}

bool request_body::at_end() const noexcept
{
    return stream_.at_end();
}

task<std::size_t> request_body::read(boost::asio::mutable_buffer to)
{
    return read_some(stream_, to);
}

task<std::size_t> request_body::read_some(request_stream& s, boost::asio::mutable_buffer to)
{
    error_code ec;
    bool end = false;
    const auto n = s.try_read(bytes_of(to), ec, end);
    if (ec)
        throw system_error(ec, "sluice::request_body::read");
    if (n > 0 || end || to.size() == 0)
        co_return n;
    co_return co_await request_body(s).async_read(to, boost::asio::use_awaitable);
}

task<boost::asio::const_buffer> request_body::read_block()
{
    return read_front(stream_);
}

task<boost::asio::const_buffer> request_body::read_front(request_stream& s)
{
    error_code ec;
    bool end = false;
    const auto bytes = s.front(ec, end);
    if (ec)
        throw system_error(ec, "sluice::request_body::read_block");
    if (!bytes.empty() || end)
        co_return boost::asio::const_buffer(bytes.data(), bytes.size());
    co_return co_await request_body(s).async_read_block(boost::asio::use_awaitable);
}

bool request_body::start_read_block(request_stream& s,
                                    detail::unique_function<void(error_code, boost::asio::const_buffer)> done)
{
    return s.wait([&s, done = std::move(done)](error_code ec) mutable {
        bool end = false;
        const auto bytes = ec ? std::span<const std::byte>() : s.front(ec, end);
        done(ec, boost::asio::const_buffer(bytes.data(), bytes.size()));
    });
}

void request_body::consume(std::size_t n)
{
    stream_.consume(n);
}

task<std::uint64_t> request_body::buffer(std::uint64_t most)
{
    return buffer_all(stream_, most);
}

task<std::uint64_t> request_body::buffer()
{
    return buffer_all(stream_, stream_.owner().resources().limits().buffered_body);
}

task<std::uint64_t> request_body::buffer_all(request_stream& s, std::uint64_t most)
{
    if (s.buffered())
        co_return s.received();
    co_return co_await request_body(s).async_buffer(most, boost::asio::use_awaitable);
}

bool request_body::start_buffer(request_stream& s, std::uint64_t most,
                                detail::unique_function<void(error_code, std::uint64_t)> done)
{
    return s.buffer(most,
                    [&s, done = std::move(done)](error_code ec) mutable { done(ec, ec ? 0 : s.received()); });
}

bool request_body::buffered() const noexcept
{
    return stream_.buffered();
}

void request_body::seek(std::uint64_t position)
{
    if (!stream_.buffered())
        throw system_error(errc::body_not_buffered, "sluice::request_body::seek");
    stream_.seek(position);
}

std::uint64_t request_body::position() const
{
    if (!stream_.buffered())
        throw system_error(errc::body_not_buffered, "sluice::request_body::position");
    return stream_.position();
}

executor request_body::own_executor(request_stream& s)
{
    return s.owner().get_executor();
}

bool request_body::start_read(request_stream& s, boost::asio::mutable_buffer to,
                              detail::unique_function<void(error_code, std::size_t)> done)
{
    return s.read(bytes_of(to), std::move(done));
}

void request_body::cancel_read(request_stream& s)
{
    s.cancel_read();
}

void error_stream::write(std::string_view text)
{
    exchange_.write_error_text(text);
}

void error_stream::line(std::string_view text)
{
    exchange_.write_error_text(text);
    exchange_.write_error_text("\n");
}

executor request::get_executor() const
{
    return exchange_.get_executor();
}

std::uint64_t request::id() const noexcept
{
    return exchange_.id();
}

role request::role() const noexcept
{
    return exchange_.role();
}

environment& request::env() noexcept
{
    return exchange_.env();
}

const environment& request::env() const noexcept
{
    return exchange_.env();
}

request_body request::body() noexcept
{
    return request_body(exchange_.body());
}

request_body request::data()
{
    return request_body(exchange_.data());
}

const service_facts& request::facts() const noexcept
{
    return exchange_.resources().facts();
}

bool request::aborted() const noexcept
{
    return exchange_.gone();
}

void request::on_end(detail::unique_function<void()> f)
{
    exchange_.on_end(std::move(f));
}

void request::on_failure(detail::unique_function<void(int)> f)
{
    exchange_.on_failure(std::move(f));
}

sent_response request::sent() const
{
    return {exchange_.sent_status(), exchange_.sent(), exchange_.cut_short()};
}

const sluice::limits& request::limits() const noexcept
{
    return exchange_.resources().limits();
}

sluice::statistics request::statistics() const
{
    if (const auto& all = exchange_.resources().all_statistics)
        return all();
    sluice::statistics s;
    exchange_.resources().add_to(s);
    return s;
}

} // namespace sluice
