// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/authorization.hpp>

#include <sluice/application.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <stdexcept>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("authorization: a yes carries variables, a no any answer that web servers take for one")
{
    auto yes = authorization::allow({{"REMOTE_USER", "anna"}, {"GROUP", "staff"}});
    CHECK(yes.allowed());
    CHECK(yes.answer().status == 200);
    CHECK(yes.answer().headers.get("Variable-REMOTE_USER") == "anna");
    CHECK(yes.answer().headers.get("Variable-GROUP") == "staff");

    auto no = authorization::deny();
    CHECK_FALSE(no.allowed());
    CHECK(no.answer().status == 403);
    CHECK(no.answer().headers.contains("Content-Type"));

    auto ask = authorization::deny(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "who are you?\n");
    CHECK(ask.answer().status == 401);
    CHECK(ask.answer().headers.contains("WWW-Authenticate"));
    CHECK(ask.answer().body == "who are you?\n");

    for (const int status : {0, 100, 200, 204, 299})
        CHECK_THROWS_AS(authorization::deny(status), std::invalid_argument);
    CHECK_NOTHROW(authorization::deny(302, {{"Location", "/login"}}));
}

TEST_CASE("application: an app serves the roles of its shape, and by_role asks the first that does")
{
    const application answers([](request&) {
        return response{200, {{"Content-Type", "text/plain"}}, "answer", {}};
    });
    const application decides([](request&) { return authorization::allow({{"BY", "first"}}); });
    const application decides_later([](request&) -> task<authorization> { co_return authorization::deny(); });
    CHECK(answers.serves(role::responder));
    CHECK_FALSE(answers.serves(role::authorizer));
    CHECK_FALSE(answers.serves(role::filter));
    for (const auto& a : {decides, decides_later}) {
        CHECK(a.serves(role::authorizer));
        CHECK_FALSE(a.serves(role::responder));
    }

    const auto all = application::by_role({decides_later, answers, decides});
    CHECK(all.serves(role::responder));
    CHECK(all.serves(role::authorizer));
    CHECK_FALSE(all.serves(role::filter));
    fake_loop loop(all);
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.body() == "answer");
}

TEST_CASE("application: an authorizer that is asked to answer, as a CGI program would be, says 500")
{
    fake_loop loop(application([](request&) { return authorization::allow(); }));
    fake_host client(loop);
    CHECK_FALSE(client.request());
    loop.poll();
    CHECK(client.status() == 500);
    CHECK(loop.log().contains("role"));
}
