// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a session sends: responses as records, however the kernel takes them.
#include <sluice/fcgi/session.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;

namespace {

constexpr std::size_t kernels[] = {1, 2, 7, 8, 4096, session_peer::everything};

const std::string& long_body()
{
    static const std::string body = pattern(40'000);
    return body;
}

/// GET /n writes the long body in pieces of n bytes; /0 as one complete response; errors go with every 50th piece.
task<void> in_pieces(request& req, responder respond)
{
    const auto piece = std::stoul(std::string(req.env().path_info().substr(1)));
    if (piece == 0) {
        respond.send(200, {{"Content-Type", "text/plain"}}, long_body());
        co_return;
    }
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    std::string_view rest = long_body();
    for (int i = 0; !rest.empty(); ++i) {
        if (i % 50 == 0)
            req.errors().line("piece " + std::to_string(i));
        co_await out.write(rest.substr(0, piece));
        rest.remove_prefix(std::min(piece, rest.size()));
    }
}

std::size_t stdout_records(const session_peer& peer)
{
    return peer.reply_to(1).records;
}

} // namespace

TEST_CASE(
    "session output: a whole small response goes out in one send: head, body, empty STDOUT, END_REQUEST")
{
    for (const bool keep : {true, false}) {
        session_loop loop;
        session_peer peer(loop);
        peer.send(get(1, keep));
        loop.requests.at(0).answer("Hello, world!");
        peer.settle();
        CHECK(peer.sends().size() == 1);
        const auto got = parse_records(peer.output());
        REQUIRE(got.all.size() == 3);
        CHECK(got.left_over == 0);
        CHECK(got.all[0].content ==
              "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!");
        CHECK((got.all[0].content.size() + got.all[0].padding) % 8 == 0);
        CHECK(got.all[1] == wire_record{fcgi::record_type::stdout_stream, 1, "", 0});
        CHECK(got.all[2] == wire_record{fcgi::record_type::end_request, 1, std::string(8, '\0'), 0});
        CHECK(peer.closed() == !keep);
        CHECK_FALSE(peer.lingered()); // all input was there
    }
}

TEST_CASE("session output: the last data, the empty STDOUT and END_REQUEST leave together")
{
    // Sizes around the end of a block, where the ending no longer fits behind the data.
    for (std::size_t size = 3950; size < 4250; ++size) {
        const auto body = pattern(size);
        session_loop loop(application([&](request&, responder respond) -> task<void> {
                              auto out = respond.start(200, {{"Content-Type", "text/plain"}});
                              co_await out.flush();
                              co_await out.write(body);
                          }),
                          small_limits());
        session_peer peer(loop);
        peer.send(get());
        INFO(size << " bytes");
        const auto first = parse_records(peer.output()).all.at(0);
        CHECK(first.content.ends_with("\r\n\r\n"));
        REQUIRE(peer.sends().size() >= 2);
        CHECK(peer.sends().front() == 8 + first.content.size() + first.padding);
        // What is more than a block may go earlier; never the end on its own.
        CHECK(peer.sends().size() == (size > 4080 ? 3 : 2));
        CHECK(peer.sends().back() > 8 + 8 + 16);
        CHECK(peer.reply_to(1).well());
        CHECK(peer.reply_to(1).body == body);
    }
}

TEST_CASE("session output: a kernel that takes n bytes at a time gets every byte once, and in order")
{
    for (const std::size_t take : kernels)
        for (const std::size_t piece : {0u, 1u, 100u, 5000u, 16384u, 40'000u}) {
            if (take < 4096 && piece == 1)
                continue; // nothing that 100 does not show, in a hundred times the time
            INFO("kernel takes " << take << ", pieces of " << piece);
            const auto l = small_limits();
            session_loop loop(application(in_pieces), l);
            session_peer peer(loop);
            peer.take = take;
            peer.send(get(1, true, "/" + std::to_string(piece)));
            const auto reply = peer.reply_to(1);
            CHECK(reply.well());
            CHECK(difference(reply.body, long_body()) == "");
            CHECK(reply.errors.starts_with(piece == 0 ? "" : "piece 0\n"));
            CHECK(loop.resources().figures().peak_held.value() <= l.window + l.block_size);
            CHECK(reply.most_content <= 16384);
        }
}

TEST_CASE("session output: the kernel stops at every byte, and goes on later")
{
    const auto l = small_limits();
    static const auto middle = pattern(4500); // more than a block
    const auto app = [](request& req, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("first ");
        req.errors().line("watch out");
        co_await out.flush();
        co_await out.write(middle);
        co_await out.write("last");
    };
    std::size_t whole = 0;
    {
        session_loop loop(application(app), l);
        session_peer peer(loop);
        peer.send(get());
        whole = peer.output().size();
    }
    REQUIRE(whole > 4500);
    for (std::size_t cut = 0; cut <= whole; ++cut) {
        INFO("first " << cut << " bytes of " << whole);
        session_loop loop(application(app), l);
        session_peer peer(loop);
        peer.room = cut;
        peer.send(get());
        CHECK(peer.output().size() <= cut);
        peer.read(session_peer::everything);
        const auto reply = peer.reply_to(1);
        CHECK(reply.well());
        CHECK(reply.errors == "watch out\n");
        CHECK(difference(reply.body, "first " + middle + "last") == "");
    }
}

TEST_CASE("session output: records stay under 16 KiB, whatever is written at once")
{
    session_loop loop(application([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write(pattern(1'000'000));
        co_await out.write(pattern(15'000));
        co_await out.write(pattern(15'000));
    }));
    session_peer peer(loop);
    peer.send(get());
    const auto reply = peer.reply_to(1);
    CHECK(reply.well());
    CHECK(reply.body.size() == 1'030'000);
    CHECK(reply.most_content < 16384);
    CHECK(reply.most_content > 16000); // and no smaller than that
}

TEST_CASE("F1, F2, F3: a stalled peer holds a window at most, in one write or many, and the app waits")
{
    for (const std::size_t piece : {100u, 5000u, 16384u, 65536u, 1u << 24}) {
        INFO("pieces of " << piece);
        const auto l = small_limits();
        std::uint64_t accepted = 0;
        bool over = false;
        session_loop loop(application([&](request& req, responder respond) -> task<void> {
                              req.on_end([&] { over = true; });
                              auto out = respond.start(200, {{"Content-Type", "text/plain"}});
                              const std::string bytes = pattern(piece);
                              for (;;) {
                                  co_await out.write(bytes);
                                  accepted = out.accepted();
                              }
                          }),
                          l);
        session_peer peer(loop);
        peer.room = 0;
        peer.send(get());
        CHECK(loop.in_use() * l.block_size <= l.window + l.block_size);
        CHECK(accepted <= l.window);
        const auto stalled_at = accepted;
        // The window may grow with what the peer reads; then it holds again, each time.
        for (int i = 0; i < 50; ++i) {
            peer.read(40'000);
            REQUIRE(loop.in_use() * l.block_size <= l.window + l.block_size);
        }
        CHECK(loop.resources().figures().peak_held.value() <= l.window);
        if (piece <= 65536)
            CHECK(accepted >= stalled_at + 50u * 39'000 - 65536); // it did go on
        CHECK_FALSE(over);
        CHECK(parse_records(peer.output()).all.size() > 100);
        peer.breaks_at = 0;
        peer.read(session_peer::everything);
        CHECK(over);
    }
}

TEST_CASE("F6: ten thousand tiny writes make far fewer records - the first byte goes in the first turn")
{
    for (const std::size_t take : {std::size_t{300}, session_peer::everything}) {
        session_loop loop;
        session_peer peer(loop);
        peer.take = take;
        peer.send(get());
        auto& app = loop.requests.at(0);
        {
            const detail::turn::scope turn(loop.resources().turn());
            app.start();
            CHECK(app.write("first") == 5);
        }
        CHECK(peer.output().find("first") != std::string::npos);
        std::string all = "first";
        for (int i = 0; i < 10'000;) {
            const detail::turn::scope turn(loop.resources().turn()); // a turn of an app that has a lot to say
            for (int j = 0; j < 100; ++j, ++i) {
                const auto text = "tick " + std::to_string(i) + '\n';
                if (app.write(text) == text.size())
                    all += text;
                else
                    peer.settle(); // never more than a part of a line is cut: all of it was refused or taken
            }
        }
        REQUIRE_FALSE(app.error);
        app.finish();
        peer.settle();
        CHECK(peer.reply_to(1).well());
        CHECK(stdout_records(peer) < 500);
    }
}

TEST_CASE("F17: an empty write makes no record, no end and no stall")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get());
    auto& app = loop.requests.at(0);
    app.start();
    peer.settle();
    const auto before = peer.output();
    for (int i = 0; i < 3; ++i) {
        CHECK(app.write("") == 0);
        CHECK_FALSE(app.error);
        app.write_all("");
        peer.settle();
        CHECK(app.written == 0u);
        CHECK_FALSE(app.error);
    }
    CHECK(peer.output() == before);
    CHECK(app.write("body") == 4);
    CHECK(app.write("") == 0);
    peer.settle();
    app.finish();
    peer.settle();
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(1).body == "body");
}

TEST_CASE("R38: a finish without any write is a valid, empty response")
{
    session_loop loop(application([](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.finish();
    }));
    session_peer peer(loop);
    peer.send(get());
    CHECK(peer.reply_to(1).well());
    CHECK(peer.reply_to(1).body.empty());
    CHECK(peer.sends().size() == 1);
}

TEST_CASE("R42: HEAD and R43: 204 send their headers and no byte of a body - the writes succeed")
{
    for (const int status : {200, 204}) {
        session_loop loop;
        session_peer peer(loop);
        peer.send(begin_request(1) + params(1, variables(status == 200 ? "HEAD" : "GET")) + stdin_end(1));
        auto& app = loop.requests.at(0);
        if (status == 200)
            app.start(200, {{"Content-Type", "text/plain"}, {"Content-Length", "100000"}});
        else
            app.start(204, {{"X-A", "b"}});
        app.write_all(pattern(100'000));
        peer.settle();
        CHECK(app.written == 100'000u);
        app.finish();
        peer.settle();
        const auto reply = peer.reply_to(1);
        CHECK(reply.well());
        CHECK(reply.status() == status);
        CHECK(reply.body.empty());
        CHECK((reply.head.find("Content-Length: 100000\r\n") != std::string::npos) == (status == 200));
        CHECK(reply.records == 1);
    }
}

TEST_CASE("session output: an answer that comes up while another is on its way is more output")
{
    session_loop loop;
    session_peer peer(loop);
    peer.room = 0;
    peer.send(get_values({"FCGI_MAX_REQS"}));
    peer.send(get_values({"FCGI_MPXS_CONNS"}));
    CHECK(peer.session().gather().size() == 1);
    CHECK(peer.session().more_output()); // else the driver would go to sleep after the first
    peer.read(session_peer::everything);
    CHECK_FALSE(peer.session().more_output());
    CHECK(parse_records(peer.output()).all.size() == 2);
}

TEST_CASE("session output: one kept connection serves request after request")
{
    session_loop loop;
    session_peer peer(loop);
    for (id_type i = 0; i < 100; ++i) {
        const auto id = static_cast<id_type>(i % 3 + 1); // ids are used again
        peer.send(get(id, i < 99));
        loop.requests.back().answer("answer " + std::to_string(i));
        peer.settle();
        CHECK(peer.reply_to(id, i / 3).well());
        CHECK(peer.reply_to(id, i / 3).body == "answer " + std::to_string(i));
        CHECK(peer.closed() == (i == 99));
        loop.requests.clear();
    }
    CHECK(loop.resources().pool().stats().peak <= 3);
}

TEST_CASE("R21: STDERR goes out when it is used, at any time, ends only then, and holds up nothing")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get());
    auto& app = loop.requests.at(0);
    app.req.errors().line("before the head");
    peer.settle();
    CHECK(peer.reply_to(1).errors == "before the head\n");
    app.start();
    app.write("body");
    peer.settle();
    peer.room = 0;
    // Nobody reads: the text is bounded, the rest is counted, and the app does not wait.
    for (int i = 0; i < 10'000; ++i)
        app.req.errors().line("too much");
    peer.read(session_peer::everything);
    app.finish();
    app.req.errors().line("after finish");
    peer.settle();
    const auto reply = peer.reply_to(1);
    CHECK(reply.well());
    CHECK(reply.body == "body");
    CHECK(reply.errors_ended);
    CHECK(reply.errors.size() < 2 * loop.resources().limits().error_text + 300);
    CHECK(reply.errors.find("bytes of error text were dropped") != std::string::npos);
    CHECK(reply.errors.ends_with("after finish\n"));
}

TEST_CASE("R21: STDERR written while some is on its way holds the end of the response up no longer than that")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(get());
    auto& app = loop.requests.at(0);
    app.start();
    peer.settle();
    peer.room = 0;
    app.req.errors().line("on its way");
    peer.settle();
    app.req.errors().line("behind it");
    app.finish();
    peer.settle();
    peer.read(session_peer::everything); // and nothing else happens
    const auto reply = peer.reply_to(1);
    CHECK(reply.well());
    CHECK(reply.errors == "on its way\nbehind it\n");
    CHECK(app.finished);
}
