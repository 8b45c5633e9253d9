// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Runs the C++ of README.md and docs/*.md. Its programs call `sluice::run`: here that asks their app once, in memory.
#include <sluice/sluice.hpp>
#include <sluice/testing/exchange.hpp>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

namespace {

int failures = 0;
std::optional<std::string> answer; // of the last app that ran

void report(const char* place, const std::string& fault)
{
    failures += !fault.empty();
    std::printf("%s %s%s%s\n", fault.empty() ? "ok  " : "FAIL", place, fault.empty() ? "" : ": ",
                fault.c_str());
}

template <class F>
void call(const char* place, F f)
{
    try {
        f();
        report(place, "");
    } catch (const std::exception& e) {
        report(place, e.what());
    }
}

void run_program(const char* place, int (*program)(int, char**), const char* expected)
{
    char name[] = "program";
    char* arguments[] = {name, nullptr};
    call(place, [&] {
        answer.reset();
        if (const int status = program(1, arguments); status != 0)
            throw std::runtime_error("exit status " + std::to_string(status));
        if (!answer)
            throw std::runtime_error("it did not call sluice::run");
        if (expected && *answer != expected)
            throw std::runtime_error("it answered \"" + *answer + "\"");
    });
}

} // namespace

int sluice::run(int, char**, application app)
{
    testing::exchange x(std::move(app));
    x.request("GET");
    x.advance(std::chrono::hours(1));
    answer = x.body();
    return x.complete() && x.status() == 200 ? 0 : 1;
}

#ifdef SNIPPETS_USE_LIBFCGI
#include <fcgiapp.h>

// What docs/libfcgi.md takes as given.
inline FCGX_Request request;
inline bool is_report(const FCGX_Request&)
{
    return true;
}
inline void old_handler(const FCGX_Request&) {}
inline sluice::response report_app(sluice::request&)
{
    return {};
}
#endif

#include "snippets.inc"

int main()
{
    run_snippets();
    return failures == 0 ? 0 : 1;
}
