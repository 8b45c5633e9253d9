// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A FastCGI session: whatever the peer sends, the kernel takes and the apps do, in whatever order.
//
// An input is a script: the limits in one byte, then steps. The low six bits of a step's first byte say what happens; 0x40: outside
// of the loop's turn; 0x80: before anything else gets its turn.
#include "fuzz/session_world.hpp"

#include "support/records.hpp"

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

using namespace sluice;
using namespace sluice::fuzz;

namespace {

// What a script may move in all, so that each run is short.
constexpr std::size_t most_in = 150'000, most_out = 300'000;

class script {
public:
    script(input& in, session_world& world) : in_(in), world_(world) {}

    void run()
    {
        while (!in_.done()) {
            const auto first = in_.byte();
            world_.act((first & 0x40) == 0, [&] { step(first & 0x3f); });
            if ((first & 0x80) == 0)
                world_.settle();
        }
    }

private:
    /// Up to 63 KiB, small ones in single bytes.
    std::size_t size(std::size_t& left)
    {
        const std::size_t b = in_.byte();
        const auto n = std::min(left, b < 128 ? b : b < 192 ? (b - 128) * 64 : (b - 192) * 1024 + b % 8);
        left -= n;
        return n;
    }
    test::id_type id()
    {
        const auto b = in_.byte();
        return static_cast<test::id_type>(1 + b % 4 + (b < 250 ? 0 : 256));
    }
    played_app* app()
    {
        const auto b = in_.byte();
        return world_.apps.empty() ? nullptr : &world_.apps[world_.apps.size() - 1 - b % world_.apps.size()];
    }

    void step(unsigned what);
    void peer_step(unsigned what);
    void app_step(unsigned what, played_app& a);
    std::string params(test::id_type id);
    std::string stream(fcgi::record_type type, test::id_type id);
    std::string body(test::id_type id) { return stream(fcgi::record_type::stdin_stream, id); }
    std::string data(test::id_type id) { return stream(fcgi::record_type::data, id); }

    input& in_;
    session_world& world_;
    std::size_t left_in_ = most_in, left_out_ = most_out;
    unsigned serial_ = 0;
};

std::string script::params(test::id_type id)
{
    constexpr const char* methods[] = {"GET", "POST", "HEAD", "PUT"};
    constexpr std::size_t cuts[] = {65535, 7, 20, 100};
    const auto how = in_.byte();
    test::pairs more{{"SERIAL", std::to_string(++serial_)}};
    if ((how & 4) != 0)
        more.emplace_back("CONTENT_LENGTH", std::to_string(in_.byte() * 100));
    if (how >= 0xf0)
        more.emplace_back("CONTENT_LENGTH", "none");
    if ((how & 0x40) != 0)
        more.emplace_back("FCGI_DATA_LENGTH",
                          (how & 0xb0) == 0xa0 ? "none" : std::to_string(in_.byte() * 100));
    return test::params(id, test::variables(methods[how & 3], "/", more), cuts[how >> 4 & 3],
                        (how & 8) != 0 ? 5 : 0);
}

std::string script::stream(fcgi::record_type type, test::id_type id)
{
    std::string bytes;
    append_pattern(++serial_, 0, size(left_in_), bytes);
    return test::records(static_cast<unsigned>(type), id, bytes, 1 + in_.byte() * 256u, bytes.size() % 3);
}

void script::peer_step(unsigned what)
{
    std::string bytes;
    switch (what) {
    case 0: {
        const auto number = id();
        const auto how = in_.byte();
        bytes = test::begin_request(number, (how & 1) == 0,
                                    how < 0x80   ? 1
                                    : how < 0xf0 ? 2 + (how & 2) / 2
                                                 : how & 7);
        break;
    }
    case 1: bytes = params(id()); break;
    case 2: bytes = test::params_end(id()); break;
    case 3: bytes = body(id()); break;
    case 4: bytes = test::stdin_end(id()); break;
    case 5: bytes = test::abort_request(id()); break;
    case 6: {
        const auto n = in_.byte();
        bytes = n < 200 ? test::get_values({"FCGI_MAX_CONNS", "FCGI_MPXS_CONNS"})
                        : test::record(9, 0, in_.bytes(n));
        break;
    }
    case 7: {
        const auto type = in_.byte();
        const auto number = in_.byte() % 8u;
        bytes = test::record(type, static_cast<test::id_type>(number), in_.bytes(in_.byte()), type % 9);
        break;
    }
    case 8: bytes = in_.bytes(in_.byte()); break;
    case 9: {
        const auto number = id();
        bytes = test::begin_request(number) + params(number) + test::stdin_end(number);
        break;
    }
    case 10: {
        const auto number = id();
        bytes = test::begin_request(number);
        bytes += params(number); // one after the other: they take from the script
        bytes += body(number);
        break;
    }
    case 11: {
        const auto number = id();
        bytes = test::record(4, number, in_.bytes(in_.byte()));
        break;
    }
    case 12: bytes = data(id()); break;
    case 13: bytes = test::record(8, id(), {}); break;
    case 14: { // a filter, up to its data
        const auto number = id();
        bytes = test::begin_request(number, true, 3);
        bytes += params(number);
        bytes += body(number) + test::stdin_end(number);
        break;
    }
    default: { // an authorizer
        const auto number = id();
        bytes = test::begin_request(number, true, 2) + params(number);
    }
    }
    world_.peer_sends(bytes);
}

void script::app_step(unsigned what, played_app& a)
{
    switch (what) {
    case 0: {
        const auto how = in_.byte();
        a.start(how, in_.byte() * std::size_t{256});
        break;
    }
    case 1: a.answer(size(left_out_)); break;
    case 2: a.write(size(left_out_)); break;
    case 3: a.write_all(size(left_out_)); break;
    case 4: a.try_flush(); break;
    case 5: a.flush(); break;
    case 6: a.finish(); break;
    case 7: a.abort(); break;
    case 8: a.read_body(in_.byte() * std::size_t{64}); break;
    case 9: a.complain(in_.byte()); break;
    case 10: a.throw_when_written(size(left_out_)); break;
    case 11: a.drop(); break;
    case 12: a.read_data(in_.byte() * std::size_t{64}); break;
    default: // in one go
        for (int n = in_.byte() % 16; n >= 0; --n)
            a.write(size(left_out_));
    }
}

void script::step(unsigned what)
{
    constexpr std::size_t slices[] = {1, 3, 7, 8, 9, 16, 100, 4096};
    switch (what) {
    case 40: world_.take_slowly(slices[in_.byte() % 8u]); return;
    case 41: world_.give_slowly(slices[in_.byte() % 8u]); return;
    case 42: world_.stop_reading(); return;
    case 43: world_.peer_reads(in_.byte() * std::size_t{in_.byte()}); return;
    case 44: world_.peer_reads(session_world::everything); return;
    case 45: world_.break_off(); return;
    case 46: world_.pass(std::chrono::seconds(in_.byte())); return;
    case 47: world_.drain(); return;
    case 48: world_.cancel(); return;
    case 49: world_.peer_ends((in_.byte() & 1) != 0); return;
    case 50:
    case 51:
    case 52:
    case 53: return peer_step(what - 50 + 12);
    default: break;
    }
    // What is left over are steps of the apps again, and two more.
    if (what < 12)
        return peer_step(what);
    if (played_app* const a = app())
        app_step(what > 57 ? 13 : what > 55 ? 12 : (what - 12) % 12, *a);
}

limits limits_of(unsigned choice)
{
    limits l;
    l.block_size = 4096;
    l.window = 4 * l.block_size;
    l.input_window = 4 * l.block_size;
    l.window_growth = 16 * 1024;
    l.turn_budget = 64 * 1024;
    l.pool_bytes = (choice & 1) != 0 ? 8 * l.block_size : 512 * l.block_size;
    l.error_text = 256;
    l.response_head = 1024;
    l.params_bytes = 2048;
    l.params_count = 40;
    l.requests = (choice & 2) != 0 ? 2 : 1000;
    l.half_sent_requests = (choice & 2) != 0 ? 1 : 1000;
    l.request_body = (choice & 4) != 0 ? 5000 : 0;
    l.spill = (choice & 8) != 0 ? 20'000 : 0;
    return l;
}

// What is logged is formatted, and goes nowhere.
const bool silent = [] {
    auto logger = std::make_shared<spdlog::logger>("fuzz", std::make_shared<spdlog::sinks::null_sink_mt>());
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
    return true;
}();

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    input in(data, size);
    const unsigned choice = in.byte();
    const auto l = limits_of(choice);
    session_world world(l, {{l.params_bytes, l.params_count}, l.request_body, (choice & 3) != 0},
                        (choice & 32) != 0, in);
    script(in, world).run();
    world.wind_up((choice & 16) != 0);
    return 0;
}
