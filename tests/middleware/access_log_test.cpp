// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/access_log.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <cstdlib>
#include <ctime>

using namespace sluice;
using namespace sluice::test;
using middleware::access_log_options;
using line_format = access_log_options::line_format;

namespace {

/// A time zone of the process, for a while. Its name says all: no file is looked at.
class time_zone {
public:
    explicit time_zone(const char* name)
    {
        if (const char* const before = std::getenv("TZ"))
            before_ = before;
        ::setenv("TZ", name, 1);
        ::tzset();
    }
    ~time_zone()
    {
        if (before_)
            ::setenv("TZ", before_->c_str(), 1);
        else
            ::unsetenv("TZ");
        ::tzset();
    }
    time_zone(const time_zone&) = delete;
    time_zone& operator=(const time_zone&) = delete;

private:
    std::optional<std::string> before_;
};

access_log_options at(std::time_t when, line_format format = line_format::common)
{
    access_log_options o;
    o.format = format;
    o.now = [when] { return std::chrono::system_clock::from_time_t(when); };
    return o;
}

/// An app that is logged.
struct logged {
    explicit logged(application inner, access_log_options o = at(971211336))
        : loop(middleware::access_log(
              std::move(inner), [this](std::string_view line) { lines.emplace_back(line); }, std::move(o))),
          client(loop)
    {}

    const time_zone zone{"UTC0"};
    std::vector<std::string> lines;
    fake_loop loop;
    fake_host client;
};

response text_of(std::string body)
{
    return {200, {{"Content-Type", "text/plain"}}, std::move(body), {}};
}

} // namespace

TEST_CASE("access_log: the common and the combined format of Apache")
{
    const auto format = GENERATE(line_format::common, line_format::combined);
    logged l(
        [](request& req) {
            req.env().set("REMOTE_ADDR", "changed by the app");
            return text_of("twelve bytes");
        },
        at(971211336, format));
    l.client.request("GET", {{"REMOTE_ADDR", "127.0.0.1"},
                             {"REMOTE_USER", "frank"},
                             {"HTTP_REFERER", "http://www.example.com/start.html"},
                             {"HTTP_USER_AGENT", "Mozilla/4.08 [en] (Win98; I ;Nav)"}});
    CHECK(l.lines.empty()); // not before its end
    l.loop.poll();
    REQUIRE(l.lines.size() == 1);
    const std::string common = "127.0.0.1 - frank [10/Oct/2000:20:55:36 +0000] \"GET / HTTP/1.1\" 200 12";
    CHECK(l.lines[0] == (format == line_format::common ? common
                                                       : common + " \"http://www.example.com/start.html\" "
                                                                  "\"Mozilla/4.08 [en] (Win98; I ;Nav)\""));
}

TEST_CASE("access_log: the time is in the zone of the process")
{
    const struct {
        const char* zone;
        std::time_t when;
        const char* text;
    } rows[] = {
        {"PDT7", 971211336, "[10/Oct/2000:13:55:36 -0700]"},
        {"IST-5:30", 971211336, "[11/Oct/2000:02:25:36 +0530]"},
        {"NST3:30", 971211336, "[10/Oct/2000:17:25:36 -0330]"},
        {"UTC0", 951782400, "[29/Feb/2000:00:00:00 +0000]"},
        {"UTC0", 0, "[01/Jan/1970:00:00:00 +0000]"},
        {"UTC0", 1798761599, "[31/Dec/2026:23:59:59 +0000]"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.zone);
        logged l([](request&) { return text_of("x"); }, at(row.when));
        const time_zone zone(row.zone);
        l.client.request();
        l.loop.poll();
        REQUIRE(l.lines.size() == 1);
        CHECK(l.lines[0] == "- - - " + std::string(row.text) + " \"GET / HTTP/1.1\" 200 1");
    }
}

TEST_CASE("access_log: no request forges a line or a field")
{
    auto o = at(0, line_format::combined);
    o.field_size = 40;
    logged l([](request&) { return text_of(""); }, o);
    l.client.request(
        "GET", {{"REMOTE_ADDR", "1.2.3.4 - - [x]"},
                {"REMOTE_USER", "a \"b\"\n"},
                {"HTTP_REFERER", "\" 200 1\r\n127.0.0.1 \\ \b\t\v\f\x01\x7f\xc3\xa9"},
                {"HTTP_USER_AGENT", std::string_view("0123456789012345678901234567890123456789cut off")}});
    l.loop.poll();
    REQUIRE(l.lines.size() == 1);
    CHECK(
        l.lines[0] ==
        R"(1.2.3.4\x20-\x20-\x20[x] - a\x20\"b\"\n [01/Jan/1970:00:00:00 +0000] "GET / HTTP/1.1" 200 - )"
        R"("\" 200 1\r\n127.0.0.1 \\ \b\t\v\x0c\x01\x7f\xc3\xa9" "0123456789012345678901234567890123456789")");

    // Every byte: one line, whose quotes are those of its two fields.
    for (int c = 0; c < 256; ++c) {
        const std::string s{static_cast<char>(c)};
        logged one([](request&) { return text_of("x"); }, at(0, line_format::combined));
        one.client.request("GET", {{"HTTP_REFERER", s}});
        one.loop.poll();
        REQUIRE(one.lines.size() == 1);
        std::size_t quotes = 0;
        for (std::size_t i = 0; i < one.lines[0].size(); ++i) {
            const char x = one.lines[0][i];
            REQUIRE(x >= ' ');
            REQUIRE(x <= '~');
            if (x == '\\')
                ++i;
            else
                quotes += x == '"';
        }
        REQUIRE(quotes == 6);
    }
}

TEST_CASE("access_log: one line for each answer, however it ends")
{
    const auto ends_with = [](logged& l, std::string_view words) {
        l.loop.poll();
        REQUIRE(l.lines.size() == 1);
        CHECK_THAT(l.lines[0], Catch::EndsWith(std::string(words)));
    };
    SECTION("streamed")
    {
        logged l([](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text(206));
            co_await out.write(piece_at(0, 100'000));
        });
        l.client.request();
        ends_with(l, " 206 100000");
    }
    SECTION("HEAD")
    {
        logged l([](request&) { return text_of("not sent"); });
        l.client.request("HEAD");
        ends_with(l, "\"HEAD / HTTP/1.1\" 200 -");
    }
    SECTION("R39: sluice's own 500")
    {
        logged l([](request&, responder) -> task<void> {
            throw std::runtime_error("before the head");
            co_return;
        });
        l.client.request();
        ends_with(l, " 500 24");
    }
    SECTION("R40: cut short by the app")
    {
        logged l([](request&, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            co_await out.write("1234567");
            throw std::runtime_error("in mid-body");
        });
        l.client.request();
        ends_with(l, " 200 7 X");
    }
    SECTION("F13: cut short by the client, in a body given whole")
    {
        auto o = at(0);
        o.aborted_mark = " aborted";
        logged l([](request&) { return text_of(std::string(1'000'000, 'x')); }, o);
        l.client.stall();
        l.client.request();
        l.loop.poll();
        l.client.take(100'000);
        l.loop.poll();
        CHECK(l.lines.empty());
        l.client.leave();
        l.loop.poll();
        REQUIRE(l.lines.size() == 1);
        CHECK_THAT(l.lines[0], Catch::EndsWith(" aborted"));
    }
    SECTION("the client leaves before there is an answer")
    {
        logged l([](request&, responder) -> task<void> { co_await sleep_for(std::chrono::hours(1)); });
        l.client.request();
        l.loop.poll();
        l.client.leave();
        ends_with(l, " 0 - X");
    }
    SECTION("R32: a second answer does not change the first one's line")
    {
        logged l([](request&, responder respond) -> task<void> {
            respond.send(200, {{"Content-Type", "text/plain"}}, "first");
            try {
                respond.send(404, {{"Content-Type", "text/plain"}}, "second");
            } catch (const system_error&) {
            }
            co_return;
        });
        l.client.request();
        ends_with(l, " 200 5");
    }
}

TEST_CASE("access_log: lines to a stream, from several threads, and to a logger")
{
    std::ostringstream out;
    const auto write = middleware::lines_to(out);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1000; ++i)
                write("a line of text");
        });
    for (auto& t : threads)
        t.join();
    std::istringstream in(out.str());
    int count = 0;
    for (std::string line; std::getline(in, line); ++count)
        REQUIRE(line == "a line of text");
    CHECK(count == 4000);

    std::ostringstream logged_text;
    const auto logger = std::make_shared<spdlog::logger>(
        "access", std::make_shared<spdlog::sinks::ostream_sink_mt>(logged_text));
    logger->set_pattern("%l %v");
    middleware::lines_to(logger)("{} is no format");
    CHECK(logged_text.str() == "info {} is no format\n");
}
