// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What an app sends, as the client's machine reads it.
#include <sluice/fcgi/client_session.hpp>

#include "fcgi/client_events.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using fcgi::client_session;

namespace {

/// A machine with `n` requests begun; their ids are 1 to n.
void begin(client_session& s, id_type n)
{
    for (id_type i = 1; i <= n; ++i) {
        id_type id = 0;
        REQUIRE(s.can_start());
        REQUIRE_FALSE(s.start(a_request(), id));
        REQUIRE(id == i);
        s.finish(id);
    }
    all_output(s);
}

} // namespace

TEST_CASE("client: an answer is the same however its bytes are cut")
{
    const std::string bytes = stdout_data(1, "Status: 200 OK\r\n\r\nhel", 10, 3) + stderr_data(1, "careful") +
                              stdout_data(1, "lo") + stderr_end(1) + stdout_end(1) +
                              end_request(1, 0x01020304);
    for_each_cut(bytes, [&](const pieces& cut) {
        client_session s;
        begin(s, 1);
        client_reader r(s);
        REQUIRE(r.take(cut));
        const client_answer wanted{"Status: 200 OK\r\n\r\nhello", "careful", 1, 0x01020304, {}, true};
        REQUIRE(r.answers.at(1) == wanted);
        REQUIRE(s.active() == 0);
        REQUIRE_FALSE(s.end_of_input());
        REQUIRE(s.can_start());
    });
}

TEST_CASE("client: interleaved answers reach the requests they belong to, however cut")
{
    const std::string bytes = stdout_data(2, "two") + stdout_data(1, "one", 1, 7) + stderr_data(3, "three?") +
                              stdout_data(2, "TWO") + stdout_end(2) + end_request(2, 2) +
                              stdout_data(1, "ONE") + end_request(3, 0, 2) + stdout_end(1) +
                              end_request(1, 1);
    for_each_cut(bytes, [&](const pieces& cut) {
        client_session s;
        begin(s, 3);
        client_reader r(s);
        REQUIRE(r.take(cut));
        REQUIRE(r.ended == std::vector<id_type>{2, 3, 1});
        REQUIRE(r.answers[1] == client_answer{"oneONE", "", 1, 1, {}, true});
        REQUIRE(r.answers[2] == client_answer{"twoTWO", "", 1, 2, {}, true});
        REQUIRE(r.answers[3] == client_answer{"", "three?", 1, 0, fcgi::protocol_status::overloaded, false});
    });
}

TEST_CASE("client: an event is a view of the caller's bytes, and later bytes are left to him")
{
    client_session s;
    begin(s, 2);
    const std::string text = stdout_data(1, "first") + stdout_data(2, "second");
    auto bytes = std::as_bytes(std::span(text));
    fcgi::client_event e;
    error_code ec;
    REQUIRE(s.next(bytes, e, ec) == client_session::result::have_event);
    CHECK(e.id == 1);
    CHECK(e.content.data() == std::as_bytes(std::span(text)).data() + 8);
    CHECK(e.content.size() == 5);
    CHECK(bytes.size() == 8 + 6); // the second is untouched until it is wanted
    REQUIRE(s.next(bytes, e, ec) == client_session::result::have_event);
    CHECK(e.id == 2);
    CHECK(s.next(bytes, e, ec) == client_session::result::need_more);
}

TEST_CASE("client: an app need not end its streams, and may say nothing at all")
{
    client_session s;
    begin(s, 2);
    client_reader r(s);
    CHECK(r.take(stdout_data(1, "x") + end_request(1) + end_request(2)));
    CHECK(r.answers[1] == client_answer{"x", "", 1, 0, {}, false});
    CHECK(r.answers[2] == client_answer{"", "", 1, 0, {}, false});
}

TEST_CASE("client: what comes for an aborted request is thrown away, and its id taken until END_REQUEST")
{
    client_session s;
    begin(s, 2);
    CHECK(s.abort(1));
    CHECK_FALSE(s.abort(1));
    CHECK_FALSE(s.abort(7));
    CHECK_FALSE(s.running(1));
    CHECK(s.running(2));
    CHECK(all_output(s) == abort_request(1));
    client_reader r(s);
    CHECK(r.take(stdout_data(1, "late") + stderr_data(1, "later") + stdout_data(2, "mine") + stdout_end(1)));
    CHECK(r.answers.count(1) == 0);
    CHECK(r.answers[2].out == "mine");
    CHECK(s.active() == 2);
    id_type id = 0;
    REQUIRE_FALSE(s.start(a_request(), id));
    CHECK(id == 3);
    CHECK(r.take(end_request(1, 5)));
    CHECK(r.ended == std::vector<id_type>{1});
    REQUIRE_FALSE(s.start(a_request(), id));
    CHECK(id == 1);
    CHECK(r.take(stdout_data(1, "new")));
    CHECK(r.answers[1].out == "new");
}

TEST_CASE("client: an answer before the request is all sent ends its streams, and the connection's use")
{
    client_session s;
    begin(s, 1);
    id_type id = 0;
    REQUIRE_FALSE(s.start(a_request(), id));
    all_output(s);
    client_reader r(s);
    CHECK(r.take(end_request(2, 1)));
    CHECK(all_output(s) == stdin_end(2));
    CHECK_FALSE(s.reusable());
    CHECK_FALSE(s.can_start());
    CHECK(s.running(1)); // the others go on
    CHECK(r.take(stdout_data(1, "well") + end_request(1)));
    CHECK(r.answers[1].out == "well");
}

TEST_CASE("client: what the app can do is asked and read, however cut")
{
    const std::string bytes =
        record(10, 0, name_values({{"FCGI_MAX_CONNS", "10"}, {"FCGI_MPXS_CONNS", "1"}}), 5) +
        stdout_data(1, "x");
    for_each_cut(bytes, [&](const pieces& cut) {
        client_session s;
        begin(s, 1);
        const std::string_view names[] = {"FCGI_MAX_CONNS", "FCGI_MPXS_CONNS"};
        REQUIRE(s.get_values(names));
        REQUIRE_FALSE(s.get_values(names));
        REQUIRE(all_output(s) == [] {
            std::string q = get_values({"FCGI_MAX_CONNS", "FCGI_MPXS_CONNS"});
            const std::size_t padding = (8 - q.size() % 8) % 8;
            q[6] = static_cast<char>(padding);
            return q + std::string(padding, '\0');
        }());
        client_reader r(s);
        REQUIRE(r.take(cut));
        REQUIRE(r.values == 1);
        REQUIRE(s.values().size() == 2);
        REQUIRE(s.values().get("FCGI_MAX_CONNS") == "10");
        REQUIRE(s.values().get("FCGI_MPXS_CONNS") == "1");
        REQUIRE(r.answers.at(1).out == "x");
        REQUIRE(s.get_values({})); // may be asked again
        REQUIRE(s.values().empty());
    });
}

TEST_CASE("client: an app that knows no GET_VALUES says so")
{
    for_each_cut(unknown_type(9), [&](const pieces& cut) {
        client_session s;
        REQUIRE(s.get_values({}));
        client_reader r(s);
        REQUIRE(r.take(cut));
        REQUIRE(r.unknown_types == 1);
        REQUIRE_FALSE(s.end_of_input());
    });
}
