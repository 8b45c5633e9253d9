// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// F13: an exception in mid-body. What can be made to look like the failure it is differs from
// server to server; both what shows and what does not is held to what was measured.
#include "interop/on_each_server.hpp"
#include "interop/probe_client.hpp"
#include "support/curl.hpp"

namespace sluice::test {

namespace {

void check_cut(const front_server& front, const site_options& options, const std::string& path, bool shows)
{
    const auto site = front.start(options);
    const curl_result result = curl(site->url(path));
    INFO("curl: " << result.exit_code << " " << result.errors);
    CHECK(result.response.status == 200);
    if (shows)
        // 18: fewer bytes than announced; 56: the chunked body broke off.
        CHECK((result.exit_code == 18 || result.exit_code == 56));
    else
        CHECK(result.complete());
    CHECK(curl(site->url("/hello")).response.body == "Hello, world!");
}

void with_length(const front_server& front)
{
    check_cut(front, {}, "/throw?when=after&length=1", front.shows_cut_with_length);
}
const on_each_server<with_length> with_length_fails(
    "F13, R40: an exception in mid-body, length given: the transfer fails", "[cut-short]",
    [](const front_server& front) { return front.shows_cut_with_length; });
const on_each_server<with_length> with_length_hidden(
    "F13, R40: an exception in mid-body, length given: the server hides it", "[cut-short]",
    [](const front_server& front) { return !front.shows_cut_with_length; });

void trusted_length(const front_server& front)
{
    check_cut(front, {.extra_config = "SetEnv ap_trust_cgilike_cl yes\n"}, "/throw?when=after&length=1",
              true);
}
const on_each_server<trusted_length> trusted_length_fails(
    "F13, R40: an exception in mid-body, length given and trusted: the transfer fails", "[cut-short]",
    [](const front_server& front) { return !front.keeps_length; });

void without_length(const front_server& front)
{
    check_cut(front, {}, "/throw?when=after", front.shows_cut);
}
const on_each_server<without_length> without_length_fails(
    "F13, R40: an exception in mid-body: the transfer fails", "[cut-short]",
    [](const front_server& front) { return front.shows_cut; });
const on_each_server<without_length> without_length_hidden(
    "F13, R40: an exception in mid-body: the server hides it", "[cut-short]",
    [](const front_server& front) { return !front.shows_cut; });

} // namespace

} // namespace sluice::test
