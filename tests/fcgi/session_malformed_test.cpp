// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A peer that breaks the protocol loses its connection, and nobody else notices.
#include <sluice/fcgi/session.hpp>

#include <sluice/fcgi/errc.hpp>

#include "fcgi/session_peer.hpp"
#include "support/catch.hpp"

#include <map>
#include <random>

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;

namespace {

struct vector {
    const char* what;
    std::string bytes;
    fcgi::errc fault;
    bool then_closes = false; ///< the fault is that the peer closes after these bytes
};

std::string begun(id_type id = 1)
{
    return begin_request(id) + params(id, variables("POST"));
}

limits narrow()
{
    limits l = small_limits();
    l.params_bytes = 1000;
    l.params_count = 20;
    return l;
}

/// Always the same numbers.
class dice {
public:
    explicit dice(unsigned seed) : engine_(seed) {}
    unsigned operator()(unsigned below = 1u << 31) { return static_cast<unsigned>(engine_() % below); }

private:
    std::mt19937 engine_;
};

std::vector<vector> vectors()
{
    using fcgi::errc;
    pairs many;
    for (int i = 0; i < 21; ++i)
        many.emplace_back("N" + std::to_string(i), "");
    std::vector<vector> all = {
        {"version 0", '\0' + begin_request(1).substr(1), errc::bad_version},
        {"version 2 behind a good request", get(1) + '\2' + get(2).substr(1), errc::bad_version},
        {"HTTP", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", errc::bad_version},
        {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, errc::bad_version},
        {"BEGIN_REQUEST of 7 bytes", record(1, 1, "\0\1\1\0\0\0\0"s), errc::bad_begin_length},
        {"BEGIN_REQUEST of 9 bytes", record(1, 1, "\0\1\1\0\0\0\0\0\0"s), errc::bad_begin_length},
        {"BEGIN_REQUEST of nothing", record(1, 1, ""), errc::bad_begin_length},
        {"BEGIN_REQUEST of 65535 bytes", record(1, 1, pattern(65535)), errc::bad_begin_length},
        {"BEGIN_REQUEST for id 0", begin_request(0), errc::bad_request_id},
        {"PARAMS for id 0", record(4, 0, "x"), errc::bad_request_id},
        {"STDIN for id 0", stdin_end(0), errc::bad_request_id},
        {"ABORT_REQUEST for id 0", abort_request(0), errc::bad_request_id},
        {"DATA for id 0", record(8, 0, "x"), errc::bad_request_id},
        {"PARAMS for an id never begun", params(7, variables()), errc::bad_request_id},
        {"STDIN for an id never begun", get(1) + stdin_data(2, "x"), errc::bad_request_id},
        {"PARAMS of an id that differs in its high byte", begin_request(1) + params(257, variables()),
         errc::bad_request_id},
        {"BEGIN_REQUEST twice", begin_request(1) + begin_request(1), errc::duplicate_id},
        {"BEGIN_REQUEST for a request that runs", get(1) + begin_request(1), errc::duplicate_id},
        {"BEGIN_REQUEST in a body", begun() + stdin_data(1, "x") + begin_request(1), errc::duplicate_id},
        {"one byte of PARAMS too many", begin_request(1) + params(1, {{"N", std::string(1000, 'v')}}),
         errc::params_too_large},
        {"PARAMS too many, in many records",
         begin_request(1) + params(1, {{"A", std::string(500, 'v')}, {"B", std::string(500, 'v')}}, 20),
         errc::params_too_large},
        {"a name of 2 GiB announced", begin_request(1) + record(4, 1, "\xff\xff\xff\xff\0"s),
         errc::params_too_large},
        {"a value of 2 GiB announced", begin_request(1) + record(4, 1, "\x01\xff\xff\xff\xff"s + 'N'),
         errc::params_too_large},
        {"too many PARAMS", begin_request(1) + params(1, many), errc::params_too_many},
        {"PARAMS end in a length", begin_request(1) + record(4, 1, "\x80\0"s) + params_end(1),
         errc::params_incomplete},
        {"PARAMS end in a name", begin_request(1) + record(4, 1, "\4\0NAM"s) + params_end(1),
         errc::params_incomplete},
        {"PARAMS end in a value", begin_request(1) + record(4, 1, "\1\2N1"s) + params_end(1),
         errc::params_incomplete},
        {"a name of no length", begin_request(1) + params(1, {{"", "value"}}), errc::params_empty_name},
        {"NUL in a name", begin_request(1) + params(1, {{"A\0B"s, "1"}}), errc::params_nul},
        {"NUL in a value", begin_request(1) + params(1, {{"A", "\0"s}}), errc::params_nul},
        {"PARAMS after their end", begun() + record(4, 1, "\1\1NV"), errc::data_after_end},
        {"the end of PARAMS twice", begun() + params_end(1), errc::data_after_end},
        {"PARAMS after the whole request", get(1) + params_end(1), errc::data_after_end},
        {"STDIN after its end", begun() + stdin_end(1) + stdin_data(1, "x"), errc::data_after_end},
        {"the end of STDIN twice", begun() + stdin_end(1) + stdin_end(1), errc::data_after_end},
        {"STDIN before the end of PARAMS", begin_request(1) + stdin_data(1, "x"), errc::unexpected_record},
        {"the end of STDIN before that of PARAMS", begin_request(1) + stdin_end(1), errc::unexpected_record},
        {"DATA for a responder", begun() + record(8, 1, "x"), errc::unexpected_record},
        {"END_REQUEST from the peer", begun() + record(3, 1, std::string(8, '\0')), errc::unexpected_record},
        {"STDOUT from the peer", begun() + record(6, 1, "x"), errc::unexpected_record},
        {"STDERR from the peer", begin_request(1) + record(7, 1, "x"), errc::unexpected_record},
        {"GET_VALUES for a request", begun() + record(9, 1, ""), errc::unexpected_record},
        {"type 0 for a request", begun() + record(0, 1, ""), errc::unexpected_record},
        {"GET_VALUES too long", record(9, 0, pattern(1025)), errc::management_too_large},
        {"closed in a header", begun() + "\1\5\0", errc::closed_mid_record, true},
        {"closed in content", begun() + record(5, 1, "content").substr(0, 10), errc::closed_mid_record, true},
        {"closed in padding", begun() + record(5, 1, "content", 7).substr(0, 17), errc::closed_mid_record,
         true},
        {"closed after one byte", "\1", errc::closed_mid_record, true},
        {"closed after BEGIN_REQUEST", begin_request(1), errc::closed_mid_request, true},
        {"closed in the PARAMS", begin_request(1) + records(4, 1, name_values(variables()), 50),
         errc::closed_mid_request, true},
    };
    return all;
}

/// Runs a vector beside a neighbour with a response under way and one that streams a body in; both must go on undisturbed.
void run(const vector& v, const pieces& cut)
{
    session_loop loop(narrow());
    session_peer neighbour(loop);
    neighbour.send(begin_request(1) + params(1, variables("POST", "/", {{"CONTENT_LENGTH", "6"}})) +
                   stdin_data(1, "abc"));
    auto& other = loop.requests.at(0);
    other.start();
    other.write("before, ");
    neighbour.settle();
    const auto in_use = loop.in_use();
    {
        session_peer peer(loop);
        peer.send(cut);
        if (v.then_closes) {
            CHECK_FALSE(peer.fault());
            peer.end(false);
        }
        CHECK(peer.fault() == make_error_code(v.fault));
        CHECK(peer.closed());
        CHECK(loop.in_use() == in_use);
        const auto seen = peer.output();
        for (std::size_t i = 1; i < loop.requests.size(); ++i) {
            CHECK(loop.requests[i].req.aborted());
            loop.requests[i].answer("nobody hears this");
        }
        peer.settle();
        CHECK(peer.output() == seen); // nothing is sent any more
    }
    neighbour.send(stdin_data(1, "def") + stdin_end(1));
    while (!other.body_ended) {
        other.read(100);
        neighbour.settle();
        REQUIRE_FALSE((other.reading || other.read_error));
    }
    CHECK(other.body == "abcdef");
    other.write("after");
    other.finish();
    neighbour.settle();
    CHECK(neighbour.reply_to(1).well());
    CHECK(neighbour.reply_to(1).body == "before, after");
}

/// A session fed with anything: it must not crash, must give all blocks back, must not end a request twice.
void survive(session_loop& loop, const std::string& bytes, dice& random)
{
    loop.log().clear();
    session_peer peer(loop);
    peer.take = random(3) == 0 ? 1 + random(50) : session_peer::everything;
    for (std::size_t at = 0; at < bytes.size() && !peer.closed();) {
        const auto n = std::min<std::size_t>(bytes.size() - at, 1 + random(200));
        peer.send(std::string_view(bytes).substr(at, n));
        at += n;
    }
    if (random(2) == 0)
        peer.end(random(2) == 0);
    // A request's id may be used again, so count against the BEGIN_REQUESTs that came.
    std::map<id_type, int> begins;
    for (std::size_t at = 0; at + 8 <= bytes.size(); ++at)
        if (bytes[at] == 1 && bytes[at + 1] == 1)
            ++begins[static_cast<id_type>(static_cast<unsigned char>(bytes[at + 2]) << 8 |
                                          static_cast<unsigned char>(bytes[at + 3]))];
    std::map<id_type, int> ends;
    for (const auto& r : parse_records(peer.output()).all)
        if (r.type == fcgi::record_type::end_request)
            ++ends[r.id];
    for (const auto& [id, n] : ends)
        REQUIRE(n <= begins[id]);
}

/// Reads the body, answers with its size.
task<void> count(request& req, responder respond)
{
    std::array<char, 512> buffer;
    std::size_t all = 0;
    while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
        all += n;
    respond.send(200, {{"Content-Type", "text/plain"}}, std::to_string(all));
}

} // namespace

TEST_CASE("malformed input: each breach is named, costs its connection, and disturbs nobody else")
{
    for (const auto& v : vectors()) {
        INFO(v.what);
        run(v, {v.bytes});
    }
}

TEST_CASE("malformed input: the same at every cut")
{
    for (const auto& v : vectors())
        if (v.bytes.size() < 150)
            for_each_cut(v.bytes, [&](const pieces& cut) {
                INFO(v.what << ", first piece of " << cut.front().size());
                run(v, cut);
            });
        else {
            INFO(v.what << ", in pieces of 97");
            pieces cut;
            for (std::size_t at = 0; at < v.bytes.size(); at += 97)
                cut.push_back(std::string_view(v.bytes).substr(at, 97));
            run(v, cut);
        }
}

TEST_CASE("malformed input: random bytes behind a good header never do harm")
{
    dice random(20260101);
    session_loop loop(application(count), narrow());
    for (int round = 0; round < 3000; ++round) {
        std::string bytes;
        for (unsigned i = random(12); i > 0; --i) {
            const auto size = random(8) == 0 ? random(3000) : random(40);
            std::string content(size, '\0');
            for (char& c : content)
                c = static_cast<char>(random(random(2) == 0 ? 256 : 8));
            const bool plausible = random(4) != 0;
            bytes +=
                plausible ? record(random(13), static_cast<id_type>(random(4)), content, random(9)) : content;
            if (random(2) == 0)
                bytes += begin_request(static_cast<id_type>(1 + random(3)), random(4) != 0,
                                       random(8) == 0 ? 2 : 1);
        }
        INFO("round " << round);
        survive(loop, bytes, random);
        REQUIRE(loop.in_use() == 0);
    }
}

TEST_CASE("malformed input: good requests with changed, lost, doubled and swapped bytes never do harm")
{
    dice random(20260102);
    session_loop loop(application(count), narrow());
    const std::string good = post(1, true, pattern(300)) + begun(2) + get(3) + stdin_data(2, "later") +
                             abort_request(2) + get_values({"FCGI_MAX_REQS"}) + post(4, false, "the last");
    for (int round = 0; round < 3000; ++round) {
        auto bytes = good;
        for (unsigned i = 1 + random(3); i > 0; --i) {
            const auto at = random(static_cast<unsigned>(bytes.size()));
            const auto n = 1 + random(20);
            switch (random(5)) {
            case 0: bytes[at] = static_cast<char>(random()); break;
            case 1: bytes.erase(at, n); break;
            case 2: bytes.insert(at, bytes.substr(at, n)); break;
            case 3: std::swap(bytes[at], bytes[random(static_cast<unsigned>(bytes.size()))]); break;
            default: bytes.resize(at); break;
            }
            if (bytes.empty())
                break;
        }
        INFO("round " << round);
        survive(loop, bytes, random);
        REQUIRE(loop.in_use() == 0);
        REQUIRE(loop.resources().figures().active.value() == 0);
    }
}
