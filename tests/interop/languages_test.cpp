// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Programs as people have them, in Perl, Python and C (tests/interop/programs), behind `sluice run`.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "interop/servers/script_servers.hpp"
#include "support/curl.hpp"
#include "support/records.hpp"

#include <algorithm>

namespace sluice::test {

namespace {

using std::chrono::seconds;

template <void (*test)(const script_server&)>
using on_each_script_server = on_each_of<script_servers, test>;

// lighttpd says what it calls that status itself.
void check_reason(const script_server& server, const http_response& response, const std::string& reason)
{
    if (server.front.family != server_family::lighttpd)
        CHECK(response.reason == reason);
}

struct call {
    std::string method = "GET";
    std::string path_info{};
    std::string query{};
    std::vector<std::string> arguments{}; ///< for curl
    std::string length{};                 ///< of the body, as curl has it; "" is none
};

// Asks the program, and checks what it says that its request was.
http_response ask(const script_site& site, const std::string& name, const call& what)
{
    const auto question = what.query.empty() ? "" : "?" + what.query;
    auto result = curl(site.url("/" + name + what.path_info + question), what.arguments);
    INFO(name << " " << what.method << ": " << result.errors);
    CHECK(result.complete());
    const auto& response = result.response;
    CHECK(response.header("X-Method") == what.method);
    CHECK(response.header("X-Script-Name") == site.mount + "/" + name);
    CHECK(response.header("X-Path-Info").value_or("") == what.path_info);
    CHECK(response.header("X-Query-String").value_or("") == what.query);
    // What stands for no body: as the web server has it (docs/environment.md).
    const auto length = response.header("X-Content-Length").value_or("");
    CHECK((length == what.length || (what.length.empty() && length == "0")));
    return std::move(result.response);
}

void pieces(const script_server& server)
{
    const auto site = server.start("/cgi-bin");
    curl_stream client(site->url("/pieces.pl?name=mine"));
    // The program says the next one when it sees that this one has come: held back anywhere, there would be no next.
    for (int piece = 1; piece <= 5; ++piece) {
        CHECK(client.read_line(seconds(20)) == "piece " + std::to_string(piece) + " of mine");
        CHECK(site->script_processes().size() == 1);
        site->folder.write("run/has-" + std::to_string(piece), "");
    }
    CHECK(client.read_line(seconds(20)).empty());
    const auto result = client.finish();
    CHECK(result.complete());
    CHECK(result.response.status == 200);
    CHECK(result.response.header("Content-Type").value_or("").starts_with("text/plain"));
    CHECK(becomes_true([&] { return site->script_processes().empty(); }, seconds(10)));
}
const on_each_script_server<pieces> pieces_tests("F7: CGI.pm's pieces arrive one by one, while it runs",
                                                 "[scripts]");

// A field with all that has to be encoded, and a file of each byte there is.
void form(const script_server& server, const std::string& program)
{
    const auto site = server.start("/cgi-bin");
    const std::string name = "J\xc3\xbcrgen & S\xc3\xb6hne = 100%";
    const std::string encoded = "name=J%C3%BCrgen+%26+S%C3%B6hne+%3D+100%25";

    const auto asked = ask(*site, program, {.query = encoded});
    CHECK(asked.status == 202);
    check_reason(server, asked, "Taken");
    CHECK(asked.body == name + "\n\n");

    const auto posted = ask(*site, program,
                            {.method = "POST",
                             .path_info = "/some/where",
                             .query = "x=1",
                             .arguments = {"--data", encoded},
                             .length = std::to_string(encoded.size())});
    CHECK(posted.status == 202);
    CHECK(posted.body == name + "\n\n");

    const auto file = pattern(3 * 1024 * 1024 + 1);
    const auto path = site->folder.write("my file.bin", file).string();
    const auto uploaded =
        curl(site->url("/" + program), {"--form", "name=" + name, "--form", "file=@\"" + path + "\""});
    INFO(uploaded.errors);
    CHECK(uploaded.complete());
    CHECK(uploaded.response.status == 202);
    CHECK(uploaded.response.header("X-Method") == "POST");
    CHECK(std::stoull(uploaded.response.header("X-Content-Length").value_or("0")) > file.size());
    CHECK(difference(uploaded.response.body, name + "\nmy file.bin\n" + file) == "");
    CHECK(becomes_true([&] { return site->script_processes().empty(); }, seconds(10)));
}

void form_in_perl(const script_server& server)
{
    form(server, "form.pl");
}
const on_each_script_server<form_in_perl> form_in_perl_tests(
    "CGI.pm reads a form, in the query, the body and with a file", "[scripts]");

void form_in_python(const script_server& server)
{
    form(server, "form.py");
}
const on_each_script_server<form_in_python> form_in_python_tests(
    "Python's cgi reads a form, in the query, the body and with a file", "[scripts]");

void python(const script_server& server)
{
    const auto site = server.start("/cgi-bin");
    auto text = pattern(1024 * 1024);
    const auto body = site->folder.write("body", text).string();
    std::reverse(text.begin(), text.end());
    const auto response = ask(*site, "reverse.py",
                              {.method = "PUT",
                               .path_info = "/x",
                               .query = "a=b&c=%20d",
                               .arguments = {"--upload-file", body, "--header", "Expect:"},
                               .length = std::to_string(text.size())});
    CHECK(response.status == 200);
    if (server.front.keeps_length)
        CHECK(response.header("Content-Length") == std::to_string(text.size()));
    CHECK(difference(response.body, text) == "");
}
const on_each_script_server<python> python_tests("R17: Python turns a body of 1 MiB round", "[scripts]");

void c(const script_server& server)
{
    const auto site = server.start("/cgi-bin");
    const std::string letter = "Dear client,\nthis is what you said:\n";
    const auto asked = ask(*site, "letter.cgi", {.path_info = "/a/b", .query = "?&"});
    CHECK(asked.status == 201);
    check_reason(server, asked, "Written");
    CHECK(asked.header("Content-Type") == "text/plain");
    CHECK(asked.body == letter);
    const auto posted =
        ask(*site, "letter.cgi", {.method = "POST", .arguments = {"--data-raw", "one\ntwo"}, .length = "7"});
    CHECK(posted.status == 201);
    CHECK(posted.body == letter + "one\ntwo");
}
const on_each_script_server<c> c_tests("R22, R23: a program in C: its status, its headers, its body",
                                       "[scripts]");

void nph(const script_server& server)
{
    const auto site = server.start("/cgi-bin");
    const auto response = ask(*site, "nph-a.cgi", {.path_info = "/pot", .query = "milk=no"});
    CHECK(response.status == 418);
    check_reason(server, response, "Teapot");
    CHECK(response.header("Content-Type") == "text/plain");
    CHECK_FALSE(response.header("Status"));
    CHECK(response.body == "short and stout");
}
const on_each_script_server<nph> nph_tests("RFC 3875 section 5: an nph script writes its own status line",
                                           "[scripts]");

} // namespace

} // namespace sluice::test
