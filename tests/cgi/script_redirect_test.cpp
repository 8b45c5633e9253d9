// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Local redirects (RFC 3875 section 6.2.2) of real programs, a client without a socket.
#include "cgi/cgi_folder.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

using namespace sluice;
using namespace sluice::test;
using namespace std::chrono_literals;

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

TEST_CASE(
    "RFC 3875 6.2.2: who redirects is waited for, not who has its output, and it may not write without end")
{
    cgi_runner_of_one f;
    std::ofstream(f / "keep") << "";
    f.plain("to.cgi", "echo here");
    f.script("endless.cgi", "printf 'Location: /to.cgi\\n\\n'; exec yes");
    f.script("behind.cgi", "(while [ -e keep ]; do sleep 0.02; done) &\nprintf 'Location: /to.cgi\\n\\n'");
    for (int i = 0; i < 2; ++i) { // and no place is lost
        CHECK(ask(f, "/endless.cgi")->body() == "here\n");
        CHECK(ask(f, "/behind.cgi")->body() == "here\n");
    }
}

TEST_CASE("RFC 3875 6.2.2: who redirects and does not end is 504, and ended")
{
    cgi::runner_options o;
    o.processes = 1;
    o.timeout = 300ms;
    cgi_folder f(std::move(o));
    f.plain("to.cgi", "echo here");
    const auto* const output = GENERATE("exec >&-; ", "");
    f.script("stays.cgi", "printf 'Location: /to.cgi\\n\\n'; " + std::string(output) + "exec sleep 1000");
    CHECK(ask(f, "/stays.cgi")->status() == 504);
    CHECK(f.loop().poll_until([&] { return f.loop().log().contains("was ended by signal 15"); }));
    CHECK(ask(f, "/to.cgi")->body() == "here\n");
}

TEST_CASE("RFC 3875 6.2.2: where nobody has said a mount point, that of the program which redirects is told "
          "by its name")
{
    cgi_folder f;
    f.script("a.cgi", "printf 'Location: %s\\n\\n' \"$QUERY_STRING\"");
    f.plain("to.cgi", "echo $SCRIPT_NAME $PATH_INFO");
    const auto go = [&](const char* script_name, const char* target) {
        fake_host client(f.loop());
        const std::string file = f / "a.cgi"; // as mod_fcgid behind a ScriptAlias sends it
        client.request("GET", {{"SCRIPT_NAME", script_name},
                               {"SCRIPT_FILENAME", file},
                               {"DOCUMENT_ROOT", "/var/www/html"},
                               {"QUERY_STRING", target}});
        CHECK(f.ended(client));
        return client.status() == 302 ? "302 " + client.header("Location") : client.body();
    };
    CHECK(go("/cgi-bin/a.cgi", "/cgi-bin/to.cgi/x") == "/cgi-bin/to.cgi /x\n");
    CHECK(go("/cgi-bin/a.cgi", "/cgi-bin/a.cgi?/cgi-bin/to.cgi") == "/cgi-bin/to.cgi\n"); // twice
    CHECK(go("/cgi-bin/a.cgi", "/to.cgi") == "302 /to.cgi");
    CHECK(go("/a.cgi", "/to.cgi") == "/to.cgi\n");
    // Rewritten on its way: what the root stands for is not known.
    CHECK(go("/pretty", "/to.cgi") == "302 /to.cgi");
    CHECK(go("/pretty", "/cgi-bin/to.cgi") == "302 /cgi-bin/to.cgi");
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
