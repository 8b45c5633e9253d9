// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// `sluice get` and apps on other libraries.
#include "command/apps.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"

using namespace sluice::test;

namespace {

constexpr exit_status well{0, 0};

} // namespace

TEST_CASE("get: an app on libfcgi, as responder, authorizer and filter")
{
    app_program app({SLUICE_LIBFCGI_APP});
    auto o = run_command({"get", "-t", app.address(), "/a?b"});
    CHECK(o.status == well);
    CHECK(o.out == "RESPONDER GET /a?b\n");
    CHECK(o.err == "said by libfcgi\n");

    const auto body = pattern(3'000'000);
    o = run_command({"get", "-t", app.address(), "--body", "@-", "/"}, body);
    CHECK(o.status == well);
    CHECK(difference(o.out, "RESPONDER POST /\n" + body) == "");

    o = run_command({"get", "-t", app.address(), "--role", "authorizer", "-i", "/door"});
    CHECK(o.status == well);
    CHECK(o.out == "Content-Type: text/plain\r\n\r\nAUTHORIZER GET /door\n");

    o = run_command({"get", "-t", app.address(), "--role", "filter", "--body", "input", "--data", "@-"},
                    body);
    CHECK(o.status == well);
    CHECK(difference(o.out, "FILTER POST /\ninput\ndata: " + body) == "");
}

TEST_CASE("get: an app on libfcgi that fails says so by its status")
{
    app_program app({SLUICE_LIBFCGI_APP});
    const auto o = run_command({"get", "-t", app.address(), "/?fail"});
    CHECK(o.status == exit_status{1, 0});
    CHECK(o.out == "RESPONDER GET /?fail\n");
    CHECK_THAT(o.err, Catch::Contains("sluice: the app ended the request with status 7"));
}

TEST_CASE("get: an app on Perl's FCGI")
{
    app_program app({find_program("perl", "perl").string(), SLUICE_PERL_APP});
    const auto body = pattern(100'000);
    for (const bool close : {false, true}) {
        std::vector<std::string> arguments{"get",           "-t",     app.address(), "-i",    "-p",
                                           "FROM_TEST=yes", "--body", "@-",          "/x?y=z"};
        if (close)
            arguments.emplace_back("--close");
        const auto o = run_command(arguments, body);
        INFO(app.log());
        CHECK(o.status == well);
        CHECK(difference(o.out, "Status: 201 Created\r\nContent-Type: text/plain\r\n\r\nREQUEST_METHOD=POST\n"
                                "QUERY_STRING=y=z\nCONTENT_LENGTH=100000\nFROM_TEST=yes\n" +
                                    body) == "");
        CHECK(o.err == "said by perl\n");
    }
}

TEST_CASE("get: somebody who speaks no FastCGI")
{
    app_program app(
        {"/bin/sh", "-c",
         "exec perl -e 'open(S, \"+<&=0\"); accept(C, S); syswrite(C, \"HTTP/1.1 400 No\\r\\n\\r\\n\"); "
         "sysread(C, $x, 99999); shutdown(C, 1); 1 while sysread(C, $x, 9999);'"});
    const auto o = run_command({"get", "-t", app.address(), "/"});
    INFO(app.log());
    CHECK(o.status == exit_status{1, 0});
    CHECK_THAT(o.err, Catch::Contains("version other than 1"));
}
