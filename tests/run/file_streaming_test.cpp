// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The tutorial's files: ranges, nothing outside the folder, and no memory for a client that is slow.
#include "service.hpp"
#include "support/catch.hpp"
#include "support/process_memory.hpp"

#include <unistd.h>

namespace sluice::test {

TEST_CASE("07_file_streaming sends files of its folder, and parts of them")
{
    const temp_dir folder;
    folder.write("files/page.html", "<p>Hello</p>\n");
    folder.write("secret", "secret");
    const auto ask = [&](std::string_view target, variables_map more = {}) {
        more["FILES"] = folder / "files";
        return run_program(SLUICE_FILE_STREAMING, {}, cgi_request(target, more));
    };
    const auto whole = ask("/page.html");
    CHECK(whole.status == exit_status{0, 0});
    CHECK_THAT(whole.out, Catch::StartsWith("Status: 200 OK\r\nContent-Type: text/html\r\n"));
    CHECK_THAT(whole.out, Catch::Contains("\r\nContent-Length: 13\r\n"));
    CHECK_THAT(whole.out, Catch::Contains("\r\nCache-Control: no-cache\r\n"));
    CHECK_THAT(whole.out, Catch::EndsWith("\r\n\r\n<p>Hello</p>\n"));

    const auto part = ask("/page.html", {{"HTTP_RANGE", "bytes=3-7"}});
    CHECK_THAT(part.out, Catch::StartsWith("Status: 206 Partial Content\r\n"));
    CHECK_THAT(part.out, Catch::EndsWith("\r\n\r\nHello"));

    CHECK_THAT(ask("/../secret").out, Catch::StartsWith("Status: 404 Not Found\r\n"));
    CHECK_THAT(ask("/none").out, Catch::StartsWith("Status: 404 Not Found\r\n"));
}

TEST_CASE("F1: 07_file_streaming: a file of 1 GiB costs a slow client's window, and its end costs nothing")
{
    const temp_dir folder;
    folder.write("files/small", "small\n");
    const std::string large = folder.write("files/large", "the beginning");
    REQUIRE(::truncate(large.c_str(), 1024 * 1024 * 1024) == 0);

    service files({}, {{"FILES", folder / "files"}}, SLUICE_FILE_STREAMING);
    fastcgi_client other(files.address());
    CHECK(other.get("/small").body == "small\n");
    const auto before = resident_anonymous_bytes(files.program().pid());
    REQUIRE(before);
    {
        fastcgi_client slow(files.address());
        slow.ask("/large");
        slow.read_until("the beginning");
        // It takes no more; while it waits, others are served.
        for (int i = 0; i < 100; ++i)
            CHECK(other.get("/small").body == "small\n");
        const auto now = resident_anonymous_bytes(files.program().pid());
        REQUIRE(now);
        CHECK(*now < *before + 1024 * 1024);
    }
    CHECK(files.says("/large 200"));
    CHECK(files.says("held at most"));
    CHECK(other.get("/small").body == "small\n");
}

} // namespace sluice::test
