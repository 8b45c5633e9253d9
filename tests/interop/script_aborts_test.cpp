// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// 10 000 requests for scripts of every kind, most of them given up at some moment, in some way.
#include "interop/direct_client.hpp"
#include "interop/probe_client.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"

#include <array>
#include <iostream>
#include <iterator>
#include <optional>
#include <random>

#include <poll.h>

namespace sluice::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

enum class way { stay, close, reset, abort };
constexpr std::size_t ways = 4;

struct tally {
    std::array<int, ways> by_way{};
    int overtaken = 0; ///< answered before they were given up
    int reused = 0;    ///< on a connection that had one before
    int total() const { return by_way[0] + by_way[1] + by_way[2] + by_way[3] + overtaken; }
};

// One client after the other, each with a request.
class visitor {
public:
    visitor(const direct_site& site, std::mt19937& random, tally& done)
        : site_(&site), random_(&random), done_(&done)
    {}

    void begin();
    void step();
    bool busy() const noexcept { return client_ && busy_; }
    bool wants_to_send() const noexcept { return sent_ < bytes_.size(); }
    int fd() const noexcept { return client_->fd(); }

private:
    std::size_t any(std::size_t first, std::size_t last)
    {
        return std::uniform_int_distribution<std::size_t>(first, last)(*random_);
    }
    void fail(const std::string& how) const;
    void leave();
    void end(bool overtaken);

    const direct_site* site_;
    std::mt19937* random_;
    tally* done_;
    std::optional<direct_client> client_;
    bool busy_ = false;
    bool keep_ = false;
    bool aborted_ = false;
    bool echoes_ = false;
    way way_{};
    std::string bytes_; ///< of the request; less than all of them where it is given up in mid-request
    std::size_t sent_ = 0;
    std::uint64_t enough_ = 0; ///< of the answer, to be given up
    steady_clock::time_point until_;
};

const std::string& body_of_upload()
{
    static const std::string text = probe_content(100'000);
    return text;
}

void visitor::begin()
{
    static constexpr const char* scripts[] = {"hello.cgi",   "hello.cgi",   "hello.cgi", "cat.cgi",
                                              "sleep.cgi",   "mute.cgi",    "tick.cgi",  "five.cgi",
                                              "endless.cgi", "stubborn.cgi"};
    const std::string script = scripts[any(0, std::size(scripts) - 1)];
    echoes_ = script == "cat.cgi";
    const bool ends = script == "hello.cgi" || echoes_;
    way_ = static_cast<way>(any(ends ? 0 : 1, ways - 1));
    if (client_ && keep_ && !client_->gone) {
        client_->answer = {};
        ++done_->reused;
    } else {
        client_.emplace(site_->address);
    }
    keep_ = any(0, 1) == 0;

    auto records = script_request(script, keep_, "", echoes_ ? body_of_upload() : "");
    const bool in_mid_request = way_ != way::stay && any(0, 3) == 0;
    // An abort is a record itself, and comes between others.
    if (in_mid_request && way_ == way::abort)
        records.resize(any(1, records.size() - 1));
    bytes_ = joined(records);
    if (in_mid_request && way_ != way::abort)
        bytes_.resize(any(0, bytes_.size() - 1));
    sent_ = 0;
    const bool by_time = any(0, 1) == 0;
    enough_ = by_time ? UINT64_MAX : any(0, 30'000);
    until_ = steady_clock::now() + (way_ == way::stay ? milliseconds(20'000) : milliseconds(any(0, 30)));
    aborted_ = false;
    busy_ = true;
}

void visitor::step()
{
    auto& answer = client_->answer;
    client_->try_receive(64 * 1024);
    if (answer.ended)
        return end(!aborted_ && way_ != way::stay);
    if (client_->gone && aborted_ && !keep_)
        return end(false);
    if (client_->gone)
        fail("the connection is closed");
    sent_ += client_->try_send(std::string_view(bytes_).substr(sent_));
    const bool late = steady_clock::now() > until_;
    if (late && (aborted_ || way_ == way::stay))
        fail("there is no end of it");
    if (aborted_ || way_ == way::stay)
        return;
    if (!wants_to_send() && (late || answer.head.size() + answer.body >= enough_))
        leave();
}

void visitor::fail(const std::string& how) const
{
    FAIL(how << ": way " << static_cast<int>(way_) << ", sent " << sent_ << " of " << bytes_.size()
             << ", answered " << client_->answer.head << client_->answer.beginning.substr(0, 100));
}

void visitor::leave()
{
    if (way_ == way::abort) {
        aborted_ = true;
        bytes_ = abort_request(1);
        sent_ = 0;
        until_ = steady_clock::now() + seconds(20); // for the END_REQUEST
        return;
    }
    if (way_ == way::reset)
        client_->reset();
    else
        client_->close();
    keep_ = false;
    end(false);
}

void visitor::end(bool overtaken)
{
    if (way_ == way::stay) {
        INFO(client_->answer.head << client_->answer.beginning);
        CHECK(client_->answer.well());
        if (echoes_)
            CHECK((client_->answer.body == body_of_upload().size() && client_->answer.is_probe_text));
        else
            CHECK(client_->answer.beginning == "Hello, world!");
    }
    ++(overtaken ? done_->overtaken : done_->by_way[static_cast<std::size_t>(way_)]);
    busy_ = false;
    if (wants_to_send())
        keep_ = false; // the rest of that request is not sent
}

// Until that many have had their turn.
void visit(std::vector<visitor>& visitors, const tally& done, int requests)
{
    int begun = done.total();
    const int last = begun + requests;
    const auto deadline = steady_clock::now() + seconds(100);
    std::vector<pollfd> fds;
    while (done.total() < last) {
        REQUIRE(steady_clock::now() < deadline);
        fds.clear();
        for (auto& each : visitors) {
            if (!each.busy() && begun < last) {
                each.begin();
                ++begun;
            }
            if (each.busy())
                each.step();
            if (each.busy())
                fds.push_back(
                    {each.fd(), static_cast<short>(each.wants_to_send() ? POLLIN | POLLOUT : POLLIN), 0});
        }
        ::poll(fds.data(), fds.size(), 1); // and a moment may be over
    }
}

} // namespace

TEST_CASE("F8, F11: 5000 requests, most given up at random moments, leave nothing behind", "[scripts]")
{
    const bool tcp = GENERATE(false, true);
    const unsigned seed = 20260 + tcp;
    CAPTURE(tcp, seed);
    direct_site site(tcp, {"--grace", "100ms"});
    const auto descriptors = site.open_descriptors();
    const auto begin = steady_clock::now();

    std::mt19937 random(seed);
    tally done;
    std::vector<visitor> visitors;
    for (int i = 0; i < 32; ++i)
        visitors.emplace_back(site, random, done);
    visit(visitors, done, 5000);
    visitors.clear();

    std::cout << site.address.substr(0, 4) << ": " << done.by_way[0] << " answered, " << done.by_way[1]
              << " closed, " << done.by_way[2] << " reset, " << done.by_way[3] << " aborted, "
              << done.overtaken << " answered before that, " << done.reused << " on a kept connection, in "
              << std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin).count() << " ms"
              << std::endl;
    for (const int each : done.by_way)
        CHECK(each > 200);
    CHECK(done.reused > 500);
    CHECK(becomes_true([&] { return site.script_processes().empty(); }, seconds(20)));
    CHECK(site.script_processes() == std::vector<std::string>());
    const auto children =
        "/proc/" + std::to_string(site.pid()) + "/task/" + std::to_string(site.pid()) + "/children";
    CHECK(becomes_true([&] { return read_file(children).empty(); }, seconds(20)));
    CHECK(site.left_open_since(descriptors) == std::vector<std::string>());

    direct_client last(site.address);
    REQUIRE(last.send(joined(script_request("hello.cgi", false))));
    CHECK(last.receive_until([&] { return last.answer.ended; }));
    CHECK(last.answer.well());
    CHECK(last.answer.beginning == "Hello, world!");
}

} // namespace sluice::test
