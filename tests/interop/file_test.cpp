// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// Files through the servers that can also send them by themselves.
#include "interop/servers/lighttpd.hpp"
#include "interop/servers/nginx.hpp"
#include "interop/servers/service.hpp"
#include "support/catch.hpp"
#include "support/curl.hpp"

#include <memory>
#include <string>

namespace sluice::test {

namespace {

/// Larger than what a server reads at once, and no two parts of it alike.
std::string content()
{
    std::string text;
    for (int i = 0; text.size() < 300'000; ++i)
        text += std::to_string(i) + ' ';
    return text;
}

std::unique_ptr<site> new_site(bool by_server, const char* way)
{
    site_options options{.program = SLUICE_FILE_APP};
    auto result = std::make_unique<site>(options);
    result->folder.write("files/sub/a b%41+é.txt", content());
    options.environment = {{"FILES", result->folder / "files"}, {"BY_SERVER", by_server ? way : ""}};
    start_service(*result, options, mount_flag(*result));
    return result;
}

std::unique_ptr<site> lighttpd(bool by_server)
{
    auto result = new_site(by_server, "x-sendfile");
    std::string lines = "server.modules += ( \"mod_fastcgi\" )\n"
                        "fastcgi.server = ( \"" +
                        result->mount + "\" => ((\n    \"socket\" => \"" + service_socket(*result) +
                        "\",\n    \"check-local\" => \"disable\",\n";
    if (by_server)
        lines += "    \"x-sendfile\" => \"enable\",\n    \"x-sendfile-docroot\" => ( \"" +
                 (result->folder / "files").string() + "\" ),\n";
    start_lighttpd(*result, response_body::streamed, lines + ")))\n", {});
    return result;
}

std::unique_ptr<site> nginx(bool by_server)
{
    auto result = new_site(by_server, "x-accel-redirect");
    site_options options;
    options.extra_config = "        location /protected/ {\n            internal;\n            alias " +
                           (result->folder / "files").string() + "/;\n        }\n";
    start_nginx(*result, "", "", options);
    return result;
}

void sends_files(const site& s)
{
    const auto text = content();
    const auto url = s.url("/sub/a%20b%2541+%C3%A9.txt");
    {
        const auto got = curl(url);
        REQUIRE(got.complete());
        CHECK(got.response.status == 200);
        CHECK((got.response.body == text));
        CHECK(got.response.header("Content-Length") == std::to_string(text.size()));
        CHECK(got.response.header("Content-Type") == "text/plain");
        CHECK(got.response.all_headers("Content-Length").size() == 1);
        CHECK_FALSE(got.response.header("X-Sendfile"));
        CHECK_FALSE(got.response.header("X-Accel-Redirect"));
        CHECK(got.response.header("ETag"));
        CHECK(got.response.header("Last-Modified"));
    }
    {
        const auto got = curl(url, {"--head"});
        REQUIRE(got.complete());
        CHECK(got.response.status == 200);
        CHECK(got.response.header("Content-Length") == std::to_string(text.size()));
    }
    {
        const auto got = curl(url, {"--range", "100000-199999"});
        REQUIRE(got.complete());
        CHECK(got.response.status == 206);
        CHECK((got.response.body == text.substr(100'000, 100'000)));
        CHECK(got.response.header("Content-Range") == "bytes 100000-199999/" + std::to_string(text.size()));
    }
    {
        const auto got = curl(url, {"--range", "10000000-"});
        REQUIRE(got.complete());
        CHECK(got.response.status == 416);
    }
    {
        const auto got = curl(s.url("/sub/none.txt"));
        REQUIRE(got.complete());
        CHECK(got.response.status == 404);
    }
}

} // namespace

TEST_CASE("lighttpd socket, streaming: R29: files and parts of them pass as they are")
{
    sends_files(*lighttpd(false));
}

TEST_CASE("lighttpd socket, streaming: R29: sends a file itself when X-Sendfile names it")
{
    sends_files(*lighttpd(true));
}

TEST_CASE("nginx: R29: files and parts of them pass as they are")
{
    sends_files(*nginx(false));
}

TEST_CASE("nginx: R29: sends a file itself when X-Accel-Redirect names it")
{
    const auto site = nginx(true);
    sends_files(*site);
    // What is internal is nobody's to ask for.
    const auto got = curl("http://127.0.0.1:" + std::to_string(site->port.number()) +
                          "/protected/sub/a%20b%2541+%C3%A9.txt");
    REQUIRE(got.complete());
    CHECK(got.response.status == 404);
}

} // namespace sluice::test
