// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Who gets in: the web server asks this app before it serves a file or asks another app, and does as it says. So a password
// for all of /private is decided in one place, whatever answers behind.
//
//     ./11_authorizer --fastcgi unix:/run/guard.sock
//
// lighttpd and Apache know such apps; docs/web-servers.md has their configurations.
#include <sluice/sluice.hpp>

// Apache decodes what the client sent; other servers pass it on as it is (RFC 7617: base64 of "anna:secret").
bool is_anna(const sluice::environment& env)
{
    if (env.contains("REMOTE_PASSWD"))
        return env.get("REMOTE_USER") == "anna" && env.get("REMOTE_PASSWD") == "secret";
    return env.header("Authorization") == "Basic YW5uYTpzZWNyZXQ=";
}

// An app that returns an `authorization` is an authorizer. One that has to ask a database first returns a
// `task<authorization>`, and waits by `co_await`.
sluice::authorization guard(sluice::request& req)
{
    const auto& env = req.env();
    if (!is_anna(env)) {
        req.errors().line("refused: " + std::string(env.get("REMOTE_ADDR"))); // in the web server's log
        return sluice::authorization::deny(401, {{"WWW-Authenticate", "Basic realm=\"private\""}},
                                           "Anna may come in. You are somebody else.\n");
    }
    // What is said here, the app behind finds in its environment.
    return sluice::authorization::allow({{"REMOTE_USER", "anna"}});
}

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, guard);
}
