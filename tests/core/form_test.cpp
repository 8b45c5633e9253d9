// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Forms as an app reads them, off a request's body.
#include <sluice/form.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr const char* multipart = "multipart/form-data; boundary=XX";
constexpr const char* urlencoded = "application/x-www-form-urlencoded; charset=UTF-8";

std::string field_part(std::string_view name, std::string_view data)
{
    return "--XX\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n" +
           std::string(data) + "\r\n";
}

std::string file_part(std::string_view name, std::string_view filename, std::string_view data)
{
    return "--XX\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"; filename=\"" +
           std::string(filename) + "\"\r\nContent-Type: text/plain\r\n\r\n" + std::string(data) + "\r\n";
}

// A POST, with what its app found out as the answer.
struct posted {
    std::string answer;
    int status = 0;
    bool well = false;
    std::string log;
};

using app_function = std::function<task<std::string>(request&)>;

posted post(const app_function& app, std::string_view type, std::string_view body, const limits& l = {},
            std::size_t piece = 100'000, bool announced = true)
{
    posted p;
    fake_loop loop(
        [&](request& req, responder respond) -> task<void> {
            auto text = co_await app(req);
            respond.send(200, {{"Content-Type", "text/plain"}}, std::move(text));
        },
        l);
    {
        fake_host client(loop);
        const auto length = std::to_string(body.size());
        if (announced)
            client.request("POST", {{"CONTENT_TYPE", type}, {"CONTENT_LENGTH", length}}, true);
        else
            client.request("POST", {{"CONTENT_TYPE", type}}, true);
        loop.poll();
        while (!body.empty() && !client.ended()) {
            const auto n = client.feed(body.substr(0, piece));
            body.remove_prefix(n);
            CHECK(loop.poll_until([&] { return client.ended() || client.x().body().credit() > 0; }));
        }
        client.end_body();
        CHECK(loop.poll_until([&] { return client.ended(); })); // files are written by threads
        p = {client.body(), client.status(), client.ended_well(), loop.log().text()};
    }
    loop.poll();
    CHECK(loop.statistics().pool_in_use == 0);
    return p;
}

// The whole form in a line.
task<std::string> show(request& req)
{
    const auto f = co_await read_form(req);
    std::string s;
    for (const auto& [name, value] : f.fields)
        s.append(name).append("=").append(value).append(";");
    for (const auto& u : f.files) {
        std::string content(static_cast<std::size_t>(u.size()) + 10, '?');
        content.resize(u.read_at(0, boost::asio::buffer(content)));
        s.append(u.name).append("[").append(u.filename).append("|").append(u.content_type).append("]=");
        s.append(content.size() > 100 ? std::to_string(content.size()) : content).append(";");
        if (content.size() > 100)
            CHECK(content == text_of_size(content.size()));
    }
    co_return s;
}

} // namespace

TEST_CASE("read_form: fields and files, of either type, wherever the body is cut")
{
    struct row {
        const char* type;
        std::string body, expected;
    };
    const row rows[] = {
        {multipart,
         field_part("a", "1") + file_part("f", "x.txt", "text") + field_part("a", "2") + "--XX--\r\n",
         "a=1;a=2;f[x.txt|text/plain]=text;"},
        {multipart,
         file_part("f", "", "") + field_part("a", "") + file_part("g", "y", "") + file_part("h", "", "z") +
             "--XX--\r\n",
         "a=;g[y|text/plain]=;h[|text/plain]=z;"},
        {multipart, "--XX--", ""},
        {urlencoded, "a=1&b=%41+%42&a=2&c", "a=1;b=A B;a=2;c=;"},
        {urlencoded, "", ""},
    };
    for (const auto& r : rows) {
        for (const bool announced : {false, true}) {
            for (const std::size_t piece : {1u, 2u, 7u, 1000u}) {
                CAPTURE(r.body, announced, piece);
                const auto p = post(show, r.type, r.body, {}, piece, announced);
                CHECK(p.answer == r.expected);
                CHECK(p.status == 200);
                CHECK(p.well);
            }
        }
    }
}

TEST_CASE("read_form: a request without a body is a form without fields")
{
    std::string got = "nothing";
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        got = co_await show(req);
        respond.send(200, {{"Content-Type", "text/plain"}}, "");
    });
    fake_host client(loop);
    client.request("GET");
    loop.poll();
    CHECK(got.empty());
    CHECK(client.status() == 200);
}

TEST_CASE("read_form: files go to a handler as they come, and no more is held than the input window")
{
    limits l;
    l.block_size = 4096;
    l.pool_bytes = 64 * 4096;
    l.input_window = 2 * 4096;
    const auto content = text_of_size(300'000);
    const auto body = field_part("a", "1") + file_part("f", "big", content) +
                      file_part("g", "skipped", content) + file_part("h", "partly", content) +
                      field_part("b", "2") + "--XX--\r\n";
    std::size_t peak = 0;
    const auto app = [&](request& req) -> task<std::string> {
        std::string got;
        const file_handler handler = [&](const form_part& part, multipart_reader& in) -> task<void> {
            got += part.filename.value() + " ";
            if (part.name == "g")
                co_return;
            for (std::size_t size = 0;;) {
                const auto piece = co_await in.read_some();
                const std::string_view bytes(static_cast<const char*>(piece.data()), piece.size());
                CHECK(bytes == piece_at(size, bytes.size()));
                size += bytes.size();
                peak = std::max(peak, req.statistics().pool_in_use);
                co_await yield(); // what was given stays meanwhile
                CHECK(bytes == piece_at(size - bytes.size(), bytes.size()));
                if (bytes.empty() || part.name == "h") {
                    got += std::to_string(size) + " ";
                    co_return;
                }
            }
        };
        const auto f = co_await read_form(req, handler);
        CHECK(f.files.empty());
        co_return got + std::string(f.fields.get("a")) + std::string(f.fields.get("b"));
    };
    const auto p = post(app, multipart, body, l);
    CHECK_THAT(p.answer, Catch::StartsWith("big 300000 skipped partly "));
    CHECK_THAT(p.answer, Catch::EndsWith(" 12"));
    CHECK(p.well);
    CHECK(peak > 0);
    CHECK(peak <= 2);
}

TEST_CASE("R18: the form of a buffered body can be read as often as one likes")
{
    const auto body = field_part("a", "1") + file_part("f", "x", "text") + "--XX--";
    const auto app = [&](request& req) -> task<std::string> {
        const auto size = co_await req.body().buffer();
        auto all = co_await show(req);
        req.body().rewind();
        all += co_await show(req);
        co_return all + std::to_string(size);
    };
    const auto once = std::string("a=1;f[x|text/plain]=text;");
    CHECK(post(app, multipart, body).answer == once + once + std::to_string(body.size()));
}

TEST_CASE("read_form: a large file is kept in a temporary file, and outlives its request")
{
    const auto content = text_of_size(200'000);
    std::vector<uploaded_file> kept;
    const auto app = [&](request& req) -> task<std::string> {
        auto f = co_await read_form(req);
        kept = std::move(f.files);
        co_return "";
    };
    CHECK(post(app, multipart, file_part("f", "big", content) + "--XX--").well);
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].size() == content.size());
    std::string middle(1000, '?');
    CHECK(kept[0].read_at(100'000, boost::asio::buffer(middle)) == 1000);
    CHECK(middle == content.substr(100'000, 1000));
    CHECK(kept[0].read_at(199'999, boost::asio::buffer(middle)) == 1);
    CHECK(kept[0].read_at(300'000, boost::asio::buffer(middle)) == 0);
}

TEST_CASE("R39: what is wrong with a form is the client's doing: 400, 413 or 415, and words in the log")
{
    struct row {
        const char* what;
        const char* type;
        std::string body;
        int status;
        const char* words;
        std::function<void(form_limits&)> set = [](form_limits&) {};
    };
    const auto whole = field_part("a", "1") + file_part("f", "x", "text") + "--XX--";
    const row rows[] = {
        {"cut off", multipart, whole.substr(0, whole.size() - 1), 400, "before its last boundary"},
        {"malformed", multipart, "--XX\r\nX\r\n\r\n", 400, "no header line"},
        {"no boundary", "multipart/form-data", whole, 400, "names no boundary"},
        {"an encoding", multipart,
         "--XX\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n", 415,
         "base64"},
        {"another type", "application/json", "{}", 415, "application/json"},
        {"no type", "", "{}", 415, "Content-Type is"},
        {"too many", multipart, whole, 413, "more than 1 parts", [](form_limits& l) { l.parts = 1; }},
        {"a large file", multipart, whole, 413, "larger than 3 bytes", [](form_limits& l) { l.file = 3; }},
        {"too large, and announced", multipart, whole, 413, "is announced",
         [](form_limits& l) { l.body = 50; }},
        {"too many, urlencoded", urlencoded, "a&b&c", 413, "more than 2",
         [](form_limits& l) { l.parts = 2; }},
        {"too large, urlencoded", urlencoded, "a&b&c", 413, "is announced",
         [](form_limits& l) { l.body = 4; }},
    };
    for (const auto& r : rows) {
        CAPTURE(r.what);
        limits l;
        r.set(l.form);
        const auto p = post(show, r.type, r.body, l);
        CHECK(p.status == r.status);
        CHECK_THAT(p.log, Catch::Contains(r.words));
        CHECK_THAT(p.log, Catch::Contains("answered with " + std::to_string(r.status)));
        CHECK(p.answer.find(r.words) == std::string::npos); // the client gets the status, not the details
    }
    limits l;
    l.form.body = 50;
    CHECK(post(show, multipart, whole, l, 10, false).status == 413);
    l.form.body = 4;
    CHECK(post(show, urlencoded, "a&b&c", l, 10, false).status == 413);
}

TEST_CASE("R39: files that are kept are bounded in number, and what they are called in size: 413")
{
    const app_function app = [](request& req) -> task<std::string> {
        const auto f = co_await read_form(req);
        co_return std::to_string(f.files.size());
    };
    const auto of = [](std::size_t n, const std::string& filename) {
        std::string body;
        for (std::size_t i = 0; i < n; ++i)
            body += file_part("f", filename, "x");
        return body + "--XX--\r\n";
    };
    CHECK(post(app, multipart, of(form::most_files, "a")).answer == std::to_string(form::most_files));
    const auto many = post(app, multipart, of(form::most_files + 1, "a"));
    CHECK(many.status == 413);
    CHECK(many.log.find("form::most_files") != std::string::npos);
    limits small;
    small.form.fields = 1000;
    const auto long_names = post(app, multipart, of(10, std::string(100, 'a')), small);
    CHECK(long_names.status == 413);
    CHECK(long_names.log.find("form_limits::fields") != std::string::npos);
}

TEST_CASE("R39: a query and cookies over the limits are a 400")
{
    const auto app = [](request& req) -> task<std::string> {
        co_return std::to_string(parse_query(req.env().get("CONTENT_TYPE"), req.limits().form).size());
    };
    limits l;
    l.form.parts = 2;
    CHECK(post(app, "a&b", "", l).answer == "2");
    CHECK(post(app, "a&b&c", "", l).status == 400);
}

TEST_CASE("R19: an upload whose client leaves never looks whole")
{
    for (const bool in_file : {false, true}) {
        CAPTURE(in_file);
        outcome o;
        fake_loop loop([&](request& req, responder respond) -> task<void> {
            co_await note(o, [&]() -> task<void> { co_await show(req); });
            respond.send(500, {{"Content-Type", "text/plain"}}, "");
        });
        fake_host client(loop);
        client.request("POST", {{"CONTENT_TYPE", multipart}}, true);
        client.feed(in_file ? file_part("f", "x", "text") : field_part("a", "1"));
        loop.poll();
        CHECK_FALSE(o.ended);
        client.leave();
        loop.poll();
        CHECK(o.ended);
        CHECK(o.ec);
    }
}
