// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/mock_writer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace sluice::testing {

mock_writer::mock_writer(std::size_t window)
    : client_(memory_sink::make(loop_.get_executor(), window)), out_(client_)
{
    loop_.stop_clock();
    client_->read_all_at_once();
}

mock_writer::~mock_writer()
{
    client_->leave();
    left_.emit(boost::asio::cancellation_type::terminal);
    loop_.poll(); // what is left of the code under test goes while all that it uses is there
}

bool mock_writer::run(std::function<task<void>(writer&)> code)
{
    ended_ = false;
    boost::asio::co_spawn(loop_.context(), serve(*this, std::move(code)),
                          boost::asio::bind_cancellation_slot(left_.slot(), boost::asio::detached));
    poll();
    return ended_;
}

task<void> mock_writer::serve(mock_writer& me, std::function<task<void>(writer&)> code)
{
    try {
        co_await code(me.out_);
    } catch (...) {
        me.failure_ = std::current_exception();
    }
    me.ended_ = true;
    // co_spawn still has a step to go, and would throw out of the loop when the client has gone.
    co_await boost::asio::this_coro::throw_if_cancelled(false);
}

std::size_t mock_writer::drain(std::size_t most)
{
    const auto n = client_->drain(most);
    poll();
    return n;
}

void mock_writer::read_all_at_once()
{
    client_->read_all_at_once();
    poll();
}

void mock_writer::leave()
{
    client_->leave();
    poll();
}

void mock_writer::advance(manual_loop::duration by)
{
    loop_.advance(by);
    poll();
}

void mock_writer::poll()
{
    loop_.poll();
    if (client_->error() == errc::client_gone) {
        left_.emit(boost::asio::cancellation_type::terminal); // what waits for something else ends too
        loop_.poll();
    }
    if (failure_)
        std::rethrow_exception(std::exchange(failure_, nullptr));
}

} // namespace sluice::testing
