// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// An app that breaks the protocol loses its connection, wherever the bytes are cut.
#include <sluice/fcgi/client_session.hpp>

#include <sluice/fcgi/errc.hpp>

#include "fcgi/client_events.hpp"
#include "support/catch.hpp"

#include <random>

using namespace sluice;
using namespace sluice::test;
using namespace std::string_literals;
using fcgi::client_session;

namespace {

struct vector {
    const char* what;
    std::string bytes;
    fcgi::errc fault;
    bool then_closes = false; ///< the fault is that the app closes after these bytes
};

std::vector<vector> vectors()
{
    using fcgi::errc;
    pairs many;
    for (int i = 0; i < 17; ++i)
        many.emplace_back("N" + std::to_string(i), "");
    return {
        {"version 0", '\0' + stdout_data(1, "x").substr(1), errc::bad_version},
        {"version 2 behind a good record", stdout_data(1, "x") + '\2' + stdout_end(1).substr(1),
         errc::bad_version},
        {"HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", errc::bad_version},
        {"STDOUT for an id never begun", stdout_data(7, "x"), errc::bad_request_id},
        {"STDOUT for an id that differs in its high byte", stdout_data(257, "x"), errc::bad_request_id},
        {"STDERR for an id never begun", stderr_data(4, "x"), errc::bad_request_id},
        {"END_REQUEST for an id never begun", end_request(4), errc::bad_request_id},
        {"STDOUT for id 0", stdout_data(0, "x"), errc::bad_request_id},
        {"END_REQUEST for id 0", end_request(0), errc::bad_request_id},
        {"STDOUT after END_REQUEST", end_request(1) + stdout_data(1, "x"), errc::bad_request_id},
        {"the end of STDOUT after END_REQUEST", end_request(1) + stdout_end(1), errc::bad_request_id},
        {"END_REQUEST twice", end_request(1) + end_request(1), errc::bad_request_id},
        {"STDOUT after its end", stdout_end(1) + stdout_data(1, "x"), errc::data_after_end},
        {"the end of STDOUT twice", stdout_end(1) + stdout_end(1), errc::data_after_end},
        {"STDERR after its end", stderr_end(1) + stderr_data(1, "x"), errc::data_after_end},
        {"STDOUT after its end for an aborted request", stdout_end(3) + stdout_data(3, "x"),
         errc::data_after_end},
        {"END_REQUEST of 7 bytes", record(3, 1, std::string(7, '\0')), errc::bad_end_length},
        {"END_REQUEST of 9 bytes", record(3, 1, std::string(9, '\0')), errc::bad_end_length},
        {"END_REQUEST of nothing", record(3, 1, ""), errc::bad_end_length},
        {"END_REQUEST of 65535 bytes", record(3, 1, std::string(65535, '\0')), errc::bad_end_length},
        {"END_REQUEST with protocolStatus 4", end_request(1, 0, 4), errc::bad_protocol_status},
        {"END_REQUEST with protocolStatus 255 for an aborted request", end_request(3, 0, 255),
         errc::bad_protocol_status},
        {"BEGIN_REQUEST from the app", begin_request(1), errc::unexpected_record},
        {"ABORT_REQUEST from the app", abort_request(1), errc::unexpected_record},
        {"PARAMS from the app", record(4, 1, "\1\1NV"), errc::unexpected_record},
        {"STDIN from the app", stdin_data(1, "x"), errc::unexpected_record},
        {"DATA from the app", record(8, 1, "x"), errc::unexpected_record},
        {"GET_VALUES from the app", get_values({"FCGI_MAX_REQS"}), errc::unexpected_record},
        {"GET_VALUES_RESULT for a request", record(10, 1, ""), errc::unexpected_record},
        {"UNKNOWN_TYPE for a request", record(11, 1, std::string(8, '\0')), errc::unexpected_record},
        {"type 0", record(0, 1, ""), errc::unexpected_record},
        {"type 12, as servers send to make a response fail", record(12, 1, ""), errc::unexpected_record},
        {"type 255 for id 0", record(255, 0, "x"), errc::unexpected_record},
        {"GET_VALUES_RESULT with a name too long", record(10, 0, "\xff\xff\xff\xff\0"s),
         errc::management_too_large},
        {"GET_VALUES_RESULT too large", record(10, 0, name_values({{"N", pattern(2000)}})),
         errc::management_too_large},
        {"GET_VALUES_RESULT of too many pairs", record(10, 0, name_values(many)), errc::management_too_large},
        {"GET_VALUES_RESULT that ends in a value", record(10, 0, "\1\5Nval"), errc::params_incomplete},
        {"GET_VALUES_RESULT with a NUL", record(10, 0, "\1\1N\0"s), errc::params_nul},
        {"GET_VALUES_RESULT twice", record(10, 0, "\1\1NV") + record(10, 0, "\1\1NV"),
         errc::unexpected_record},
        {"UNKNOWN_TYPE of 7 bytes", record(11, 0, "\x9\0\0\0\0\0\0"s), errc::bad_end_length},
        {"UNKNOWN_TYPE of what was not asked", unknown_type(5), errc::unexpected_record},
        {"UNKNOWN_TYPE after the answer", record(10, 0, "") + unknown_type(9), errc::unexpected_record},
        {"closed before any answer", "", errc::closed_mid_request, true},
        {"closed in a header", stdout_data(1, "x") + "\1\6\0", errc::closed_mid_record, true},
        {"closed in content", stdout_data(1, "content").substr(0, 10), errc::closed_mid_record, true},
        {"closed in padding", record(6, 1, "content", 7).substr(0, 17), errc::closed_mid_record, true},
        {"closed after STDOUT", stdout_data(1, "x") + stdout_end(1), errc::closed_mid_request, true},
        {"closed with one of two answers", end_request(1), errc::closed_mid_request, true},
    };
}

/// Requests 1 and 2 run, 3 is aborted, and GET_VALUES waits for its answer.
void begin(client_session& s)
{
    for (int i = 0; i < 3; ++i) {
        id_type id = 0;
        REQUIRE_FALSE(s.start(a_request(), id));
        s.finish(id);
    }
    s.abort(3);
    REQUIRE(s.get_values({}));
    all_output(s);
}

} // namespace

TEST_CASE("client: each breach of the protocol is found, wherever the bytes are cut")
{
    for (const auto& v : vectors()) {
        INFO(v.what);
        const auto run = [&](const pieces& cut) {
            client_session s;
            begin(s);
            client_reader r(s);
            const bool well = r.take(cut);
            REQUIRE(well == v.then_closes);
            if (v.then_closes)
                REQUIRE(s.end_of_input() == make_error_code(v.fault));
            else
                REQUIRE(r.fault == make_error_code(v.fault));
        };
        if (v.bytes.size() < 1000)
            for_each_cut(v.bytes, run);
        else
            run({v.bytes});
    }
}

TEST_CASE("client: the answer to a question that was not asked is a breach")
{
    for (const auto& bytes : {record(10, 0, ""), unknown_type(9)}) {
        client_session s;
        client_reader r(s);
        CHECK_FALSE(r.take(bytes));
        CHECK(r.fault == fcgi::errc::unexpected_record);
    }
}

TEST_CASE("client: any bytes at all, and no request ends twice")
{
    std::mt19937 engine(20260);
    const auto random = [&](unsigned below) { return static_cast<unsigned>(engine() % below); };
    int faults = 0, ends = 0;
    for (int round = 0; round < 3000; ++round) {
        client_session s;
        begin(s);
        client_reader r(s);
        const unsigned count = random(12);
        std::string bytes;
        for (unsigned i = 0; i < count; ++i) {
            constexpr unsigned types[] = {3, 6, 6, 6, 7, 10, 11};
            const unsigned type = random(20) == 0 ? random(256) : types[random(7)];
            const auto id = static_cast<id_type>(type > 9          ? 0
                                                 : random(30) == 0 ? random(65536)
                                                                   : 1 + random(3));
            const std::size_t size =
                type == 3 || type == 11 ? (random(10) == 0 ? random(12) : 8) : random(40);
            bytes += record(type, id, type == 6 ? pattern(size) : std::string(size, '\0'), random(9));
        }
        if (random(4) == 0 && !bytes.empty())
            bytes[random(static_cast<unsigned>(bytes.size()))] = static_cast<char>(random(256));
        for (std::string_view rest = bytes; !rest.empty();) {
            const auto piece = rest.substr(0, 1 + random(50));
            if (!r.take(piece))
                break;
            rest.remove_prefix(piece.size());
        }
        for (const auto& [id, a] : r.answers)
            REQUIRE(a.ends <= 1);
        faults += r.fault ? 1 : 0;
        ends += static_cast<int>(r.ended.size());
    }
    CHECK(faults > 500); // the dice reach both
    CHECK(ends > 500);
}
