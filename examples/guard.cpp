// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The probe's companion among authorizers (11_authorizer.cpp is one to begin with): it knows anna, whose password is "secret",
// and the query can make it do what a test wants to see (docs/probe.md).
#include <sluice/sluice.hpp>

#include <array>
#include <chrono>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace {

using sluice::authorization;
using sluice::request;
using sluice::task;

// Most web servers pass on what the client sent. Apache's modules decode it, and say what they ask: who the user is,
// or, once they know, what he may do.
bool is_anna(const sluice::environment& env)
{
    if (env.get("FCGI_APACHE_ROLE") == "AUTHORIZER")
        return env.get("REMOTE_USER") == "anna";
    if (env.contains("REMOTE_PASSWD"))
        return env.get("REMOTE_USER") == "anna" && env.get("REMOTE_PASSWD") == "secret";
    return env.header("Authorization") == "Basic YW5uYTpzZWNyZXQ=";
}

// A request's body is the responder's: an authorizer finds none (FastCGI specification section 6.3).
task<std::size_t> size_of_body(request& req)
{
    auto body = req.body();
    std::array<char, 4096> buffer;
    std::size_t size = 0;
    while (const auto n = co_await body.read(boost::asio::buffer(buffer)))
        size += n;
    co_return size;
}

// For the responder behind: who it is, and what the guard was asked.
authorization yes(const sluice::environment& env, std::size_t size_of_body)
{
    const auto or_none = [&env](std::string_view name) {
        return env.contains(name) ? env.get(name) : std::string_view("none");
    };
    return authorization::allow({{"REMOTE_USER", "anna"},
                                 {"GUARD_PID", std::to_string(::getpid())},
                                 {"GUARD_BODY", std::to_string(size_of_body)},
                                 {"GUARD_LENGTH", or_none("CONTENT_LENGTH")},
                                 {"GUARD_METHOD", env.method()},
                                 {"GUARD_SCRIPT_NAME", env.script_name()},
                                 {"GUARD_PATH_INFO", env.path_info()},
                                 {"GUARD_ROLE", or_none("FCGI_APACHE_ROLE")}});
}

task<authorization> guard(request& req)
{
    const auto& env = req.env();
    const auto asked_to = [query = env.query_string()](std::string_view what) {
        return query.find(what) != query.npos;
    };
    if (asked_to("guard=throw"))
        throw std::runtime_error("thrown by the guard, as asked");
    if (asked_to("guard=wait")) {
        req.errors().line("the guard waits"); // in the web server's log
        co_await sluice::sleep_for(std::chrono::hours(24));
    }
    if (asked_to("guard=slow")) {
        req.errors().line("the guard takes its time");
        co_await sluice::sleep_for(std::chrono::milliseconds(500));
    }
    if (asked_to("guard=long"))
        co_return authorization::deny(403, {}, std::string(20'000, 'x'));
    if (asked_to("guard=no"))
        co_return authorization::deny(403, {{"X-Guard", "no"}}, "The guard says no.\n");
    if (asked_to("guard=login"))
        co_return authorization::deny(302, {{"Location", "/login"}});
    if (!is_anna(env))
        co_return authorization::deny(401, {{"WWW-Authenticate", "Basic realm=\"guard\""}},
                                      "The guard does not know you.\n");
    co_return yes(env, co_await size_of_body(req));
}

} // namespace

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, guard);
}
