// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// R18: the whole body, to be read more than once; and bodies that are looked at where they lie.
#include <sluice/exchange.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <functional>

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr auto use_awaitable = boost::asio::use_awaitable;

limits small_blocks()
{
    limits l;
    l.block_size = 4096;
    l.pool_bytes = 64 * 4096;
    l.input_window = 2 * 4096;
    return l;
}

task<std::string> read_rest(request& req, std::size_t piece)
{
    std::string all;
    std::string buffer(piece, '\0');
    while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
        all.append(buffer, 0, n);
    co_return all;
}

// By blocks, of which each time at most `most` bytes are taken.
task<std::string> read_blocks(request& req, std::size_t most)
{
    std::string all;
    for (;;) {
        const auto view = co_await req.body().read_block();
        if (view.size() == 0)
            co_return all;
        const auto n = std::min(most, view.size());
        all.append(static_cast<const char*>(view.data()), n);
        req.body().consume(n);
    }
}

response_head done()
{
    return plain_text();
}

} // namespace

TEST_CASE("R18: after buffer() the body is read from the start, again, and from any place")
{
    for (const bool by_token : {false, true}) {
        for (const std::size_t size : {0u, 1u, 4080u, 8160u, 8161u, 100'000u}) {
            for (const bool announced : {false, true}) {
                CAPTURE(by_token, size, announced);
                const std::string sent = binary(size);
                std::string first, again, middle;
                std::uint64_t said = 99;
                fake_loop loop(
                    [&](request& req, responder respond) -> task<void> {
                        auto body = req.body();
                        if (by_token)
                            said = co_await body.async_buffer(1'000'000, use_awaitable);
                        else
                            said = co_await body.buffer();
                        CHECK(body.buffered());
                        CHECK(body.position() == 0);
                        first = co_await read_rest(req, 777);
                        CHECK(body.at_end());
                        CHECK(body.position() == size);
                        body.rewind();
                        again = co_await read_blocks(req, 3000);
                        body.seek(size / 2);
                        CHECK(body.position() == size / 2);
                        middle = co_await read_rest(req, 5000);
                        body.seek(size + 1);
                        CHECK(body.position() == size);
                        said += co_await body.buffer(); // nothing new
                        CHECK(body.position() == size);
                        respond.start(done());
                    },
                    small_blocks());
                fake_host client(loop);
                const auto length = std::to_string(size);
                if (announced)
                    client.request("POST", {{"CONTENT_LENGTH", length}}, true);
                else
                    client.request("POST", {}, true);
                client.feed_all(sent);
                loop.poll();
                CHECK(said == 2 * size);
                CHECK((first == sent));
                CHECK((again == sent));
                CHECK((middle == sent.substr(size / 2)));
                CHECK(client.status() == 200);
                CHECK(loop.statistics().pool_in_use == 0);
                CHECK(loop.resources().figures().spilled.value() == 0);
            }
        }
    }
}

TEST_CASE("R18: a buffered body costs its window, and beyond it a file and no block")
{
    for (const std::size_t size : {8000u, 500'000u}) {
        CAPTURE(size);
        bool buffered = false;
        kept_request kept;
        fake_loop loop(kept.app(), small_blocks());
        fake_host client(loop);
        client.request("POST", {}, true);
        loop.poll();
        kept.req->body().async_buffer(1'000'000, [&](error_code ec, std::uint64_t n) {
            CHECK_FALSE(ec);
            CHECK(n == size);
            buffered = true;
        });
        client.feed_all(binary(size));
        loop.poll();
        CHECK(buffered);
        const bool in_file = size > 8160;
        CHECK(loop.statistics().pool_in_use == (in_file ? 0 : 2));
        CHECK(loop.resources().figures().spilled.value() == (in_file ? size : 0));
        kept.respond->send(200, {{"Content-Type", "text/plain"}}, "");
        kept.respond.reset();
        loop.poll();
        CHECK(client.ended_well());
        CHECK(loop.resources().figures().spilled.value() == 0);
    }
}

TEST_CASE("R18, R19: a body that cannot be buffered whole fails, once and for all later reads")
{
    struct row {
        const char* what;
        error_code expected;
        int status;
        std::function<void(limits&)> set;
        std::string_view announced;
        std::function<void(fake_host&)> act;
    };
    const row rows[] = {
        {"less than announced", errc::body_incomplete, 400, [](limits&) {}, "20000",
         [](fake_host& c) { c.feed_all(binary(19'999)); }},
        {"over the limit, announced", errc::body_too_large, 413, [](limits& l) { l.buffered_body = 10'000; },
         "10001", [](fake_host&) {}},
        {"over the limit", errc::body_too_large, 413, [](limits& l) { l.buffered_body = 10'000; }, "",
         [](fake_host& c) { c.feed_all(binary(100'000)); }},
        {"over the file's limit", errc::body_too_large, 413, [](limits& l) { l.spill = 20'000; }, "",
         [](fake_host& c) { c.feed_all(binary(100'000)); }},
        {"over the limit of all files", errc::body_too_large, 413, [](limits& l) { l.spill_total = 20'000; },
         "", [](fake_host& c) { c.feed_all(binary(100'000)); }},
        {"the client leaves", errc::client_gone, 0, [](limits&) {}, "100",
         [](fake_host& c) {
             c.feed("some of it");
             c.leave();
         }},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        auto l = small_blocks();
        r.set(l);
        error_code first, again;
        fake_loop loop(
            [&](request& req, responder) -> task<void> {
                try {
                    co_await req.body().buffer();
                } catch (const system_error& e) {
                    first = e.code();
                }
                CHECK_FALSE(req.body().buffered());
                CHECK_THROWS_AS(req.body().rewind(), system_error);
                std::exception_ptr failure;
                try {
                    co_await read_rest(req, 100'000);
                } catch (const system_error& e) {
                    again = e.code();
                    failure = std::current_exception();
                }
                if (failure)
                    std::rethrow_exception(failure); // as most apps do
            },
            l);
        fake_host client(loop);
        if (r.announced.empty())
            client.request("POST", {}, true);
        else
            client.request("POST", {{"CONTENT_LENGTH", r.announced}}, true);
        loop.poll();
        r.act(client);
        loop.poll();
        CHECK(first == r.expected);
        // What came of a short body can be read; its end is the error.
        CHECK(again == r.expected);
        if (r.status != 0)
            CHECK(client.status() == r.status);
        CHECK(loop.statistics().pool_in_use == 0);
        CHECK(loop.resources().figures().spilled.value() == 0);
    }
}

TEST_CASE("R18: buffer() after a read is refused and loses nothing")
{
    error_code ec;
    std::string rest;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        char one[1];
        co_await req.body().read(boost::asio::buffer(one)); // in no CHECK: GCC 12 evaluates it again there
        try {
            co_await req.body().buffer();
        } catch (const system_error& e) {
            ec = e.code();
        }
        rest = co_await read_rest(req, 100);
        respond.start(done());
    });
    fake_host client(loop);
    client.request("POST", {}, true);
    client.feed_all("text");
    loop.poll();
    CHECK(ec == errc::body_already_read);
    CHECK(rest == "ext");
    CHECK(client.status() == 200);
}

TEST_CASE("R18: buffer() that is cancelled takes no more, and can be asked for again")
{
    kept_request kept;
    fake_loop loop(kept.app(), small_blocks());
    fake_host client(loop);
    client.request("POST", {}, true);
    loop.poll();
    boost::asio::cancellation_signal signal;
    error_code first;
    kept.req->body().async_buffer(
        1'000'000, boost::asio::bind_cancellation_slot(signal.slot(),
                                                       [&](error_code ec, std::uint64_t) { first = ec; }));
    const std::string sent = text_of_size(60'000);
    CHECK(client.feed(std::string_view(sent).substr(0, 20'000)) == 20'000);
    error_code second;
    kept.req->body().async_buffer(1'000'000, [&](error_code ec, std::uint64_t) { second = ec; });
    loop.poll();
    CHECK(second == errc::operation_pending);
    CHECK_FALSE(first);
    signal.emit(boost::asio::cancellation_type::terminal);
    loop.poll();
    CHECK(first == boost::asio::error::operation_aborted);
    CHECK(client.x().body().credit() == 0); // nobody waits for more
    CHECK_FALSE(kept.req->body().buffered());
    std::optional<std::uint64_t> size;
    kept.req->body().async_buffer(1'000'000, [&](error_code ec, std::uint64_t n) {
        CHECK_FALSE(ec);
        size = n;
    });
    client.feed_all(sent.substr(20'000));
    loop.poll();
    CHECK(size == sent.size());
    std::string got(sent.size(), '?');
    error_code ec;
    bool end = false;
    CHECK(client.x().body().try_read(std::as_writable_bytes(std::span(got)), ec, end) == sent.size());
    CHECK((got == sent));
    kept.respond.reset();
}

TEST_CASE("R17: blocks on loan give the whole body, whatever is taken of each, and hold it within the window")
{
    for (const std::size_t most : {1u, 1000u, 4079u, 100'000u}) {
        for (const std::size_t size : {0u, 1u, 5000u, 60'000u}) {
            CAPTURE(most, size);
            if (most == 1 && size > 5000)
                continue;
            const std::string sent = binary(size);
            std::string got = "nothing";
            fake_loop loop(
                [&](request& req, responder respond) -> task<void> {
                    got = co_await read_blocks(req, most);
                    const auto end = co_await req.body().async_read_block(use_awaitable);
                    CHECK(end.size() == 0);
                    respond.start(done());
                },
                small_blocks());
            fake_host client(loop);
            client.request("POST", {}, true);
            std::size_t peak = 0;
            for (std::size_t fed = 0; fed < size;) {
                const auto n = client.feed(std::string_view(sent).substr(fed));
                REQUIRE((n > 0 || client.x().body().credit() == 0));
                fed += n;
                peak = std::max(peak, loop.statistics().pool_in_use);
                loop.poll();
            }
            client.end_body();
            loop.poll();
            CHECK((got == sent));
            CHECK(peak <= 2);
            CHECK(client.status() == 200);
        }
    }
}

TEST_CASE("R17: what is on loan counts as held until it is consumed, and stays as it is")
{
    kept_request kept;
    fake_loop loop(kept.app(), small_blocks());
    fake_host client(loop);
    client.request("POST", {}, true);
    loop.poll();
    boost::asio::const_buffer view;
    const auto look = [&] {
        bool looked = false;
        kept.req->body().async_read_block([&](error_code ec, boost::asio::const_buffer v) {
            CHECK_FALSE(ec);
            view = v;
            looked = true;
        });
        loop.poll();
        return looked;
    };
    CHECK_FALSE(look()); // nothing yet
    const std::string sent = text_of_size(20'000);
    std::size_t fed = client.feed(std::string_view(sent).substr(0, 1000));
    loop.poll();
    CHECK(std::string_view(static_cast<const char*>(view.data()), view.size()) == sent.substr(0, 1000));
    while (const auto n = client.feed(std::string_view(sent).substr(fed)))
        fed += n;
    CHECK(fed == std::size_t{2} * 4080);
    CHECK(look());
    CHECK(view.size() == 4080);
    CHECK(client.x().body().credit() == 0);
    kept.req->body().consume(4079);
    CHECK(client.x().body().credit() == 0);
    CHECK(look());
    CHECK(view.size() == 1);
    kept.req->body().consume(1);
    CHECK(client.x().body().credit() == 4080);
    // The client leaves while its bytes are looked at.
    CHECK(look());
    client.leave();
    loop.poll();
    CHECK((std::string_view(static_cast<const char*>(view.data()), view.size()) == sent.substr(4080, 4080)));
    kept.req->body().consume(view.size());
    error_code gone;
    kept.req->body().async_read_block([&](error_code ec, boost::asio::const_buffer) { gone = ec; });
    loop.poll();
    CHECK(gone == errc::client_gone);
    kept.respond.reset();
    CHECK(loop.statistics().pool_in_use == 0);
}
