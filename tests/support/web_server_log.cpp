// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Shows the logs of the servers a test case used, when it failed. Catch2's INFO cannot do that: its
// text is fixed when the macro is met, before the server has written anything.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include "support/catch.hpp"

#include "support/web_server.hpp"

#include <iostream>
#include <utility>
#include <vector>

namespace sluice::test {

namespace {

std::vector<std::pair<std::string, std::string>>& texts()
{
    static std::vector<std::pair<std::string, std::string>> all;
    return all;
}

#if defined(CATCH_VERSION_MAJOR) && CATCH_VERSION_MAJOR >= 3
using listener_base = Catch::EventListenerBase;
#else
using listener_base = Catch::TestEventListenerBase;
#endif

class log_listener : public listener_base {
public:
    using listener_base::listener_base;

    void testCaseStarting(const Catch::TestCaseInfo& info) override
    {
        listener_base::testCaseStarting(info);
        texts().clear();
    }

    void testCaseEnded(const Catch::TestCaseStats& stats) override
    {
        if (stats.totals.assertions.failed > 0) {
            for (const auto& [title, text] : texts())
                std::cerr << "--- " << title << "\n" << text << "---\n";
        }
        texts().clear();
        listener_base::testCaseEnded(stats);
    }
};

CATCH_REGISTER_LISTENER(log_listener)

} // namespace

void show_on_failure(std::string title, std::string text)
{
    // A trace log of a long test would drown what matters: its end does.
    constexpr std::size_t most = 20'000;
    if (text.size() > most)
        text = "…" + text.substr(text.size() - most);
    texts().emplace_back(std::move(title), std::move(text));
}

} // namespace sluice::test
