// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_finder.hpp>

#include "script_folder.hpp"
#include "support/catch.hpp"

#include <vector>

namespace sluice::test {

namespace {

struct row {
    const char* server;
    const char* root; ///< here and below, '$' is the folder
    const char* mount;
    std::vector<std::pair<const char*, const char*>> sent;
    const char* filename;
    const char* script_name;
    const char* path_info;
    const char* path_translated;
};

// A request for hello.cgi/path%20info/a as each server has sent it, in each way it can be set up.
const std::vector<row> rows = {
    {"mod_fcgid",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi"},
      {"PATH_INFO", "/path info/a"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi"},
      {"DOCUMENT_ROOT", "$/www"},
      {"PATH_TRANSLATED", "$/www/path info/a"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a?x=1"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"mod_fcgid, ScriptAlias out of the document root",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/cgi-bin/sub/x.cgi"},
      {"PATH_INFO", "/a"},
      {"SCRIPT_FILENAME", "$/www/app/sub/x.cgi"},
      {"DOCUMENT_ROOT", "/var/www/html"},
      {"PATH_TRANSLATED", "/elsewhere/a"},
      {"REQUEST_URI", "/cgi-bin/sub/x.cgi/a"}},
     "$/www/app/sub/x.cgi",
     "/cgi-bin/sub/x.cgi",
     "/a",
     "/elsewhere/a"},
    {"mod_fcgid, PATH_INFO as the program's own name",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/hello.cgi"},
      {"PATH_INFO", "/hello.cgi"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi"},
      {"REQUEST_URI", "/hello.cgi/hello.cgi"}},
     "$/www/app/hello.cgi",
     "/hello.cgi",
     "/hello.cgi",
     "$/www/app/hello.cgi"},
    {"lighttpd, the program as prefix",
     "$/www",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi"},
      {"PATH_INFO", "/path info/a"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi"},
      {"DOCUMENT_ROOT", "$/www"},
      {"PATH_TRANSLATED", "$/www/path info/a"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a?x=1"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"lighttpd, the root as prefix",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/app"},
      {"PATH_INFO", "/hello.cgi/path info/a"},
      {"SCRIPT_FILENAME", "$/www/app"},
      {"DOCUMENT_ROOT", "$/www"},
      {"PATH_TRANSLATED", "$/www/hello.cgi/path info/a"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"lighttpd, a prefix without a file",
     "$/www/app",
     "/cgi",
     {{"SCRIPT_NAME", "/cgi"},
      {"PATH_INFO", "/sub/x.cgi/a"},
      {"SCRIPT_FILENAME", "$/www/cgi"},
      {"DOCUMENT_ROOT", "$/www"},
      {"REQUEST_URI", "/cgi/sub/x.cgi/a"}},
     "$/www/app/sub/x.cgi",
     "/cgi/sub/x.cgi",
     "/a",
     "$/www/a"},
    {"lighttpd, PATH_INFO that repeats SCRIPT_NAME",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/twice"},
      {"PATH_INFO", "/twice"},
      {"SCRIPT_FILENAME", "$/www/app/twice/twice"},
      {"DOCUMENT_ROOT", "$/www/app/twice"},
      {"REQUEST_URI", "/twice/twice"}},
     "$/www/app/twice/twice",
     "/twice",
     "/twice",
     "$/www/app/twice/twice"},
    {"nginx, stock fastcgi_params",
     "$/www",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi/path info/a"},
      {"DOCUMENT_ROOT", "/usr/share/nginx/html"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a?x=1"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "/usr/share/nginx/html/path info/a"},
    {"nginx, stock fastcgi_params, DOCUMENT_ROOT as the root",
     "",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi/path info/a"},
      {"DOCUMENT_ROOT", "$/www"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a?x=1"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"nginx, stock fastcgi_params, mounted",
     "$/www/app",
     "/app",
     {{"SCRIPT_NAME", "/app/hello.cgi/path info/a"},
      {"DOCUMENT_ROOT", "$/www"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"nginx, $document_root$fastcgi_script_name",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi/path info/a"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi/path info/a"},
      {"DOCUMENT_ROOT", "$/www"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"nginx, $document_root$fastcgi_script_name, mounted, slashes folded",
     "$/www/app",
     "/app",
     {{"SCRIPT_NAME", "/app/hello.cgi/a,b"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi/a,b"},
      {"DOCUMENT_ROOT", "$/www"},
      {"REQUEST_URI", "/app//hello.cgi//a%2cb"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "//a,b",
     "$/www//a,b"},
    {"nginx, $document_root$fastcgi_script_name, the whole host",
     "$/www/app",
     "/",
     {{"SCRIPT_NAME", "/hello.cgi"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi"},
      {"REQUEST_URI", "/hello.cgi"}},
     "$/www/app/hello.cgi",
     "/hello.cgi",
     "",
     ""},
    {"nginx, fastcgi_split_path_info",
     "$/www",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi"},
      {"PATH_INFO", "/path info/a"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi"},
      {"DOCUMENT_ROOT", "$/www"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"nginx, fastcgi_split_path_info beside $request_filename",
     "$/www",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi"},
      {"PATH_INFO", "/path info/a"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi/path info/a"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"nginx, alias, a name with a percent sign",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/x/100%25.cgi/a"},
      {"SCRIPT_FILENAME", "$/www/app/100%25.cgi/a"},
      {"REQUEST_URI", "/x/100%2525.cgi/a"}},
     "$/www/app/100%25.cgi",
     "/x/100%25.cgi",
     "/a",
     "$/www/app/a"},
    {"mod_proxy_fcgi",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/pf/hello.cgi/path info/a"},
      {"SCRIPT_FILENAME", "proxy:fcgi://127.0.0.1:9000$/www/app/hello.cgi/path%20info/a"},
      {"DOCUMENT_ROOT", "/var/www/html"},
      {"REQUEST_URI", "/pf/hello.cgi/path%20info/a?q=1"}},
     "$/www/app/hello.cgi",
     "/pf/hello.cgi",
     "/path info/a",
     "/var/www/html/path info/a"},
    {"mod_proxy_fcgi, mounted",
     "$/www/app",
     "/pf",
     {{"SCRIPT_NAME", "/pf/hello.cgi/path info/a"},
      {"SCRIPT_FILENAME", "proxy:balancer://b$/www/app/hello.cgi/path%20info/a"},
      {"REQUEST_URI", "/pf/hello.cgi/path%20info/a?q=1"}},
     "$/www/app/hello.cgi",
     "/pf/hello.cgi",
     "/path info/a",
     "$/www/app/path info/a"},
    {"mod_proxy_fcgi, ProxyPass to /, mounted",
     "$/www/app",
     "/pf",
     {{"SCRIPT_NAME", "/pf/sub/x.cgi/a"},
      {"SCRIPT_FILENAME", "proxy:fcgi://127.0.0.1:9000/sub/x.cgi/a"},
      {"REQUEST_URI", "/pf/sub/x.cgi/a"}},
     "$/www/app/sub/x.cgi",
     "/pf/sub/x.cgi",
     "/a",
     "$/www/app/a"},
    {"mod_proxy_fcgi, SetHandler",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/app/hello.cgi"},
      {"PATH_INFO", "/path info/a"},
      {"SCRIPT_FILENAME", "proxy:fcgi://localhost$/www/app/hello.cgi"},
      {"DOCUMENT_ROOT", "$/www"},
      {"REQUEST_URI", "/app/hello.cgi/path%20info/a"}},
     "$/www/app/hello.cgi",
     "/app/hello.cgi",
     "/path info/a",
     "$/www/path info/a"},
    {"HAProxy, path-info",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/hello.cgi"},
      {"PATH_INFO", "/bar x"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi"},
      {"DOCUMENT_ROOT", "$/www/app"},
      {"PATH_TRANSLATED", "$/www/app/bar x"},
      {"REQUEST_URI", "/hello.cgi/bar%20x?q=1"}},
     "$/www/app/hello.cgi",
     "/hello.cgi",
     "/bar x",
     "$/www/app/bar x"},
    {"HAProxy, path-info that resolves no dots",
     "$/www/app",
     "",
     {{"SCRIPT_NAME", "/hello.cgi"},
      {"PATH_INFO", "/../../secret"},
      {"SCRIPT_FILENAME", "$/www/app/hello.cgi"},
      {"DOCUMENT_ROOT", "$/www/app"},
      {"PATH_TRANSLATED", "$/www/app/../../secret"},
      {"REQUEST_URI", "/hello.cgi/../../secret"}},
     "$/www/app/hello.cgi",
     "/hello.cgi",
     "/../../secret",
     ""},
    {"HAProxy, no path-info",
     "",
     "",
     {{"SCRIPT_NAME", "//sub//x.cgi//bar x"},
      {"SCRIPT_FILENAME", "$/www/app//sub//x.cgi//bar x"},
      {"DOCUMENT_ROOT", "$/www/app"},
      {"REQUEST_URI", "//sub//x.cgi//bar%20x?q=1"}},
     "$/www/app/sub/x.cgi",
     "/sub/x.cgi",
     "//bar x",
     "$/www/app//bar x"},
};

std::string with(std::string_view folder, std::string_view text)
{
    std::string out;
    for (const char c : text)
        c == '$' ? out.append(folder) : out.append(1, c);
    return out;
}

} // namespace

TEST_CASE("R15: the program is found behind every server, and the path is split where it ends")
{
    const script_folder dir;
    for (const char* name :
         {"www/app/hello.cgi", "www/app/sub/x.cgi", "www/app/100%25.cgi", "www/app/twice/twice"})
        dir.program(name);

    for (const row& r : rows) {
        INFO(r.server);
        const auto full = [&](const char* text) { return with(dir.path().native(), text); };
        environment env = environment_of({{"REQUEST_METHOD", "GET"}, {"SERVER_PROTOCOL", "HTTP/1.1"}});
        for (const auto& [name, value] : r.sent)
            env.add(name, full(value));
        REQUIRE_FALSE(normalize(env, {.mount_point = r.mount}));

        cgi::script_options options;
        options.root = full(r.root);
        options.mount = r.mount;
        const auto result = cgi::script_finder(options).find(env);
        CAPTURE(text_of(result));
        REQUIRE(std::holds_alternative<cgi::found_script>(result));
        const auto& found = std::get<cgi::found_script>(result);
        CHECK(found.filename == full(r.filename));
        CHECK(found.directory == std::filesystem::path(full(r.filename)).parent_path());
        CHECK(found.script_name == r.script_name);
        CHECK(found.path_info == r.path_info);
        CHECK(found.path_translated == full(r.path_translated));
        CHECK_FALSE(found.nph);
    }
}

TEST_CASE("R15: however a path is split, the program and its PATH_INFO are the same")
{
    const script_folder dir;
    dir.program("root/a.cgi");
    dir.program("root/sub/b.cgi");
    const std::string root = dir.at("root");
    for (const std::string program : {"/a.cgi", "/sub/b.cgi"}) {
        for (const std::string info :
             {"", "/", "/x", "/x/", "/a.cgi", "/sub/b.cgi", "/b.cgi", "/m", "/m/a.cgi", "/x%41"})
        {
            for (const std::string mount : {"", "/m", "/m/sub"}) {
                const std::string url = mount + program + info;
                const struct {
                    std::string script_name, path_info, script_filename;
                } splits[] = {
                    {mount + program, info, root + program},
                    {url, "", root + program + info},
                    {url, "", ""},
                    {mount, program + info, root + program + info},
                    {mount, program + info, ""},
                    {mount, program + info, root},
                    {mount + program, info, ""},
                };
                for (const auto& split : splits) {
                    CAPTURE(split.script_name, split.path_info, split.script_filename);
                    cgi::script_options options;
                    options.root = root;
                    options.mount = mount;
                    const auto env = environment_of({{"SCRIPT_NAME", split.script_name},
                                                     {"PATH_INFO", split.path_info},
                                                     {"SCRIPT_FILENAME", split.script_filename}});
                    const auto result = cgi::script_finder(options).find(env);
                    CHECK(text_of(result) == root + program + " | " + mount + program + " | " + info);
                    CHECK(std::get<cgi::found_script>(result).mount == mount);
                }
            }
        }
    }
}

} // namespace sluice::test
