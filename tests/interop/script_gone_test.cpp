// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The client of a script leaves a direct connection, in each way there is.
#include "interop/direct_client.hpp"
#include "interop/probe_client.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"

#include <csignal>

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

enum class way { close, reset, abort };

struct case_of_leaving {
    std::string script;
    bool speaks;           ///< the client hears from it before it leaves
    bool body_cut = false; ///< the client leaves in mid-body
    milliseconds grace{0}; ///< what it takes to end it
};

// How long after the client's leaving the last process was gone.
milliseconds ended_after(const direct_site& site, const case_of_leaving& which, way how)
{
    direct_client client(site.address);
    auto records = script_request(which.script, true, "", which.body_cut ? std::string(50'000, 'x') : "");
    if (which.body_cut)
        records.resize(records.size() - 3);
    REQUIRE(client.send(joined(records)));
    if (which.speaks)
        REQUIRE(client.receive_until([&] { return client.answer.body > 0; }));
    else
        REQUIRE(becomes_true([&] { return !site.script_processes().empty(); }, seconds(20)));
    const auto left = steady_clock::now();
    switch (how) {
    case way::close: client.close(); break;
    case way::reset: client.reset(); break;
    case way::abort: REQUIRE(client.send(abort_request(1)));
    }
    REQUIRE(becomes_true([&] { return site.script_processes().empty(); }, seconds(20)));
    const auto after = std::chrono::duration_cast<milliseconds>(steady_clock::now() - left);
    if (how == way::abort) // on the connection that is kept the web server is told, whatever the script does
        CHECK(client.receive_until([&] { return client.answer.ended; }));
    return after;
}

} // namespace

TEST_CASE("F11, F12: a direct client leaves, and its script ends: silent, ticking, endless, in its body",
          "[scripts]")
{
    const bool tcp = GENERATE(false, true);
    constexpr milliseconds grace{300};
    direct_site site(tcp, {"--grace", "300ms"});
    const auto descriptors = site.open_descriptors();
    for (const auto& which : std::vector<case_of_leaving>{{"mute.cgi", false},
                                                          {"sleep.cgi", true},
                                                          {"tick.cgi", true},
                                                          {"endless.cgi", true},
                                                          {"cat.cgi", false, true},
                                                          {"stubborn.cgi", true, false, grace}})
    {
        for (const way how : {way::close, way::reset, way::abort}) {
            INFO(site.address << " " << which.script << ", left by "
                              << (how == way::close   ? "close"
                                  : how == way::reset ? "reset"
                                                      : "FCGI_ABORT_REQUEST"));
            CHECK(least_of_three([&] { return ended_after(site, which, how); }, which.grace + seconds(1)) <
                  which.grace + seconds(1));
        }
    }
    CHECK(site.left_open_since(descriptors) == std::vector<std::string>());
}

TEST_CASE("F20: a script whose client takes nothing for too long is ended, and nothing of it is left",
          "[scripts]")
{
    const bool tcp = GENERATE(false, true);
    direct_site site(tcp, {"--grace", "300ms", "--write-stall", "300ms"});
    const auto descriptors = site.open_descriptors();
    direct_client client(site.address);
    REQUIRE(client.send(joined(script_request("endless.cgi", true, "", ""))));
    REQUIRE(becomes_true([&] { return !site.script_processes().empty(); }, seconds(20)));
    CHECK(becomes_true([&] { return site.script_processes().empty(); },
                       seconds(20))); // nothing was read, nor closed
    client.close();
    CHECK(site.left_open_since(descriptors) == std::vector<std::string>());
}

} // namespace sluice::test
