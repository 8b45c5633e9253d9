// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Small writes behind the first end up in the put area, without a call. They obey every rule that a call would have checked.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr std::string_view piece = "0123456789abcdef";

// Enough to open the area, and one piece in it.
struct opened : kept_writer {
    opened()
    {
        REQUIRE(out->try_write(piece) == piece.size());
        REQUIRE(out->try_write(piece) == piece.size());
    }
    error_code write()
    {
        error_code ec;
        const auto n = out->try_write(piece, ec);
        CHECK(n == (ec ? 0 : piece.size()));
        return ec;
    }
};

} // namespace

TEST_CASE("put area: what was put counts at once, and comes in order")
{
    kept_writer kept;
    std::string all;
    for (int i = 0; i < 5000; ++i) {
        const auto line = std::to_string(i) + "\n";
        REQUIRE(kept.out->try_write(line) == line.size());
        all += line;
        REQUIRE(kept.out->accepted() == all.size());
        if (i % 700 == 699) { // the turn ends in between, and the client takes what is there
            kept.client.take_all();
            kept.loop.poll();
            REQUIRE(kept.client.body() == all);
            REQUIRE(kept.out->sent() == all.size());
        }
    }
    kept.client.take_all();
    kept.loop.poll();
    CHECK(kept.client.body() == all);
    CHECK(kept.loop.statistics().produced == all.size());
    kept.out->async_flush([](error_code) {});
    kept.loop.poll();
    kept.out.reset();
}

TEST_CASE("put area: nothing at all may be written into it")
{
    opened kept;
    CHECK(kept.out->try_write(std::string_view()) == 0);
    CHECK(kept.out->accepted() == 2 * piece.size());
}

TEST_CASE("R44: a Content-Length holds for the last of many small writes")
{
    fake_loop loop([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "40"}});
        CHECK(out.try_write(piece) == 16);
        CHECK(out.try_write(piece) == 16);
        error_code ec;
        CHECK(out.try_write(piece, ec) == 0); // 48 bytes
        CHECK(ec == errc::length_exceeded);
        CHECK(out.try_write(piece.substr(0, 7)) == 7);
        CHECK(out.try_write(piece.substr(0, 1)) == 1);
        CHECK(out.try_write(piece.substr(0, 1), ec) == 0);
        CHECK(ec == errc::length_exceeded);
        CHECK(out.accepted() == 40);
        co_await out.finish();
    });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.body() == std::string(piece) + std::string(piece) + "01234560");
    CHECK(client.ended_well());
}

TEST_CASE("put area: it is closed by whatever ends the response")
{
    opened kept;
    SECTION("abort")
    {
        kept.out->abort();
        CHECK(kept.write() == errc::aborted);
    }
    SECTION("the client leaves")
    {
        kept.client.leave();
        CHECK(kept.write() == errc::client_gone);
    }
    SECTION("shutdown")
    {
        kept.client.cancel();
        CHECK(kept.write() == errc::shutting_down);
    }
    SECTION("finish")
    {
        bool done = false;
        boost::asio::co_spawn(kept.loop.context(), kept.out->finish(),
                              [&](std::exception_ptr e) { done = !e; });
        kept.client.take_all();
        kept.loop.poll();
        CHECK(done);
        CHECK(kept.write() == errc::already_finished);
        CHECK(kept.client.body().size() == 2 * piece.size());
        CHECK(kept.client.ended_well());
    }
}

TEST_CASE("a small write while an operation is pending is refused")
{
    opened kept;
    outcome seen;
    kept.out->async_flush([&](error_code ec) { seen = {true, ec}; });
    CHECK(kept.write() == errc::operation_pending);
    kept.client.take_all();
    kept.loop.poll();
    CHECK(seen.ended);
    CHECK_FALSE(seen.ec);
    CHECK_FALSE(kept.write());
}

TEST_CASE("try_flush: hands over what goes without waiting, and says whether that was all")
{
    opened kept;
    CHECK_FALSE(kept.out->try_flush());
    CHECK(kept.client.body().empty());
    kept.client.take_all();
    CHECK(kept.out->try_flush());
    CHECK(kept.client.body().size() == 2 * piece.size());
    CHECK(kept.out->try_flush()); // nothing left
    kept.client.leave();
    error_code ec;
    CHECK_FALSE(kept.out->try_flush(ec));
    CHECK(ec == errc::client_gone);
    CHECK_THROWS_AS(kept.out->try_flush(), system_error);
}
