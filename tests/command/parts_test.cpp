// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "head_filter.hpp"
#include "request_params.hpp"

#include "support/catch.hpp"
#include "support/records.hpp"

#include <stdexcept>

using namespace sluice::command;
using namespace sluice::test;

TEST_CASE("the head of an answer ends at its empty line, however cut")
{
    const struct {
        std::string text, body;
        bool ended;
    } cases[] = {
        {"Status: 200 OK\r\nA: b\r\n\r\nbody\r\n\r\nmore", "body\r\n\r\nmore", true},
        {"A: b\n\nbody\n\nmore", "body\n\nmore", true},
        {"A: b\r\n\nbody", "body", true},
        {"A: b\n\r\nbody", "body", true},
        {"\r\nbody", "body", true},
        {"A: b\r\n\r\n", "", true},
        {"A: b\r\nbody", "", false},
        {"", "", false},
    };
    for (const auto& one : cases)
        for_each_cut(one.text, [&](const pieces& cut) {
            head_filter f;
            std::string body;
            for (const auto piece : cut)
                body += f.body_of(piece);
            REQUIRE(body == one.body);
            REQUIRE(f.ended() == one.ended);
        });
}

TEST_CASE("the variables of a request are those of nginx, and what was given in their place")
{
    auto p = request_params({"GET", "/a/b?c=d?e", std::nullopt}, {});
    CHECK(p.get("REQUEST_METHOD") == "GET");
    CHECK(p.get("SCRIPT_NAME") == "/a/b");
    CHECK(p.get("DOCUMENT_URI") == "/a/b");
    CHECK(p.get("REQUEST_URI") == "/a/b?c=d?e");
    CHECK(p.get("QUERY_STRING") == "c=d?e");
    CHECK(p.contains("CONTENT_LENGTH"));
    CHECK(p.get("CONTENT_LENGTH").empty());
    for (const auto* name :
         {"QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH", "SCRIPT_NAME", "REQUEST_URI",
          "DOCUMENT_URI", "DOCUMENT_ROOT", "SERVER_PROTOCOL", "REQUEST_SCHEME", "GATEWAY_INTERFACE",
          "SERVER_SOFTWARE", "REMOTE_ADDR", "REMOTE_PORT", "REMOTE_USER", "SERVER_ADDR", "SERVER_PORT",
          "SERVER_NAME", "REDIRECT_STATUS"})
        CHECK(p.contains(name));

    p = request_params({"POST", "/", 12}, {"REQUEST_METHOD=PUT", "A=b=c", "EMPTY=", "A=d"});
    CHECK(p.get("REQUEST_METHOD") == "PUT");
    CHECK(p.get("CONTENT_LENGTH") == "12");
    CHECK(p.get("A") == "d");
    CHECK(p.contains("EMPTY"));
    for (const auto* wrong : {"", "A", "=b"})
        CHECK_THROWS_AS(request_params({"GET", "/", std::nullopt}, {wrong}), std::invalid_argument);
}
