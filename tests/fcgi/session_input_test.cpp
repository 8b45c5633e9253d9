// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a session reads: requests, bodies, questions about itself.
#include <sluice/fcgi/session.hpp>

#include <sluice/fcgi/errc.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

#include <boost/asio/use_awaitable.hpp>

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;

namespace {

/// Answers with what it was asked: "METHOD uri: body", or "METHOD uri: error".
task<void> mirror(request& req, responder respond)
{
    std::string answer = std::string(req.env().method()) + ' ' + std::string(req.env().request_uri()) + ": ";
    std::array<char, 100> buffer;
    try {
        while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
            answer.append(buffer.data(), n);
    } catch (const system_error& e) {
        answer += e.code().message();
    }
    respond.send(200, {{"Content-Type", "text/plain"}}, std::move(answer));
}

struct vector {
    const char* what;
    std::string bytes;
    std::vector<std::pair<id_type, std::string>> answers;
};

std::vector<vector> vectors()
{
    const auto body = pattern(70);
    const auto shop =
        variables("POST", "/shop", {{"CONTENT_LENGTH", "70"}, {"HTTP_COOKIE", std::string(130, 'c')}});
    return {
        {"GET", get(1), {{1, "GET /: "}}},
        {"GET, closed after it", get(1, false), {{1, "GET /: "}}},
        {"POST", post(1, false, body), {{1, "POST /: " + body}}},
        {"POST without a length", post(1, true, body, false), {{1, "POST /: " + body}}},
        {"PARAMS in records of 9 bytes, STDIN of 11, all padded",
         begin_request(300) + params(300, shop, 9, 3) + stdin_data(300, body, 11, 7) + stdin_end(300),
         {{300, "POST /shop: " + body}}},
        {"two requests on one kept connection, one after the other",
         post(1, true, "first") + get(2, false, "/second"),
         {{1, "POST /: first"}, {2, "GET /second: "}}},
        {"two requests interleaved by record",
         begin_request(1) + begin_request(2) + records(4, 2, name_values(variables("GET", "/b")), 30) +
             params(1, variables("POST", "/a", {{"CONTENT_LENGTH", "4"}})) + stdin_data(1, "ab") +
             params_end(2) + stdin_data(1, "cd") + stdin_end(2) + stdin_end(1),
         {{1, "POST /a: abcd"}, {2, "GET /b: "}}},
        {"questions between the records of a request",
         get_values({"FCGI_MAX_REQS"}) + begin_request(9) + get_values({"FCGI_MPXS_CONNS"}) +
             params(9, variables()) + record(77, 0, "?") + stdin_end(9),
         {{9, "GET /: "}}},
        {"an abort before the request's end, then the id again",
         begin_request(1) + abort_request(1) + get(1),
         {{1, "GET /: "}}},
    };
}

} // namespace

TEST_CASE("session input: every vector at every cut")
{
    for (const auto& v : vectors()) {
        INFO(v.what);
        for_each_cut(v.bytes, [&](const pieces& cut) {
            INFO("first piece of " << cut.front().size() << " bytes");
            session_loop loop(application(mirror), small_limits());
            session_peer peer(loop);
            peer.send(cut);
            CHECK_FALSE(peer.fault());
            for (const auto& [id, answer] : v.answers) {
                const auto reply =
                    peer.reply_to(id, v.bytes.find(abort_request(id)) == std::string::npos ? 0 : 1);
                CHECK(reply.well());
                CHECK(reply.body == answer);
            }
            CHECK(loop.in_use() == 0);
        });
    }
}

TEST_CASE("session input: the app sees what the web server sent, and is called at the end of PARAMS")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(begin_request(1));
    const auto wire = params(1, variables("POST", "/a/b", {{"HTTP_X", "1"}, {"CONTENT_LENGTH", "3"}}));
    peer.send(std::string_view(wire).substr(0, wire.size() - 1));
    CHECK(loop.requests.empty());
    peer.send(std::string_view(wire).substr(wire.size() - 1));
    REQUIRE(loop.requests.size() == 1); // and no byte of STDIN has come
    auto& req = loop.requests[0].req;
    CHECK(req.env().method() == "POST");
    CHECK(req.env().path_info() == "/a/b");
    CHECK(req.env().header("X") == "1");
    CHECK(req.body().length() == 3u);
    loop.requests[0].answer("ok");
    peer.settle();
    CHECK(peer.reply_to(1).well());
}

TEST_CASE("R19: the body ends at CONTENT_LENGTH, or at the empty STDIN when there is none")
{
    const auto with_length = [](std::string_view length) {
        return begin_request(1) +
               params(1, variables("POST", "/", {{"CONTENT_LENGTH", std::string(length)}}));
    };
    const auto without = begin_request(1) + params(1, variables("POST", "/"));
    struct {
        const char* what;
        std::string bytes;
        std::string answer;
    } const cases[] = {
        {"as announced", with_length("6") + stdin_data(1, "abcdef") + stdin_end(1), "abcdef"},
        {"the end of STDIN never comes", with_length("6") + stdin_data(1, "abcdef"), "abcdef"},
        {"more than announced", with_length("4") + stdin_data(1, "abcdef", 3) + stdin_end(1), "abcd"},
        {"announced as nothing", with_length("0") + stdin_end(1), ""},
        {"announced as nothing, the end never comes", with_length("0"), ""},
        {"none announced, none sent", without + stdin_end(1), ""},
        {"none announced", without + stdin_data(1, "abcdef", 1) + stdin_end(1), "abcdef"},
        {"less than announced", with_length("7") + stdin_data(1, "abcdef") + stdin_end(1),
         "abcdef" + make_error_code(sluice::errc::body_incomplete).message()},
        {"nothing of what was announced", with_length("1") + stdin_end(1),
         make_error_code(sluice::errc::body_incomplete).message()},
    };
    for (const auto& c : cases) {
        INFO(c.what);
        session_loop loop(application(mirror), small_limits());
        session_peer peer(loop);
        peer.send(c.bytes);
        CHECK(peer.reply_to(1).well());
        CHECK(peer.reply_to(1).body == "POST /: " + c.answer);
    }
}

TEST_CASE("R19: the end of a body is known before the first read where there is none")
{
    const auto at_end = [](const std::string& bytes) {
        session_loop loop;
        session_peer peer(loop);
        peer.send(bytes);
        REQUIRE(loop.requests.size() == 1);
        const bool end = loop.requests[0].req.body().at_end();
        loop.requests[0].answer("ok");
        peer.settle();
        return end;
    };
    const auto head = begin_request(1) + params(1, variables("POST", "/"));
    const auto announced = begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "1"}}));
    CHECK(at_end(head + stdin_end(1)));
    CHECK_FALSE(at_end(head));
    CHECK_FALSE(at_end(head + stdin_data(1, "a") + stdin_end(1)));
    CHECK_FALSE(at_end(announced + stdin_data(1, "a") + stdin_end(1)));
    CHECK_FALSE(at_end(announced + stdin_end(1))); // which is an error, for a read to tell
}

TEST_CASE("R17: read gives bytes, then 0 at the end - binary safe")
{
    std::string body;
    for (int i = 0; i < 1024; ++i)
        body += static_cast<char>(i & 0xff);
    session_loop loop;
    session_peer peer(loop);
    peer.send(post(1, true, body));
    auto& app = loop.requests.at(0);
    for (int i = 0; i < 2000 && !app.body_ended; ++i) {
        app.read(7);
        peer.settle();
        REQUIRE_FALSE(app.reading);
        REQUIRE_FALSE(app.read_error);
    }
    CHECK(app.body == body);
    app.read(7);
    peer.settle();
    CHECK(app.body_ended); // and again
    CHECK(app.body == body);
    app.answer("");
}

TEST_CASE("R17: a body the app does not read stays with the web server")
{
    const auto l = small_limits();
    session_loop loop(l);
    session_peer peer(loop);
    const auto body = pattern(200'000);
    const auto bytes = begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "200000"}})) +
                       stdin_data(1, body, 8000) + stdin_end(1);
    peer.send(bytes);
    CHECK(peer.session().read_limit() == 0);
    CHECK(loop.in_use() * l.block_size <= l.input_window + l.block_size);
    CHECK(bytes.size() - peer.unread() <= l.input_window + l.block_size);
    const auto read_before = peer.unread();
    peer.settle();
    CHECK(peer.unread() == read_before); // without a read of the app nothing moves

    // The app's reading, and nothing else, lets more in; what is held stays within the window.
    auto& app = loop.requests.at(0);
    std::size_t most = 0;
    while (!app.body_ended) {
        app.read(1000);
        peer.settle();
        most = std::max(most, loop.in_use() * l.block_size);
        REQUIRE_FALSE(app.reading);
        REQUIRE_FALSE(app.read_error);
    }
    CHECK(difference(app.body, body) == "");
    CHECK(most <= l.input_window + l.block_size);
    app.answer("thanks");
    peer.settle();
    CHECK(peer.reply_to(1).body == "thanks");
}

TEST_CASE("R17: a body read by a waiting app goes through whatever the pieces")
{
    const auto body = pattern(50'000);
    for (const std::size_t piece : {1u, 100u, 4096u, 65535u})
        for (const std::size_t read_size : {10u, 1000u, 1u << 20}) {
            INFO("records of " << piece << ", reads of " << read_size);
            session_loop loop(application(mirror), small_limits());
            session_peer peer(loop);
            peer.read_size = read_size;
            peer.send(begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "50000"}})));
            peer.send(stdin_data(1, body, piece) + stdin_end(1));
            CHECK(difference(peer.reply_to(1).body, "POST /: " + body) == "");
        }
}

TEST_CASE("R20: what the app did not read is thrown away after the response, and never delays it")
{
    for (const bool keep : {true, false}) {
        session_loop loop(small_limits());
        session_peer peer(loop);
        peer.send(begin_request(1, keep) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "100000"}})) +
                  stdin_data(1, pattern(40'000), 5000));
        CHECK(peer.unread() > 0);
        loop.requests.at(0).answer("no, thanks");
        peer.settle();
        CHECK(peer.reply_to(1).well()); // 60 000 bytes have not even been sent
        CHECK(peer.reply_to(1).body == "no, thanks");
        CHECK(loop.in_use() == 0);
        CHECK(peer.closed() == !keep);
        CHECK(peer.lingered() == !keep); // a close now would reset the connection
        if (!keep)
            continue;
        CHECK(peer.unread() == 0);
        peer.send(stdin_data(1, pattern(60'000), 5000) + stdin_end(1) + get(2));
        CHECK_FALSE(peer.fault());
        REQUIRE(loop.requests.size() == 2);
        loop.requests.at(1).answer("next");
        peer.settle();
        CHECK(peer.reply_to(2).body == "next");
    }
}

TEST_CASE("session input: GET_VALUES, any subset, split anywhere, answered to the byte")
{
    limits l;
    l.connections = 200;
    l.requests = 12345;
    const pairs known = {{"FCGI_MAX_CONNS", "200"}, {"FCGI_MAX_REQS", "12345"}, {"FCGI_MPXS_CONNS", "1"}};
    for (unsigned subset = 0; subset < 16; ++subset) {
        std::vector<std::string> asked;
        pairs wanted;
        for (unsigned i = 0; i < known.size(); ++i)
            if (subset & 1u << i) {
                asked.push_back(known[i].first);
                wanted.push_back(known[i]);
            }
        if (subset & 8)
            asked.insert(asked.begin(), "X_NOBODY_KNOWS");
        for_each_cut(get_values(asked), [&](const pieces& cut) {
            INFO("subset " << subset << ", first piece of " << cut.front().size());
            session_loop loop(l);
            session_peer peer(loop);
            peer.send(cut);
            CHECK(peer.output() == record(10, 0, name_values(wanted))); // HAProxy takes no padding here
            CHECK_FALSE(peer.closed());
        });
    }
}

TEST_CASE("session input: UNKNOWN_TYPE answers management records nobody knows, and no others")
{
    for (const unsigned type : {0u, 3u, 6u, 7u, 10u, 11u, 12u, 100u, 255u})
        for_each_cut(record(type, 0, "content", 3), [&](const pieces& cut) {
            INFO("type " << type);
            session_loop loop;
            session_peer peer(loop);
            peer.send(cut);
            CHECK(peer.output() ==
                  record(11, 0, std::string(1, static_cast<char>(type)) + std::string(7, '\0')));
            CHECK_FALSE(peer.fault());
        });
    // A record of an unknown type for a request is passed over.
    session_loop loop(application(mirror), small_limits());
    session_peer peer(loop);
    peer.send(begin_request(1) + record(99, 1, "?") + params(1, variables()) + record(200, 1, "?") +
              stdin_end(1) + record(12, 5, ""));
    CHECK(peer.reply_to(1).well());
    CHECK_FALSE(peer.fault());
}

TEST_CASE("session input: a peer that asks and never reads the answers is not read for ever")
{
    session_loop loop;
    session_peer peer(loop);
    peer.room = 0;
    std::string many;
    for (int i = 0; i < 20'000; ++i)
        many += record(77, 0, "");
    peer.send(many);
    CHECK(peer.session().read_limit() == 0);
    CHECK(peer.unread() > many.size() / 2);
    peer.read(session_peer::everything);
    CHECK(peer.unread() == 0);
    CHECK(peer.output().size() == 20'000 * 16);
}

TEST_CASE("session input: other roles are told UNKNOWN_ROLE, and the connection goes on if it was to be kept")
{
    for (const unsigned role : {0u, 2u, 3u, 4u, 257u, 65535u})
        for (const bool keep : {true, false})
            for_each_cut(begin_request(5, keep, role), [&](const pieces& cut) {
                session_loop loop(application(mirror), small_limits());
                session_peer peer(loop);
                peer.send(cut);
                INFO("role " << role << (keep ? ", kept" : ""));
                CHECK(parse_records(peer.output()).all.size() == 1);
                CHECK(peer.reply_to(5).ends == 1);
                CHECK(peer.reply_to(5).protocol_status == fcgi::protocol_status::unknown_role);
                CHECK(peer.closed() == !keep);
                if (keep) {
                    // Its streams follow although nobody wants them.
                    peer.send(params(5, variables()) + stdin_data(5, "x") + stdin_end(5) +
                              post(6, true, "body"));
                    CHECK(peer.reply_to(6).body == "POST /: body");
                    CHECK_FALSE(peer.fault());
                }
            });
}
