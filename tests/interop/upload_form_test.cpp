// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// A browser's upload, as curl sends it, to the tutorial's program.
#include "interop/on_each_server.hpp"
#include "support/curl.hpp"

#include <cstdio>
#include <zlib.h>

namespace sluice::test {

namespace {

std::string bytes(std::size_t count)
{
    std::string s(count, '\0');
    for (std::size_t i = 0; i < count; ++i)
        s[i] = static_cast<char>(i * 7 % 256 ^ i / 256 % 256);
    return s;
}

void upload_form(const front_server& front)
{
    const auto site = front.start({.program = SLUICE_UPLOAD_FORM});
    CHECK(curl(site->url("/")).response.body.find("<form method=\"post\"") != std::string::npos);
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5 * 1024 * 1024}}) {
        INFO(size << " bytes");
        const auto content = bytes(size);
        const auto file = site->folder.write("content", content).string();
        const curl_result result = curl(site->url("/"), {"--form-string", "title=A \"title\" & more; =%22",
                                                         "-F", "file=@" + file + ";filename=a \"b\".bin"});
        REQUIRE(result.complete());
        CHECK(result.response.status == 200);
        const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
        char line[100];
        std::snprintf(line, sizeof line, "a _b_.bin: %zu bytes, crc32 %08lx\n", size, crc);
        CHECK(result.response.body == std::string("Title: A \"title\" & more; =%22\n") + line);
    }
}

// The two ways in which a web server starts it.
bool starts_it(const front_server& front)
{
    return (front.name == "apache mod_fcgid" || front.name == "lighttpd spawn");
}
const on_each_server<upload_form> upload_form_tests("R17, R19: curl -F to 08_upload_form", "", starts_it);

} // namespace

} // namespace sluice::test
