// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Local redirects (RFC 3875 section 6.2.2) of real programs, a client without a socket.
#include "cgi/cgi_folder.hpp"
#include "support/catch.hpp"

#include <filesystem>
#include <string>
#include <utility>

using namespace sluice;
using namespace sluice::test;

TEST_CASE("RFC 3875 6.2.2: a local redirect is answered as if the client had asked there, elsewhere it is "
          "sent there")
{
    cgi_folder f;
    f.script("from.cgi", "printf 'Location: /to.cgi/x%%20y?q=1\\n\\n'");
    f.plain("to.cgi", "echo $REQUEST_METHOD $SCRIPT_NAME $PATH_INFO $QUERY_STRING $CONTENT_LENGTH; cat");
    f.script("out->cgi", "printf 'Location: /static/page.html\\n\\n'");
    f.script("loop.cgi", "printf 'Location: /loop.cgi\\n\\n'");
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/from.cgi"}, {"CONTENT_LENGTH", "3"}}, true);
    client.feed_all("abc");
    CHECK(f.ended(client));
    CHECK(client.body() == "GET /to.cgi /x y q=1\n");
    const auto out = ask(f, "/out->cgi");
    CHECK(out->status() == 302);
    CHECK(out->header("Location") == "/static/page.html");
    CHECK(ask(f, "/loop.cgi")->status() == 502);
    CHECK(ask(f, "/to.cgi")->ended_well());
}

TEST_CASE("RFC 3875 6.2.2: the program behind a local redirect has no body, wherever the request's is")
{
    cgi_folder f;
    f.script("from.cgi", "printf 'Location: /to.cgi\\n\\n'; : > said");
    f.plain("to.cgi", "echo $REQUEST_METHOD $CONTENT_LENGTH; cat");
    const std::size_t sent = GENERATE(0u, 4u, 300'000u);
    fake_host client(f.loop());
    client.request("POST", {{"SCRIPT_NAME", "/from.cgi"}, {"CONTENT_LENGTH", "300001"}}, true);
    client.feed(std::string(sent, 'x'));
    CHECK(f.loop().poll_until([&] { return client.body() == "GET\n"; }));
    CHECK(f.ended(client));
    CHECK(client.ended_well());
}

TEST_CASE("RFC 3875 6.2.2: below a mount point a redirect is ours, elsewhere the web server's")
{
    cgi::runner_options o;
    SECTION("a folder")
    {
        o.scripts.mount = "/cgi-bin/";
        cgi_folder f(std::move(o));
        f.script("ours.cgi", "printf 'Location: /cgi-bin/to.cgi\\n\\n'");
        f.script("theirs.cgi", "printf 'Location: /to.cgi\\n\\n'");
        f.plain("to.cgi", "echo $SCRIPT_NAME");
        CHECK(ask(f, "/cgi-bin/ours.cgi")->body() == "/cgi-bin/to.cgi\n");
        CHECK(ask(f, "/cgi-bin/theirs.cgi")->header("Location") == "/to.cgi");
    }
    SECTION("one program")
    {
        temp_dir folder;
        const auto file = folder.write("one.cgi", "#!/bin/sh\nprintf 'Location: /static.html\\n\\n'\n");
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
        o.scripts.script = file;
        cgi_folder f(std::move(o));
        fake_host client(f.loop());
        client.request("GET", {{"SCRIPT_NAME", "/git"}, {"PATH_INFO", "/x"}, {"REQUEST_URI", "/git/x"}});
        CHECK(f.ended(client));
        CHECK(client.status() == 302);
    }
}
