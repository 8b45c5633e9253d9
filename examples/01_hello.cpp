// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The smallest app: one question, one answer.
//
//     ./hello --fastcgi unix:/tmp/hello.sock        behind nginx, Apache, lighttpd or HAProxy
//     or started by mod_fcgid or lighttpd; or put into a cgi-bin folder as it is
#include <sluice/sluice.hpp>

// An app that knows its whole answer returns it. The request says who asks for what: `env()` holds the CGI variables,
// the same behind every web server.
sluice::response hello(sluice::request& req)
{
    sluice::response r;
    r.headers.add("Content-Type", "text/plain; charset=utf-8");
    r.body = "Hello, " + std::string(req.env().header("User-Agent")) + "!\n";
    return r; // sluice adds Content-Length
}

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, hello);
}
