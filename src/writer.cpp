// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/log.hpp>
#include <sluice/writer.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <string>

namespace sluice {

using boost::asio::use_awaitable;

std::span<std::byte> sink::prepare(error_code& ec)
{
    ec = boost::system::errc::make_error_code(boost::system::errc::operation_not_supported);
    return {};
}

void sink::commit(std::size_t) {}

void sink::complete_soon(detail::unique_function<void()> handler)
{
    boost::asio::post(get_executor(), [s = sink_ptr(this), h = std::move(handler)]() mutable {
        try {
            h();
        } catch (const std::exception& e) {
            log::error("a completion handler of an app failed: {}", e.what());
            s->abort(errc::aborted);
        } catch (...) {
            log::error("a completion handler of an app failed: an exception that is no std::exception");
            s->abort(errc::aborted);
        }
    });
}

void writer::throw_error(error_code ec, const char* call)
{
    throw system_error(ec, std::string("sluice::writer::") + call);
}

// The waiting is left to coroutines of its own: Asio keeps only small frames for use again, and most calls do not wait.

task<void> writer::write(boost::asio::const_buffer bytes)
{
    bytes += try_write(bytes);
    if (bytes.size() > 0)
        co_await write_rest(bytes);
}

task<void> writer::write_rest(boost::asio::const_buffer bytes)
{
    for (; bytes.size() > 0; bytes += try_write(bytes))
        co_await async_wait_writable(use_awaitable);
}

task<void> writer::flush()
{
    if (!try_flush())
        co_await wait_until_flushed();
}

task<void> writer::wait_until_flushed()
{
    co_await async_flush(use_awaitable);
}

task<void> writer::finish()
{
    error_code ec;
    sink_->finish(ec);
    if (ec)
        throw_error(ec, "finish");
    co_await async_wait(wait_for::finished, use_awaitable);
}

bool writer::start_finish(sink& s, waiter done)
{
    error_code ec;
    s.finish(ec);
    if (!ec)
        return s.wait(wait_for::finished, std::move(done));
    s.complete_soon([ec, done = std::move(done)]() mutable { done(ec); });
    return false;
}

bool writer::start_write(sink_ptr s, boost::asio::const_buffer rest,
                         detail::unique_function<void(error_code, std::size_t)> done, std::size_t written)
{
    sink* const p = s.get();
    if (rest.size() == 0) {
        // Nothing to wait for, but an operation must not complete inside the call that starts it.
        p->complete_soon([ec = p->error(), done = std::move(done), written]() mutable { done(ec, written); });
        return false;
    }
    return p->wait(wait_for::writable,
                   [s = std::move(s), rest, done = std::move(done), written](error_code ec) mutable {
                       if (ec)
                           return done(ec, written);
                       write_more(std::move(s), rest, std::move(done), written);
                   });
}

void writer::write_more(sink_ptr s, boost::asio::const_buffer rest,
                        detail::unique_function<void(error_code, std::size_t)> done, std::size_t written)
{
    error_code ec;
    const auto n = s->try_write({static_cast<const std::byte*>(rest.data()), rest.size()}, ec);
    rest += n;
    written += n;
    if (ec || rest.size() == 0)
        return done(ec, written);
    start_write(std::move(s), rest, std::move(done), written);
}

} // namespace sluice
