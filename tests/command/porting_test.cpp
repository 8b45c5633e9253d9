// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The programs of docs/porting.md, served by the command lines that stand below them.
#include "command/programs.hpp"
#include "support/catch.hpp"

#include <csignal>

using namespace sluice::test;

namespace {

struct language {
    const char* heading;
    const char* file; ///< what the document calls the program, or its source
    const char* target;
    const char* body;   ///< of the request; nullptr: none
    const char* answer; ///< what it begins with
    const char* head = "Content-Type: text/plain";
};

const language languages[] = {
    {"sh", "cgi/disks.cgi", "/cgi-bin/disks.cgi", nullptr, "Disks of example:\nFilesystem "},
    {"Perl", "cgi/sort.pl", "/cgi-bin/sort.pl", "pear apple\nfig", "apple\nfig\npear\n"},
    {"Python", "cgi/size.cgi", "/cgi-bin/size.cgi", "four", "POST: 4 bytes for Zo\u00eb\n",
     "Content-Length: 23"},
    {"C", "lines.c", "/cgi-bin/lines.cgi", "one\ntwo\nthree", "2 lines\n"},
};

void replace_all(std::string& text, std::string_view from, const std::string& to)
{
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("docs/porting.md: the program of each language answers")
{
    for (const auto& one : languages) {
        CAPTURE(one.heading);
        const auto blocks = code_blocks(one.heading);
        REQUIRE(blocks.size() == 2);
        const programs p;
        p.add_file("../" + std::string(one.file), blocks[0]);
        const auto address = "unix:" + p.at("socket");
        auto commands = blocks[1];
        replace_all(commands, "unix:/run/sluice/cgi.sock", address);
        replace_all(commands, "/srv/cgi", p.root());
        process service(
            {.command = {"/bin/sh", "-c",
                         "cd \"$1\" || exit 9; sluice() { exec \"$command\" \"$@\"; }\n" + commands, "sh",
                         p.at("")},
             .environment = {{"command", SLUICE_COMMAND}},
             .stderr_file = p.at("log")});
        REQUIRE(becomes_true([&] {
            return p.left("log").find("serving FastCGI") != std::string::npos || !service.running();
        }));
        std::vector<std::string> ask = {"get", "-t", address, "-i", one.target};
        if (one.body)
            ask.insert(ask.end(), {"--body", one.body});
        const auto o = run_command(ask);
        INFO(p.left("log"));
        CHECK(o.status == exit_status{0, 0});
        CHECK_THAT(o.out, Catch::StartsWith("Status: 200 OK\r\n") && Catch::Contains(one.head));
        const auto end = o.out.find("\r\n\r\n");
        REQUIRE(end != std::string::npos);
        CHECK_THAT(o.out.substr(end + 4), Catch::StartsWith(one.answer));
        // It is well by itself: no status to be ignored, nothing said.
        CHECK(p.left("log").find("warning") == std::string::npos);
        service.send_signal(SIGTERM);
        CHECK(service.wait_for(std::chrono::seconds(10)) == exit_status{0, 0});
    }
}
