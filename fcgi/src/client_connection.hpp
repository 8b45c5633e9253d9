// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/fcgi/client.hpp>

#include "address.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace sluice::fcgi {

/// A request of a client: what its `client_exchange` and its connection share.
struct client_stream {
    template <class... Results>
    using done = sluice::detail::unique_function<void(error_code, Results...)>;

    std::shared_ptr<client_connection> connection;
    error_text_function errors;
    client_request request; ///< until it is begun

    std::uint16_t id = 0; ///< 0 before it is begun
    error_code error;     ///< why no operation can succeed any more
    std::optional<client_end> end;

    boost::asio::mutable_buffer read_to;
    boost::asio::const_buffer write_rest;
    std::size_t written = 0;
    record_type write_stream{};

    done<client_exchange> start_done;
    done<std::size_t> read_done, write_done;

    bool over() const noexcept { return error || end; }
};

using client_stream_ptr = std::shared_ptr<client_stream>;

/// Moves bytes between a socket and a `client_session`, and hands its events to those who wait.
class client_connection final : public std::enable_shared_from_this<client_connection> {
public:
    client_connection(executor ex, client_options options);

    executor get_executor() { return socket_.get_executor(); }
    client_session& session() noexcept { return session_; }
    bool usable() const noexcept { return connected_ && !write_error_ && session_.reusable(); }

    void connect(const address& where, client_stream::done<> done);

    // Each says false when it refused because another operation is pending.
    bool start(const client_stream_ptr& s, client_stream::done<client_exchange> done);
    bool read(const client_stream_ptr& s, boost::asio::mutable_buffer to,
              client_stream::done<std::size_t> done);
    bool write(const client_stream_ptr& s, record_type stream, boost::asio::const_buffer bytes,
               client_stream::done<std::size_t> done);
    bool get_values(client_stream::done<field_list> done);

    void finish(client_stream& s, record_type stream);
    void abort(client_stream& s);
    void close() { fail(boost::asio::error::operation_aborted); }

private:
    using protocol = boost::asio::generic::stream_protocol;

    void connect_to(std::vector<protocol::endpoint> endpoints, std::size_t next);
    void connected(const error_code& ec);

    void pump();
    void pump_soon();
    void begin_requests();
    void frame();
    void on_sent(const error_code& ec, std::size_t n);

    void receive();
    void on_received(const error_code& ec, std::size_t n);
    void parse();
    void parse_soon();
    void on_event(const client_event& e);
    void deliver(client_stream& s);
    void on_ended(const client_event& e);
    void on_values(error_code ec);

    void fail(error_code why);
    void stop(client_stream& s, error_code why);

    client_session session_;
    protocol::socket socket_;
    boost::asio::ip::tcp::resolver resolver_;
    client_stream::done<> connect_done_;
    client_stream::done<field_list> values_done_;

    std::vector<client_stream_ptr> streams_; ///< by id, from 1
    std::deque<client_stream_ptr> starting_; ///< wait for room
    std::deque<client_stream_ptr> writing_;  ///< in the order of their turns

    bool connected_ = false;
    bool closed_ = false;
    bool sending_ = false, receiving_ = false;
    bool pump_posted_ = false, parse_posted_ = false;
    error_code write_error_; ///< the app may have answered all the same

    std::array<std::byte, 64 * 1024> buffer_;
    std::span<const std::byte> unparsed_;
    std::span<const std::byte> held_; ///< content nobody has taken yet; nothing is parsed behind it
    std::uint16_t held_id_ = 0;
};

} // namespace sluice::fcgi
