// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/body_source.hpp>
#include <sluice/writer.hpp>

#include <boost/asio/cancellation_signal.hpp>

#include <cstddef>
#include <exception>
#include <memory>

namespace sluice::detail {

/// A body on its way from its source to a sink, at the sink's pace: it reads into the sink's own room, so that what is
/// held is the sink's window. Only what a source has to wait for, and what a middleware that lends no room is given, goes
/// through one buffer of a block.
class body_sender : public std::enable_shared_from_this<body_sender> {
public:
    /// Starts it; it keeps itself until the response has ended. To be called on the sink's executor, after the head.
    static void start(sink_ptr to, std::unique_ptr<body_source> from);

    body_sender(sink_ptr to, std::unique_ptr<body_source> from);

private:
    task<void> run();
    task<void> send_all();
    task<std::size_t> read_watched(boost::asio::mutable_buffer to);
    void watch();
    task<void> unwatch();
    void ended(std::exception_ptr failure);
    boost::asio::mutable_buffer own();

    sink_ptr sink_;
    writer out_;
    std::unique_ptr<body_source> source_;
    std::unique_ptr<std::byte[]> own_;
    std::byte one_more_{};
    boost::asio::cancellation_signal gone_;
    unique_function<void()> unwatched_;
    bool watching_ = false;
};

} // namespace sluice::detail
