// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The tutorial's upload does what it says, as a CGI program.
#include "service.hpp"
#include "support/catch.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace sluice::test {

namespace {

std::string post(const std::string& type, const std::string& body, exit_status expected = {0, 0})
{
    const temp_dir folder;
    const auto in = folder.write("body", body).string();
    const int fd = ::open(in.c_str(), O_RDONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    process_options options;
    options.command = {SLUICE_UPLOAD_FORM};
    options.environment = cgi_request("/", {{"REQUEST_METHOD", "POST"},
                                            {"CONTENT_TYPE", type},
                                            {"CONTENT_LENGTH", std::to_string(body.size())}});
    options.stdin_fd = fd;
    options.stdout_file = folder / "out";
    options.stderr_file = folder / "err";
    process run(options);
    ::close(fd);
    CHECK(run.wait_for(std::chrono::seconds(10)) == expected);
    return read_file(folder / "out");
}

const std::string whole = "--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nNotes & more\r\n"
                          "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../a b.txt\"\r\n"
                          "Content-Type: text/plain\r\n\r\n123456789\r\n--XX--\r\n";

} // namespace

TEST_CASE("08_upload_form shows a form, and says what came with it")
{
    const auto shown = run_program(SLUICE_UPLOAD_FORM, {}, cgi_request("/"));
    CHECK(shown.status == exit_status{0, 0});
    CHECK_THAT(shown.out, Catch::StartsWith("Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"));
    CHECK_THAT(shown.out, Catch::Contains("enctype=\"multipart/form-data\""));

    const auto answer = post("multipart/form-data; boundary=XX", whole);
    CHECK_THAT(answer, Catch::StartsWith("Status: 200 OK\r\n"));
    CHECK_THAT(answer, Catch::EndsWith("\r\n\r\nTitle: Notes & more\na b.txt: 9 bytes, crc32 cbf43926\n"));
    CHECK_THAT(post("application/x-www-form-urlencoded", "title=a+b%21"),
               Catch::EndsWith("\r\n\r\nTitle: a b!\n"));
}

TEST_CASE("08_upload_form answers 400 to an upload that is cut off, and 415 to what is none")
{
    CHECK_THAT(post("multipart/form-data; boundary=XX", whole.substr(0, whole.size() - 10)),
               Catch::StartsWith("Status: 400 Bad Request\r\n"));
    CHECK_THAT(post("text/plain", "text"), Catch::StartsWith("Status: 415 "));
}

} // namespace sluice::test
