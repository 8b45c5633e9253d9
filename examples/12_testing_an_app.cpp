// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// An app and its tests, without a web server. A project would keep the two in files of their own, and use the test framework
// that it has; all that is special here comes from sluice/testing, and works with any (docs/testing.md).
//
//     ./12_testing_an_app; echo $?
#include <sluice/sluice.hpp>
#include <sluice/testing/exchange.hpp>
#include <sluice/testing/mock_writer.hpp>

#include <fmt/core.h>

#include <cstdio>
#include <string>

using namespace std::chrono_literals;

// The app: a line a second, as many as the query says.

sluice::task<void> send_lines(sluice::writer& out, int lines)
{
    for (int i = 1; i <= lines; ++i) {
        co_await out.write(fmt::format("line {}\n", i));
        co_await sluice::sleep_for(1s);
    }
}

sluice::task<void> app(sluice::request& req, sluice::responder respond)
{
    const std::string query(req.env().query_string());
    int lines = 0;
    if (std::sscanf(query.c_str(), "lines=%d", &lines) != 1)
        co_return respond.send(400, {{"Content-Type", "text/plain"}}, "Ask for ?lines=N.\n");
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    co_await send_lines(out, lines);
}

// Its tests.

int failures = 0;

void check(bool ok, const char* what)
{
    failures += !ok;
    fmt::print("{} {}\n", ok ? "ok  " : "FAIL", what);
}

int main()
{
    {
        sluice::testing::mock_writer mock; // what writes, alone
        mock.run([](sluice::writer& out) { return send_lines(out, 2); });
        mock.advance(1s);
        check(mock.received() == "line 1\nline 2\n", "lines are numbered from 1");
    }
    {
        sluice::testing::exchange x(app); // a whole request
        x.request("GET", "/?lines=3");
        check(x.status() == 200 && x.body() == "line 1\n", "the first line comes at once");
        x.advance(2s); // no time at all
        check(x.body() == "line 1\nline 2\nline 3\n", "and then one a second");
        x.advance(1s);
        check(x.complete(), "the response ends well");
    }
    {
        sluice::testing::exchange x(app);
        x.request("GET", "/");
        check(x.status() == 400 && x.complete(), "a question that it does not understand");
    }
    {
        sluice::testing::exchange x(app); // a client that leaves in the middle
        x.request("GET", "/?lines=1000");
        x.advance(10s);
        x.leave();
        check(x.returned() && !x.complete(), "it ends when its client has gone");
    }
    return failures == 0 ? 0 : 1;
}
