// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What the client's machine sends, and how much it holds.
#include <sluice/fcgi/client_session.hpp>

#include <sluice/fcgi/errc.hpp>

#include "fcgi/client_events.hpp"
#include "support/catch.hpp"

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;
using fcgi::client_session;
using fcgi::record_type;

namespace {

std::span<const std::byte> bytes_of(std::string_view text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

id_type start(client_session& s, const fcgi::client_request& r = a_request())
{
    id_type id = 0;
    REQUIRE(s.can_start());
    REQUIRE_FALSE(s.start(r, id));
    return id;
}

/// The content of one stream of one request.
std::string content(const wire_records& all, record_type type, id_type id)
{
    std::string text;
    for (const auto& r : all.all)
        if (r.type == type && r.id == id)
            text += r.content;
    return text;
}

} // namespace

TEST_CASE("client: a request on the wire")
{
    struct {
        bool keep;
        fcgi::role role;
        std::string body;
    } const cases[] = {{true, fcgi::role::responder, "\0\1\1\0\0\0\0\0"s},
                       {false, fcgi::role::responder, "\0\1\0\0\0\0\0\0"s},
                       {true, fcgi::role::authorizer, "\0\2\1\0\0\0\0\0"s},
                       {false, fcgi::role::filter, "\0\3\0\0\0\0\0\0"s}};
    for (const auto& c : cases) {
        client_session s;
        const auto id = start(s, a_request(c.keep, c.role));
        CHECK(s.write(id, bytes_of("body")) == 4);
        s.finish(id);
        s.finish(id); // says it once
        const auto got = parse_records(all_output(s)).all;
        REQUIRE(got.size() == 5);
        CHECK(got[0] == wire_record{record_type::begin_request, 1, c.body, 0});
        CHECK(got[1].type == record_type::params);
        CHECK(got[1].content == name_values(variables()));
        CHECK(got[2] == wire_record{record_type::params, 1, "", 0});
        CHECK(got[3] == wire_record{record_type::stdin_stream, 1, "body", 4});
        CHECK(got[4] == wire_record{record_type::stdin_stream, 1, "", 0});
        CHECK(s.can_start() == c.keep);
    }
}

TEST_CASE("client: a filter gets its DATA after its STDIN, and nobody else does")
{
    client_session s;
    const auto filter = start(s, a_request(true, fcgi::role::filter));
    CHECK(s.write(filter, bytes_of("early"), record_type::data) == 0);
    CHECK(s.write(filter, bytes_of("input")) == 5);
    s.finish(filter);
    CHECK(s.write(filter, bytes_of("late")) == 0);
    CHECK(s.write(filter, bytes_of("file"), record_type::data) == 4);
    s.finish(filter, record_type::data);
    CHECK(s.write(filter, bytes_of("late"), record_type::data) == 0);
    const auto responder = start(s);
    s.finish(responder);
    CHECK(s.write(responder, bytes_of("file"), record_type::data) == 0);
    s.finish(responder, record_type::data);
    const auto got = parse_records(all_output(s));
    CHECK(content(got, record_type::stdin_stream, filter) == "input");
    CHECK(content(got, record_type::data, filter) == "file");
    CHECK(got.all.at(got.all.size() - 5) == wire_record{record_type::data, filter, "", 0});
    CHECK(content(got, record_type::data, responder).empty());
    client_reader r(s);
    CHECK(r.take(end_request(filter) + end_request(responder)));
    CHECK(s.reusable());
}

TEST_CASE("client: the end of a filter's DATA never comes before that of its STDIN")
{
    client_session s;
    const auto filter = start(s, a_request(true, fcgi::role::filter));
    CHECK(s.write(filter, bytes_of("input")) == 5);
    s.finish(filter, record_type::data);
    CHECK(s.write(filter, bytes_of("late")) == 0);
    s.finish(filter);
    const auto got = parse_records(all_output(s)).all;
    REQUIRE(got.size() == 6);
    CHECK(got[3].content == "input");
    CHECK(got[4] == wire_record{record_type::stdin_stream, filter, "", 0});
    CHECK(got[5] == wire_record{record_type::data, filter, "", 0});
}

TEST_CASE("client: a body of any size is held in no more than the limit")
{
    fcgi::client_limits limits;
    limits.output = 4096;
    limits.record_content = 1000;
    for (const std::size_t takes : {1u, 7u, 1000u, 100000u}) {
        INFO(takes);
        client_session s(limits);
        const auto id = start(s);
        const auto body = pattern(takes < 10 ? 20000 : 300000);
        auto rest = bytes_of(body);
        std::string wire;
        std::size_t most = 0;
        while (!rest.empty()) {
            while (const auto n = s.write(id, rest))
                rest = rest.subspan(n);
            most = std::max(most, limits.output - s.room());
            const auto out = s.output();
            REQUIRE_FALSE(out.empty());
            const auto n = std::min(takes, out.size());
            wire.append(reinterpret_cast<const char*>(out.data()), n);
            s.sent(n);
        }
        s.finish(id);
        wire += all_output(s);
        CHECK(most <= limits.output);
        CHECK(s.room() == limits.output);
        const auto got = parse_records(wire);
        CHECK(got.left_over == 0);
        CHECK(difference(content(got, record_type::stdin_stream, id), body) == "");
        for (const auto& r : got.all)
            CHECK(r.content.size() <= 1000);
    }
}

TEST_CASE("client: what `output` gave stays in place while more is framed")
{
    client_session s;
    const auto id = start(s);
    const auto out = s.output();
    const std::string before(reinterpret_cast<const char*>(out.data()), out.size());
    const auto body = pattern(60000);
    for (auto rest = bytes_of(body); !rest.empty();) {
        const auto n = s.write(id, rest);
        if (n == 0)
            break;
        rest = rest.subspan(n);
    }
    CHECK(s.output().data() == out.data());
    CHECK(std::string(reinterpret_cast<const char*>(out.data()), out.size()) == before);
}

TEST_CASE("client: no request begins while nothing is taken")
{
    fcgi::client_limits limits;
    limits.output = 1024;
    client_session s(limits);
    const auto id = start(s);
    const auto body = pattern(2000);
    CHECK(s.write(id, bytes_of(body)) > 0);
    CHECK(s.write(id, bytes_of(body)) == 0);
    CHECK_FALSE(s.can_start());
    CHECK(s.reusable());
    all_output(s);
    CHECK(s.can_start());
}

TEST_CASE("client: PARAMS of any size within the limit, over it none of the request")
{
    fcgi::client_limits limits;
    limits.params_bytes = 150000;
    client_session s(limits);
    auto r = a_request();
    const auto large = pattern(140000);
    r.params.add("LARGE", large);
    const auto id = start(s, r);
    const auto got = parse_records(all_output(s));
    auto wanted = variables();
    wanted.emplace_back("LARGE", large);
    CHECK(difference(content(got, record_type::params, id), name_values(wanted)) == "");
    CHECK(got.all.back() == wire_record{record_type::params, id, "", 0});

    r.params.set("LARGE", pattern(150000));
    id_type other = 0;
    CHECK(s.start(r, other) == fcgi::errc::params_too_large);
    r.params.set("LARGE", "");
    r.params.add("", "x");
    CHECK(s.start(r, other) == fcgi::errc::params_empty_name);
    CHECK(all_output(s).empty());
    CHECK(s.active() == 1);
}

TEST_CASE("client: ids are used again, and no more than the limit at once")
{
    fcgi::client_limits limits;
    limits.requests = 3;
    client_session s(limits);
    CHECK(start(s) == 1);
    CHECK(start(s) == 2);
    CHECK(start(s) == 3);
    CHECK_FALSE(s.can_start());
    for (id_type id = 1; id <= 3; ++id)
        s.finish(id);
    client_reader r(s);
    CHECK(r.take(end_request(2)));
    CHECK(start(s) == 2);
    CHECK_FALSE(s.can_start());
}

TEST_CASE("client: all 65535 ids can be in use")
{
    fcgi::client_limits limits;
    limits.output = 16 << 20;
    client_session s(limits);
    const fcgi::client_request bare;
    for (unsigned i = 1; i <= 65535; ++i) {
        id_type id = 0;
        REQUIRE(s.can_start());
        REQUIRE_FALSE(s.start(bare, id));
        REQUIRE(id == i);
    }
    CHECK_FALSE(s.can_start());
    s.finish(65535);
    client_reader r(s);
    CHECK(r.take(stdout_data(65535, "last") + end_request(65535)));
    CHECK(r.answers[65535].out == "last");
    CHECK(start(s, bare) == 65535);
}

TEST_CASE("client: nothing is written for a request that is over or was aborted")
{
    client_session s;
    const auto id = start(s);
    const auto aborted = start(s);
    s.finish(id);
    all_output(s);
    client_reader r(s);
    CHECK(r.take(end_request(id)));
    CHECK_FALSE(s.accepts(id, record_type::stdin_stream));
    CHECK(s.accepts(aborted, record_type::stdin_stream));
    CHECK_FALSE(s.accepts(aborted, record_type::data));
    CHECK(s.write(id, bytes_of("x")) == 0);
    s.finish(id);
    CHECK_FALSE(s.abort(id));
    CHECK(all_output(s).empty());
    s.abort(aborted);
    CHECK(s.write(aborted, bytes_of("x")) == 0);
    s.finish(aborted);
    CHECK(all_output(s) == abort_request(aborted));
    CHECK(s.write(0, bytes_of("x")) == 0);
    CHECK(s.write(999, bytes_of("x")) == 0);
}

TEST_CASE("client: a write of nothing does not end the stream")
{
    client_session s;
    const auto id = start(s);
    all_output(s);
    CHECK(s.write(id, {}) == 0);
    CHECK(all_output(s).empty());
    CHECK(s.write(id, bytes_of("x")) == 1);
}

TEST_CASE("client: a trace tells of each record both ways, once")
{
    std::string told;
    client_session s({}, [&](bool incoming, const fcgi::record_header& h) {
        told += (incoming ? "< " : "> ") + std::string(name_of(h.type)) + ' ' + std::to_string(h.id) + ' ' +
                std::to_string(h.content_size) + '\n';
    });
    id_type id = 0;
    fcgi::client_request bare;
    bare.params.add("A", "b");
    REQUIRE_FALSE(s.start(bare, id));
    s.finish(id);
    client_reader r(s);
    for (const char c : stdout_data(1, "xyz") + end_request(1))
        CHECK(r.take(std::string_view(&c, 1)));
    CHECK(told ==
          "> BEGIN_REQUEST 1 8\n> PARAMS 1 4\n> PARAMS 1 0\n> STDIN 1 0\n< STDOUT 1 3\n< END_REQUEST 1 8\n");
}
