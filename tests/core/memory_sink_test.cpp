// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/memory_sink.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <sluice/writer.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <optional>

using namespace sluice;
using testing::memory_sink;

namespace {

namespace asio = boost::asio;

struct fixture {
    explicit fixture(std::size_t window = 1000)
        : sink(memory_sink::make(context.get_executor(), window)), out(writer(sink))
    {}
    void poll()
    {
        context.restart();
        context.poll();
    }
    // Runs a coroutine of the app until it waits or ends; says how it ended.
    void run(task<void> t)
    {
        end.reset();
        asio::co_spawn(context, std::move(t), [this](std::exception_ptr e) {
            end = error_code();
            try {
                if (e)
                    std::rethrow_exception(e);
            } catch (const system_error& error) {
                end = error.code();
            }
        });
        poll();
    }

    asio::io_context context;
    boost::intrusive_ptr<memory_sink> sink;
    std::optional<writer> out;
    std::optional<error_code> end;
};

std::string text(std::size_t n)
{
    return test::text_of_size(n);
}

} // namespace

TEST_CASE("memory_sink: holds a window until the client reads, and says what the client saw")
{
    fixture f;
    const auto body = text(5000);
    f.run(f.out->write(body));
    CHECK_FALSE(f.end); // the app waits
    CHECK(f.sink->held() == 1000);
    CHECK(f.sink->received().empty());
    CHECK(f.out->accepted() == 1000);
    CHECK(f.out->sent() == 0);

    CHECK(f.sink->drain(300) == 300);
    f.poll();
    CHECK(f.sink->received() == body.substr(0, 300));
    CHECK(f.sink->held() == 1000); // filled up again
    CHECK_FALSE(f.end);
    while (f.sink->drain(700) > 0)
        f.poll();
    CHECK(f.end == error_code());
    CHECK(f.sink->received() == body);
    CHECK(f.sink->peak_held() == 1000);
    CHECK(f.out->sent() == 5000);
    CHECK(f.sink->pieces().front() == 300);
    CHECK(f.sink->pieces().size() == 8);

    CHECK_FALSE(f.sink->finished());
    f.run(f.out->finish());
    CHECK(f.end == error_code());
    CHECK(f.sink->finished());
    CHECK_FALSE(f.sink->aborted());
}

TEST_CASE("memory_sink: a client that reads everything at once, then nothing")
{
    fixture f;
    f.sink->read_all_at_once();
    const auto body = text(100'000);
    f.run(f.out->write(body));
    CHECK(f.end == error_code());
    CHECK(f.sink->received() == body);
    CHECK(f.sink->held() == 0);
    CHECK(f.sink->peak_held() <= 1000);

    f.sink->read_all_at_once(false);
    f.run(f.out->write("more"));
    CHECK(f.end == error_code());
    CHECK(f.sink->held() == 4);
    f.sink->read_all_at_once();
    CHECK(f.sink->received() == body + "more");
}

TEST_CASE("memory_sink: a client that leaves fails what is pending and what comes after")
{
    fixture f;
    const auto body = text(5000);
    SECTION("at a word")
    {
        f.run(f.out->write(body));
        CHECK_FALSE(f.end);
        f.sink->leave();
        CHECK(f.sink->held() == 0);
        f.poll();
        CHECK(f.end == errc::client_gone);
        CHECK(f.sink->received().empty());
    }
    SECTION("for another reason")
    {
        f.run(f.out->write(body));
        f.sink->leave(errc::shutting_down);
        f.sink->leave(errc::client_gone); // the first counts
        f.poll();
        CHECK(f.end == errc::shutting_down);
    }
    SECTION("after so many bytes")
    {
        f.sink->leave_after(1234);
        f.run(f.out->write(body));
        f.sink->drain(700);
        f.poll();
        CHECK_FALSE(f.end);
        f.sink->drain(700);
        f.poll();
        CHECK(f.end == errc::client_gone);
        CHECK(f.sink->received() == body.substr(0, 1234));
    }
    SECTION("after so many bytes, read at once")
    {
        f.sink->leave_after(1234);
        f.sink->read_all_at_once();
        f.run(f.out->write(body));
        CHECK(f.end == errc::client_gone);
        CHECK(f.sink->received() == body.substr(0, 1234));
    }
    CHECK(f.out->error());
    error_code ec;
    CHECK(f.out->try_write(std::string_view("more"), ec) == 0);
    CHECK(ec == f.out->error());
    f.run(f.out->write("more"));
    CHECK(f.end == f.out->error());
    f.run(f.out->flush());
    CHECK(f.end == f.out->error());
}

TEST_CASE("memory_sink: flush and finish wait for the client")
{
    fixture f;
    f.run(f.out->write("text"));
    CHECK(f.end == error_code());
    f.run(f.out->flush());
    CHECK_FALSE(f.end);
    f.sink->drain(3);
    f.poll();
    CHECK_FALSE(f.end);
    f.sink->drain(1);
    f.poll();
    CHECK(f.end == error_code());

    f.run(f.out->write("more"));
    f.run(f.out->finish());
    CHECK_FALSE(f.end);
    CHECK(f.sink->finished());
    f.sink->drain();
    f.poll();
    CHECK(f.end == error_code());
    f.run(f.out->finish()); // R36
    CHECK(f.end == error_code());
    f.run(f.out->write("late"));
    CHECK(f.end == errc::already_finished);
    auto writable = f.out->async_wait_writable(asio::use_future);
    f.poll();
    CHECK_THROWS_AS(writable.get(), system_error);
    CHECK(f.sink->received() == "textmore");
}

TEST_CASE("memory_sink: one wait at a time, and one that is cancelled changes nothing")
{
    fixture f;
    const auto body = text(5000);
    asio::cancellation_signal signal;
    std::optional<error_code> first;
    std::size_t written = 0;
    f.out->async_write(asio::buffer(body),
                       asio::bind_cancellation_slot(signal.slot(), [&](error_code ec, std::size_t n) {
                           first = ec;
                           written = n;
                       }));
    f.poll();
    CHECK_FALSE(first);
    auto second = f.out->async_wait_writable(asio::use_future);
    f.poll();
    CHECK_THROWS_AS(second.get(), system_error);
    error_code ec;
    CHECK(f.out->try_write(std::string_view("x"), ec) == 0);
    CHECK(ec == errc::operation_pending);
    CHECK_FALSE(first);

    f.sink->drain(100);
    f.poll();
    signal.emit(asio::cancellation_type::terminal);
    f.poll();
    REQUIRE(first);
    CHECK(*first == asio::error::operation_aborted);
    CHECK(written == 1100);
    CHECK_FALSE(f.out->error());
    f.run(f.out->write(std::string_view(body).substr(written)));
    while (f.sink->drain(800) > 0)
        f.poll();
    CHECK(f.end == error_code());
    CHECK(f.sink->received() == body);
}

TEST_CASE("memory_sink: sees an abort, and a writer that was dropped")
{
    fixture f;
    f.run(f.out->write("text"));
    CHECK_FALSE(f.sink->writer_was_dropped());
    SECTION("aborted")
    {
        f.out->abort();
        CHECK(f.sink->aborted());
        CHECK(f.out->error() == errc::aborted);
        f.run(f.out->finish());
        CHECK(f.end == errc::aborted);
    }
    SECTION("finished first: then there is nothing to abort")
    {
        f.sink->drain();
        f.run(f.out->finish());
        f.out->abort();
        CHECK_FALSE(f.sink->aborted());
        CHECK(f.sink->finished());
    }
    SECTION("dropped")
    {
        CHECK_FALSE(f.sink->aborted());
    }
    f.out.reset();
    CHECK(f.sink->writer_was_dropped());
}

namespace {

// A filter as middleware has it: passes every second byte on, so that some input yields nothing.
class every_second final : public sink {
public:
    explicit every_second(sink_ptr next) : next_(std::move(next)) {}
    executor get_executor() const override { return next_->get_executor(); }
    std::size_t try_write(std::span<const std::byte> bytes, error_code& ec) override
    {
        ++calls;
        std::size_t taken = 0;
        for (; taken < bytes.size(); ++taken) {
            if (skip_ = !skip_; skip_)
                continue;
            if (next_->try_write(bytes.subspan(taken, 1), ec) == 0) {
                skip_ = true;
                break;
            }
        }
        accepted_ += taken;
        if (taken > 0)
            ec = {};
        return taken;
    }
    bool try_flush(error_code& ec) override { return next_->try_flush(ec); }
    bool wait(wait_for what, waiter w) override { return next_->wait(what, std::move(w)); }
    void cancel_wait() override { next_->cancel_wait(); }
    void finish(error_code& ec) override { next_->finish(ec); }
    void abort(error_code reason) override { next_->abort(reason); }
    void writer_dropped() override { next_->writer_dropped(); }
    error_code error() const override { return next_->error(); }
    std::uint64_t accepted() const override { return accepted_; }
    std::uint64_t sent() const override { return next_->sent(); }

    int calls = 0;

private:
    sink_ptr next_;
    bool skip_ = false;
    std::uint64_t accepted_ = 0;
};

} // namespace

TEST_CASE("F15, F18: through a filter that yields nothing for some input, writes complete, wait and fail as "
          "without")
{
    fixture f(10);
    const boost::intrusive_ptr<every_second> filter(new every_second(f.sink));
    writer out(filter);
    f.run(out.write("a"));
    CHECK(f.end == error_code());
    CHECK(f.sink->held() == 0); // nothing came of it
    CHECK(filter->calls == 1);

    f.run(out.write("bcdefghijklmnopqrstuvwxyz"));
    CHECK_FALSE(f.end); // the client's pace reaches the app through the filter
    CHECK(f.sink->held() == 10);
    const auto calls = filter->calls;
    f.poll();
    CHECK(filter->calls == calls); // and does not spin meanwhile
    f.sink->drain();
    f.poll();
    CHECK(f.end == error_code());
    CHECK(filter->calls <= calls + 2);
    f.sink->drain();
    CHECK(f.sink->received() == "bdfhjlnprtvxz");
    CHECK(out.accepted() == 26);

    const std::string more(100, 'x');
    f.run(out.write(more));
    CHECK_FALSE(f.end);
    f.sink->leave();
    f.poll();
    CHECK(f.end == errc::client_gone);
}
