// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/errc.hpp>

#include <sluice/fcgi/errc.hpp>

#include "support/catch.hpp"

#include <set>
#include <string>

namespace {

// Every code from 1 on has its own message; the first that has none is one past the last enumerator.
void check_messages(const boost::system::error_category& category, int last, const std::string& unknown)
{
    std::set<std::string> messages;
    for (int code = 1; code <= last; ++code) {
        CAPTURE(code);
        const std::string message = category.message(code);
        CHECK(message.size() > 20);
        CHECK(message != unknown);
        CHECK(messages.insert(message).second);

        // The overload that does not allocate says the same.
        char buffer[8];
        CHECK(std::string(category.message(code, buffer, sizeof buffer)) == message);
    }
    CHECK(category.message(last + 1) == unknown);
    CHECK(category.message(0) == unknown);
    CHECK(category.message(-1) == unknown);
}

} // namespace

TEST_CASE("errc: every code of an app's error has a message of its own")
{
    check_messages(sluice::sluice_category(), static_cast<int>(sluice::errc::body_not_buffered),
                   "unknown sluice error");
}

TEST_CASE("errc: every code of a FastCGI error has a message of its own")
{
    check_messages(sluice::fcgi::fcgi_category(), static_cast<int>(sluice::fcgi::errc::bad_protocol_status),
                   "unknown FastCGI error");
}

TEST_CASE("errc: codes convert to error_code in their own category")
{
    const sluice::error_code app = sluice::errc::client_gone;
    const sluice::error_code wire = sluice::fcgi::errc::bad_version;

    CHECK(std::string(app.category().name()) == "sluice");
    CHECK(std::string(wire.category().name()) == "sluice.fcgi");
    CHECK(app.value() == wire.value()); // both are the first of their kind
    CHECK(app != wire);
    CHECK(app == sluice::errc::client_gone);
    CHECK(app.failed());
    CHECK(std::string(sluice::system_error(app).what()).find(app.message()) == 0);
}
