// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/file_response.hpp>

#include "support/allocation_count.hpp"
#include "support/app_support.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <sluice/detail/http_date.hpp>

#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace sluice;
using namespace sluice::test;

namespace {

constexpr std::time_t changed = 784111777;
constexpr const char* changed_text = "Sun, 06 Nov 1994 08:49:37 GMT";

/// A folder with digits.txt, "0123456789", changed in 1994.
struct site {
    site() : root(folder / "root") { write("digits.txt"); }

    std::string write(const std::string& name) const
    {
        const std::string path = folder.write("root/" + name, "0123456789");
        const timespec times[] = {{changed, 0}, {changed, 0}};
        REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
        return path;
    }

    struct answer {
        int status;
        std::string head, body;

        std::string header(std::string_view name) const
        {
            const auto line = "\r\n" + std::string(name) + ": ";
            const auto at = head.find(line);
            if (at == head.npos)
                return "";
            const auto begin = at + line.size();
            return head.substr(begin, head.find('\r', begin) - begin);
        }
    };
    answer get(std::string_view path, std::initializer_list<field> headers = {}, file_options options = {},
               std::string_view method = "GET") const
    {
        if (options.root.empty())
            options.root = root;
        fake_loop loop([&](request& req) { return file_response(req, path, options); });
        fake_host client(loop);
        client.request(method, headers);
        CHECK(loop.poll_until([&] { return client.ended(); }));
        CHECK(client.ended_well());
        return {client.status(), client.head(), client.body()};
    }

    temp_dir folder;
    std::string root;
};

} // namespace

TEST_CASE("R29: a file has its type, its length and its validators")
{
    const site s;
    const auto a = s.get("/digits.txt");
    CHECK(a.status == 200);
    CHECK(a.body == "0123456789");
    CHECK(a.header("Content-Type") == "text/plain");
    CHECK(a.header("Content-Length") == "10");
    CHECK(a.header("Last-Modified") == changed_text);
    CHECK(a.header("Accept-Ranges") == "bytes");
    CHECK(a.header("Content-Range").empty());
    const auto etag = a.header("ETag");
    REQUIRE(etag.size() > 2);
    CHECK((etag.front() == '"' && etag.back() == '"'));
    CHECK(s.get("/digits.txt").header("ETag") == etag);

    // Another time, or another size, is another tag.
    const timespec times[] = {{changed, 0}, {changed, 1}};
    REQUIRE(::utimensat(AT_FDCWD, (s.root + "/digits.txt").c_str(), times, 0) == 0);
    CHECK(s.get("/digits.txt").header("ETag") != etag);
}

TEST_CASE("R29: another method than GET and HEAD is a 405, unless the file is the answer to any")
{
    const site s;
    for (const auto method : {"DELETE", "PUT", "POST", "OPTIONS"}) {
        for (const bool by_server : {false, true}) {
            file_options options;
            if (by_server)
                options.by_server = file_handover::x_sendfile();
            const auto refused = s.get("/digits.txt", {}, options, method);
            CHECK(refused.status == 405);
            CHECK(refused.header("Allow") == "GET, HEAD");
            CHECK(refused.body != "0123456789");
            CHECK(refused.header("X-Sendfile").empty());
        }
        file_options any;
        any.any_method = true;
        const auto answered = s.get("/digits.txt", {{"HTTP_RANGE", "bytes=2-4"}}, any, method);
        CHECK(answered.status == 200);
        CHECK(answered.body == "0123456789");
    }
}

TEST_CASE("R42: HEAD of a file has the headers of GET, also where a range is asked for")
{
    const site s;
    const auto get = s.get("/digits.txt");
    for (const auto range : {"", "bytes=2-4", "bytes=20-"}) {
        const auto head = s.get("/digits.txt", {{"HTTP_RANGE", range}}, {}, "HEAD");
        CHECK(head.status == 200); // ranges are defined for GET only
        CHECK(head.body.empty());
        for (const auto* name : {"Content-Type", "Content-Length", "Last-Modified", "ETag", "Accept-Ranges"})
            CHECK(head.header(name) == get.header(name));
    }
}

TEST_CASE("R29: the type goes by the ending, unless it is given")
{
    const site s;
    struct row {
        const char *name, *type;
    };
    for (const auto& r :
         {row{"a.html", "text/html"}, row{"a.HTML", "text/html"}, row{"a.b.json", "application/json"},
          row{"a.woff2", "font/woff2"}, row{"a", "application/octet-stream"},
          row{"a.", "application/octet-stream"}, row{"a.unheard-of", "application/octet-stream"},
          row{"a.html.d/a", "application/octet-stream"}, row{".svg", "image/svg+xml"}})
    {
        CAPTURE(r.name);
        s.write(r.name);
        CHECK(s.get(r.name).header("Content-Type") == r.type);
        CHECK(s.get(r.name, {}, {.content_type = "x/y; z=1"}).header("Content-Type") == "x/y; z=1");
    }
}

TEST_CASE("R29: a range of a file is 206, one beyond it 416, several are the whole")
{
    const site s;
    const auto part = s.get("/digits.txt", {{"HTTP_RANGE", "bytes=2-4"}});
    CHECK(part.status == 206);
    CHECK(part.body == "234");
    CHECK(part.header("Content-Range") == "bytes 2-4/10");
    CHECK(part.header("Content-Length") == "3");
    CHECK(part.header("Last-Modified") == changed_text);
    CHECK_FALSE(part.header("ETag").empty());

    CHECK(s.get("/digits.txt", {{"HTTP_RANGE", "bytes=-3"}}).body == "789");
    CHECK(s.get("/digits.txt", {{"HTTP_RANGE", "bytes=0-"}}).status == 206);

    const auto beyond = s.get("/digits.txt", {{"HTTP_RANGE", "bytes=10-"}});
    CHECK(beyond.status == 416);
    CHECK(beyond.header("Content-Range") == "bytes */10");
    CHECK(beyond.header("Content-Type") == "text/plain; charset=utf-8");
    CHECK(beyond.header("ETag").empty());

    for (const auto* all : {"bytes=0-1,3-4", "bytes=4-2", "lines=0-1"}) {
        CAPTURE(all);
        const auto whole = s.get("/digits.txt", {{"HTTP_RANGE", all}});
        CHECK(whole.status == 200);
        CHECK(whole.body == "0123456789");
    }
}

TEST_CASE("R29: If-Range takes a part of the file that the client has, and the whole of any other")
{
    const site s;
    const auto etag = s.get("/digits.txt").header("ETag");
    struct row {
        std::string value;
        int status;
    };
    for (const auto& r : {row{etag, 206}, row{"W/" + etag, 200}, row{"\"other\"", 200}, row{"\"", 200},
                          row{"*", 200}, row{changed_text, 206}, row{"Sunday, 06-Nov-94 08:49:37 GMT", 206},
                          row{"Sun, 06 Nov 1994 08:49:38 GMT", 200},
                          row{"Sun, 06 Nov 1994 08:49:36 GMT", 200}, row{"yesterday", 200}, row{"", 206}})
    {
        CAPTURE(r.value);
        CHECK(s.get("/digits.txt", {{"HTTP_RANGE", "bytes=2-4"}, {"HTTP_IF_RANGE", r.value}}).status ==
              r.status);
    }
    // Changed within this second, or in a future that the clock does not know: the date is no strong validator.
    const auto now = std::time(nullptr) + 100;
    const timespec times[] = {{now, 0}, {now, 0}};
    REQUIRE(::utimensat(AT_FDCWD, (s.root + "/digits.txt").c_str(), times, 0) == 0);
    const auto future = s.get("/digits.txt");
    const auto date = future.header("Last-Modified");
    CHECK(detail::parse_http_date(date, now).value_or(now) <= now - 90);
    CHECK(
        s.get("/digits.txt", {{"HTTP_RANGE", "bytes=2-4"}, {"HTTP_IF_RANGE", detail::format_http_date(now)}})
            .status == 200);
    CHECK(s.get("/digits.txt", {{"HTTP_RANGE", "bytes=2-4"}, {"HTTP_IF_RANGE", future.header("ETag")}})
              .status == 206);
}

TEST_CASE("R29: beside another condition a range is not heeded")
{
    const site s;
    for (const auto* name :
         {"HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE"})
    {
        CAPTURE(name);
        CHECK(s.get("/digits.txt", {{"HTTP_RANGE", "bytes=20-"}, {name, "\"x\""}}).status == 200);
    }
}

TEST_CASE("R29: what is not there, is no file, or leaves the root is a 404")
{
    const site s;
    s.write("sub/file");
    s.folder.write("secret", "secret");
    REQUIRE(::mkfifo((s.root + "/fifo").c_str(), 0600) == 0);
    for (const auto path :
         {std::string_view("/none"), std::string_view("/"), std::string_view(""), std::string_view("/sub"),
          std::string_view("/fifo"), std::string_view("/digits.txt/x"), std::string_view("/../secret"),
          std::string_view("/digits.txt\0", 12)})
    {
        CAPTURE(path);
        const auto a = s.get(path);
        CHECK(a.status == 404);
        CHECK(a.body == "There is no such file.\n");
        CHECK(a.header("Content-Type") == "text/plain; charset=utf-8");
    }
    if (::geteuid() != 0) { // root may read all
        REQUIRE(::chmod(s.write("locked").c_str(), 0) == 0);
        CHECK(s.get("/locked").status == 403);
    }
}

TEST_CASE("R39: what no client can help is a 500, and the log names the file")
{
    if (!allocations_are_counted())
        return; // a sanitizer looks at memory through a pipe, and there is to be no descriptor left
    const site s;
    fake_loop loop([&](request& req) { return file_response(req, "digits.txt", {.root = s.root}); });
    fake_host client(loop);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{0, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    client.request();
    loop.poll();
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(client.status() == 500);
    CHECK(loop.log().contains("'digits.txt': Too many open files"));
}

TEST_CASE("R29: without a root the app's own path is taken as it is")
{
    const site s;
    fake_loop loop([&](request& req) { return file_response(req, s.root + "/../root/digits.txt"); });
    fake_host client(loop);
    client.request();
    loop.poll();
    CHECK(client.status() == 200);
    CHECK(client.body() == "0123456789");
}

TEST_CASE("R25, R29: to a server that sends files itself a name is handed over, and nothing is opened")
{
    const site s;
    struct row {
        std::string path;
        file_handover by;
        std::string value;
    };
    const auto sendfile = file_handover::x_sendfile();
    const auto accel = file_handover::x_accel_redirect("/protected/");
    const row rows[] = {
        {"/a.txt", sendfile, s.root + "/a.txt"},
        {"a.txt", sendfile, s.root + "/a.txt"},
        {"/a.txt", file_handover::x_sendfile("/in/chroot/"), "/in/chroot/a.txt"},
        {"/sub/a.txt", accel, "/protected/sub/a.txt"},
        {"/a b?c#d%41;\xc3\xa9.txt", accel, "/protected/a%20b%3Fc%23d%2541%3B%C3%A9.txt"},
        {"/..a/b../.../c.txt", accel, "/protected/..a/b../.../c.txt"},
    };
    for (const auto& r : rows) {
        CAPTURE(r.path);
        const auto a = s.get(r.path, {{"HTTP_RANGE", "bytes=2-4"}}, {.by_server = r.by});
        CHECK(a.status == 200);
        CHECK(a.body.empty());
        CHECK(a.header(r.by.header) == r.value);
        CHECK(a.header("Content-Type") == "text/plain");
        CHECK(a.header("ETag").empty());
    }
    for (const auto path :
         {std::string_view(""), std::string_view("/a\nb"), std::string_view("/a\r\nSet-Cookie: x"),
          std::string_view("/a\0b", 4), std::string_view("/a\x7f"), std::string_view(".."),
          std::string_view("/../a"), std::string_view("/a/.."), std::string_view("/a/../b")})
    {
        CAPTURE(path);
        const auto a = s.get(path, {}, {.by_server = accel});
        CHECK(a.status == 404);
        CHECK(a.header("X-Accel-Redirect").empty());
    }
}
