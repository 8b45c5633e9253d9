// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/mock_writer.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <stdexcept>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

namespace {

task<void> send_rows(writer& out, int rows)
{
    for (int i = 1; i <= rows; ++i)
        co_await out.write("row " + std::to_string(i) + "\n");
}

} // namespace

TEST_CASE("mock_writer: what writes is tested in three lines")
{
    testing::mock_writer mock;
    CHECK(mock.run([](writer& out) { return send_rows(out, 2); }));
    CHECK(mock.received() == "row 1\nrow 2\n");

    // And again, by another way to call it.
    CHECK(mock.run([rows = 3](writer& out) -> task<void> { co_await send_rows(out, rows); }));
    CHECK(mock.received() == "row 1\nrow 2\nrow 1\nrow 2\nrow 3\n");
    CHECK(mock.ended());
    CHECK_FALSE(mock.client().finished());
    CHECK(mock.run([](writer& out) { return out.finish(); }));
    CHECK(mock.client().finished());
}

TEST_CASE("mock_writer: a client that stalls, drains by hand, and reads on")
{
    testing::mock_writer mock(100);
    mock.stall();
    CHECK_FALSE(mock.run([](writer& out) { return send_rows(out, 100); }));
    CHECK(mock.client().held() == 100);
    CHECK(mock.drain(30) == 30);
    CHECK(mock.received().size() == 30);
    CHECK(mock.client().held() == 100); // it wrote on
    CHECK_FALSE(mock.ended());
    mock.read_all_at_once();
    CHECK(mock.ended());
    CHECK(mock.received().ends_with("row 100\n"));
    CHECK(mock.client().peak_held() <= 100);
    CHECK(mock.out().sent() == mock.received().size());
}

TEST_CASE("mock_writer: time passes when the test says so")
{
    testing::mock_writer mock;
    CHECK_FALSE(mock.run([](writer& out) -> task<void> {
        for (;;) {
            co_await out.write("tick\n");
            co_await sleep_for(1h);
        }
    }));
    CHECK(mock.received() == "tick\n");
    mock.advance(59min);
    CHECK(mock.received() == "tick\n");
    mock.advance(2h);
    CHECK(mock.received() == "tick\ntick\ntick\n");
    CHECK_FALSE(mock.ended());
} // an app that sleeps is no hindrance to the end

TEST_CASE("F8: mock_writer: the client leaves, and what waits for anything ends by throwing")
{
    outcome o;
    SECTION("while it writes")
    {
        testing::mock_writer mock(10);
        mock.stall();
        CHECK_FALSE(mock.run([&](writer& out) { return note(o, [&] { return send_rows(out, 10); }); }));
        mock.leave();
        CHECK(mock.ended());
        CHECK(o.ec == errc::client_gone);
    }
    SECTION("after so many bytes")
    {
        testing::mock_writer mock;
        mock.leave_after(8);
        CHECK(mock.run([&](writer& out) { return note(o, [&] { return send_rows(out, 10); }); }));
        CHECK(o.ec == errc::client_gone);
        CHECK(mock.received() == "row 1\nro");
    }
    SECTION("while it sleeps")
    {
        testing::mock_writer mock;
        CHECK_FALSE(mock.run([&](writer&) { return note(o, [] { return sleep_for(1h); }); }));
        mock.leave();
        CHECK(mock.ended());
        CHECK(o.ec == boost::asio::error::operation_aborted);
    }
}

TEST_CASE("mock_writer: what the code under test throws comes out of the call in which it did")
{
    testing::mock_writer mock;
    CHECK_THROWS_WITH(mock.run([](writer&) -> task<void> {
        throw std::runtime_error("at once");
        co_return;
    }),
                      "at once");
    CHECK(mock.ended());
    CHECK_FALSE(mock.run([](writer&) -> task<void> {
        co_await sleep_for(1s);
        throw std::runtime_error("later");
    }));
    CHECK_THROWS_WITH(mock.advance(1s), "later");
    CHECK(mock.ended());
    mock.advance(1s); // once
}
