// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Filters (FastCGI specification section 6.4): STDIN, then DATA.
#include <sluice/fcgi/errc.hpp>
#include <sluice/fcgi/session.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

#include <array>

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr unsigned filter = 3;

pairs filter_variables(std::string_view body, std::string_view file)
{
    pairs more{{"FCGI_DATA_LENGTH", std::to_string(file.size())}, {"FCGI_DATA_LAST_MOD", "1700000000"}};
    if (!body.empty())
        more.emplace_back("CONTENT_LENGTH", std::to_string(body.size()));
    return variables(body.empty() ? "GET" : "POST", "/file", more);
}

std::string ask(id_type id, bool keep, std::string_view body, std::string_view file,
                std::size_t piece = 65535)
{
    return begin_request(id, keep, filter) + params(id, filter_variables(body, file), piece) +
           stdin_data(id, body, piece, 3) + stdin_end(id) + file_data(id, file, piece, 5);
}

task<std::string> all_of(request_body from)
{
    std::string text;
    std::array<char, 7> buffer{};
    while (const auto n = co_await from.read(boost::asio::buffer(buffer)))
        text.append(buffer.data(), n);
    co_return text;
}

task<void> both(request& req, responder respond)
{
    CHECK(req.role() == role::filter);
    std::string answer = co_await all_of(req.body());
    answer += " of " + std::string(req.env().get("FCGI_DATA_LAST_MOD")) + ": ";
    answer += co_await all_of(req.data());
    respond.send(200, {{"Content-Type", "text/plain"}}, std::move(answer));
}

struct played_filter {
    explicit played_filter(const limits& l = small_limits()) : loop(l, role::filter), peer(loop) {}
    played_request& app() { return loop.requests.at(0); }

    session_loop loop;
    session_peer peer;
};

} // namespace

TEST_CASE("a filter reads STDIN, then DATA, whatever the cut")
{
    const auto file = pattern(40);
    for (const std::string body : {"", "query"}) {
        for_each_cut(ask(3, false, body, file, 9), [&](const pieces& cut) {
            INFO("first piece of " << cut.front().size() << " bytes");
            session_loop loop(application::filter(both), small_limits());
            session_peer peer(loop);
            peer.send(cut);
            CHECK(peer.reply_to(3).well());
            CHECK(peer.reply_to(3).body == body + " of 1700000000: " + file);
            CHECK(peer.closed());
            CHECK_FALSE(peer.fault());
        });
    }
}

TEST_CASE("R19: a filter's data end at FCGI_DATA_LENGTH. Less is an error, a length that is none is refused")
{
    const auto with_length = [](std::string_view length, std::string_view file) {
        return begin_request(1, true, filter) +
               params(1, variables("GET", "/", {{"FCGI_DATA_LENGTH", std::string(length)}})) + stdin_end(1) +
               file_data(1, file);
    };
    SECTION("more than announced")
    {
        played_filter one;
        one.peer.send(with_length("4", "abcdef"));
        CHECK(one.app().req.data().length() == 4u);
        one.app().read_data(100);
        one.peer.settle();
        CHECK(one.app().data == "abcd");
        one.app().read_data(100);
        one.peer.settle();
        CHECK(one.app().data_ended);
        one.app().answer("well");
        one.peer.settle();
        CHECK(one.peer.reply_to(1).well());
    }
    SECTION("less")
    {
        played_filter one;
        one.peer.send(with_length("7", "abcdef"));
        one.app().read_data(100);
        one.peer.settle();
        CHECK(one.app().data == "abcdef");
        one.app().read_data(100);
        one.peer.settle();
        CHECK(one.app().read_error == errc::body_incomplete);
        one.app().answer("the file is short");
        one.peer.settle();
        CHECK(one.peer.reply_to(1).well());
    }
    SECTION("no number")
    {
        played_filter one;
        one.peer.send(with_length("many", "abcdef"));
        CHECK(one.peer.reply_to(1).status() == 400);
        CHECK(one.loop.log().contains("FCGI_DATA_LENGTH"));
        CHECK(one.loop.requests.empty());
        CHECK_FALSE(one.peer.fault());
        one.peer.send(with_length("6", "abcdef")); // the id and the connection can be used again
        REQUIRE(one.loop.requests.size() == 1);
        one.app().answer("well");
        one.peer.settle();
        CHECK(one.peer.reply_to(1, 1).well());
    }
}

TEST_CASE("R17: a filter that does not read holds its web server back, in the body and in the data")
{
    played_filter one;
    const auto body = pattern(60'000);
    const auto file = pattern(90'000);
    const auto wire = ask(1, true, body, file, 5000);
    one.peer.send(wire);
    REQUIRE(one.loop.requests.size() == 1);
    const auto window = small_limits().input_window;
    CHECK(wire.size() - one.peer.unread() < window + 2000);
    while (!one.app().body_ended) {
        one.app().read(1000);
        one.peer.settle();
        REQUIRE_FALSE(one.app().read_error);
        CHECK(one.loop.in_use() <= 2 * window / small_limits().block_size);
    }
    CHECK(one.app().body == body);
    CHECK(one.peer.unread() > file.size() - window - 5000);
    while (!one.app().data_ended) {
        one.app().read_data(1000);
        one.peer.settle();
        REQUIRE_FALSE(one.app().read_error);
        CHECK(one.loop.in_use() <= 2 * window / small_limits().block_size);
    }
    CHECK(one.app().data == file);
    CHECK(one.peer.unread() == 0);
    one.app().answer("done");
    one.peer.settle();
    CHECK(one.peer.reply_to(1).well());
}

TEST_CASE("a filter that goes on to the data gives up what it did not read of the body")
{
    played_filter one;
    const auto body = pattern(100'000);
    one.peer.send(ask(1, true, body, "the file"));
    CHECK(one.peer.unread() > 0);
    one.app().read(10);
    one.peer.settle();
    CHECK(one.app().body == body.substr(0, 10));
    one.app().read_data(100);
    one.peer.settle();
    CHECK(one.app().data == "the file");
    CHECK(one.peer.unread() == 0);
    one.app().read(10);
    one.peer.settle();
    CHECK(one.app().read_error == errc::already_finished);
    one.app().answer("done");
    one.peer.settle();
    CHECK(one.peer.reply_to(1).well());
}

TEST_CASE("a read of the body that waits ends with an error when its filter goes on to the data, which come")
{
    played_filter one;
    one.peer.send(begin_request(1, true, filter) + params(1, filter_variables("", "the file")));
    std::array<char, 10> buffer{};
    error_code of_body;
    one.app().req.body().async_read(boost::asio::buffer(buffer),
                                    [&](error_code ec, std::size_t) { of_body = ec; });
    one.app().read_data(100);
    one.peer.settle();
    CHECK(of_body == errc::already_finished);
    one.peer.send(stdin_data(1, pattern(100'000)) + stdin_end(1) + file_data(1, "the file"));
    CHECK(one.peer.unread() == 0);
    CHECK(one.app().data == "the file");
    one.app().answer("done");
    one.peer.settle();
    CHECK(one.peer.reply_to(1).well());
}

TEST_CASE("a filter may answer from its cache: what still comes of the file is thrown away")
{
    played_filter one;
    const auto file = pattern(100'000);
    one.peer.send(ask(1, true, "", file));
    CHECK(one.peer.unread() > 0);
    one.app().answer("as before");
    one.peer.settle();
    CHECK(one.peer.reply_to(1).well());
    CHECK(one.peer.unread() == 0);
    one.peer.send(ask(1, false, "", "again"));
    REQUIRE(one.loop.requests.size() == 2);
    one.loop.requests.at(1).answer("as before");
    one.peer.settle();
    CHECK(one.peer.reply_to(1, 1).well());
    CHECK(one.peer.closed());
}

TEST_CASE("F11: a web server that leaves in a filter's data is felt by its app")
{
    const auto whole = ask(1, true, "query", pattern(1000));
    played_filter one;
    one.peer.send(std::string_view(whole).substr(0, whole.size() - 500));
    one.app().read_data(1000);
    one.peer.settle();
    one.app().read_data(1000);
    one.peer.end(false);
    CHECK(one.app().req.aborted());
    CHECK(one.app().read_error == sluice::errc::client_gone);
}

TEST_CASE("F24: ABORT for a filter in its data ends it, and its id may be used again when the data are over")
{
    played_filter one;
    const auto file = pattern(300);
    one.peer.send(begin_request(1, true, filter) + params(1, filter_variables("", file)) + stdin_end(1) +
                  record(8, 1, file.substr(0, 100)));
    one.app().read_data(1000);
    one.peer.send(abort_request(1));
    CHECK(one.app().req.aborted());
    CHECK(one.peer.reply_to(1).ends == 1);
    one.peer.send(record(8, 1, file.substr(100)) + record(8, 1, "") + ask(1, true, "", "again"));
    REQUIRE(one.loop.requests.size() == 2);
    CHECK_FALSE(one.peer.fault());
    one.loop.requests.at(1).answer("well");
    one.peer.settle();
    CHECK(one.peer.reply_to(1, 1).well());
}

TEST_CASE("a filter nobody serves is refused, and what still comes for it ignored to the end of its data")
{
    session_loop loop;
    session_peer peer(loop);
    peer.send(ask(1, true, "query", pattern(1000), 100) + get(2));
    CHECK(peer.reply_to(1).protocol_status == fcgi::protocol_status::unknown_role);
    REQUIRE(loop.requests.size() == 1);
    loop.requests.at(0).answer("unharmed");
    peer.settle();
    CHECK(peer.reply_to(2).well());
    CHECK_FALSE(peer.fault());
}

TEST_CASE("malformed input: the order of a filter's streams")
{
    const auto begun = begin_request(1, true, filter) + params(1, filter_variables("query", "file"));
    const auto fault_of = [](const std::string& bytes) {
        played_filter one;
        one.peer.send(bytes);
        return one.peer.fault();
    };
    using fcgi::errc;
    CHECK(fault_of(begun + record(8, 1, "file")) == errc::unexpected_record);
    CHECK(fault_of(begun + record(8, 1, "")) == errc::unexpected_record);
    CHECK(fault_of(begin_request(1, true, filter) + record(8, 1, "f")) == errc::unexpected_record);
    const auto in_data = begun + stdin_data(1, "query") + stdin_end(1) + record(8, 1, "fi");
    CHECK_FALSE(fault_of(in_data));
    CHECK(fault_of(in_data + stdin_data(1, "x")) == errc::data_after_end);
    CHECK(fault_of(in_data + stdin_end(1)) == errc::data_after_end);
    CHECK(fault_of(in_data + record(8, 1, "") + record(8, 1, "x")) == errc::data_after_end);
    CHECK(fault_of(in_data + record(8, 1, "") + record(8, 1, "")) == errc::data_after_end);
    CHECK(fault_of(in_data + begin_request(1, true, filter)) == errc::duplicate_id);
}
