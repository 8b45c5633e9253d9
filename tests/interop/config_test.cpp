// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What `sluice config` prints makes each server serve a folder of CGI programs through `sluice run`.
#include "support/catch.hpp"
#include "support/curl.hpp"
#include "support/free_port.hpp"
#include "support/temp_dir.hpp"
#include "support/web_server.hpp"

#include <algorithm>
#include <filesystem>

#include <unistd.h>

namespace sluice::test {

namespace {

namespace fs = std::filesystem;

/// Runs the command to its end; what it said on stdout, or on stderr.
struct said {
    explicit said(std::vector<std::string> command)
    {
        const temp_dir folder;
        process_options options;
        options.command = std::move(command);
        options.stdout_file = folder / "out";
        options.stderr_file = folder / "err";
        process p(options);
        status = p.wait_for(std::chrono::seconds(10));
        out = read_file(folder / "out");
        err = read_file(folder / "err");
    }
    std::optional<exit_status> status;
    std::string out, err;
};

/// The whole of a server's configuration around what was printed, and how the server is started with it.
web_server_options configured(const std::string& server, const std::string& printed, const temp_dir& folder,
                              std::uint16_t port)
{
    const std::string at = folder.path();
    const auto where = std::to_string(port);
    web_server_options o;
    o.port = port;
    o.error_log = folder / "error.log";
    o.temporary = folder / "run";
    o.debian_package = server;
    o.program = server;
    fs::create_directory(o.temporary);
    if (server == "nginx") {
        std::string config = ::geteuid() == 0 ? "user root;\n" : "";
        config += "daemon off;\npid " + at + "/run/pid;\nerror_log " + at +
                  "/error.log;\nevents {}\nhttp {\naccess_log off;\n";
        for (const std::string kind : {"client_body", "fastcgi", "proxy", "scgi", "uwsgi"})
            config += kind + "_temp_path " + at + "/run/" + kind + ";\n";
        config += "server {\nlisten 127.0.0.1:" + where + ";\n" + printed + "}\n}\n";
        o.arguments = {"-e", o.error_log, "-c", folder.write("server.conf", config)};
    } else if (server == "lighttpd") {
        o.arguments = {"-D", "-f",
                       folder.write("server.conf", "server.document-root = \"" + at +
                                                       "\"\nserver.bind = \"127.0.0.1\"\n" +
                                                       "server.port = " + where + "\n" + printed)};
    } else if (server == "haproxy") {
        const auto prefix = printed.substr(printed.find("path_beg ") + 9);
        o.arguments = {
            "-db", "-f",
            folder.write("server.conf", "defaults\nmode http\ntimeout connect 5s\ntimeout client 60s\n"
                                        "timeout server 60s\nfrontend f\nbind 127.0.0.1:" +
                                            where + "\nuse_backend cgi if { path_beg " +
                                            prefix.substr(0, prefix.find(' ')) + " }\n" + printed)};
    } else {
        o.program = "apache2";
        o.debian_package = "apache2-bin";
        std::string config = "ServerRoot " + at + "\nPidFile " + at + "/run/pid\nDefaultRuntimeDir " + at +
                             "/run\nServerName localhost\nErrorLog " + at +
                             "/error.log\nListen 127.0.0.1:" + where + "\n";
        for (const std::string module : {"mpm_event", "authz_core", "proxy", "proxy_fcgi"})
            config += "LoadModule " + module + "_module /usr/lib/apache2/modules/mod_" + module + ".so\n";
        o.arguments = {"-DFOREGROUND", "-f", folder.write("server.conf", config + printed)};
    }
    return o;
}

} // namespace

TEST_CASE("sluice config: what it prints serves a folder of programs behind each server")
{
    const std::string server = GENERATE("apache", "lighttpd", "nginx", "haproxy");
    const std::string mount = GENERATE("/cgi-bin", "/");
    const bool tcp = GENERATE(false, true);
    CAPTURE(server, mount, tcp);
    const temp_dir folder;
    folder.open_to_all();
    const auto script = folder.write("programs/a.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n"
                                                       "echo \"$SCRIPT_NAME|$PATH_INFO|$QUERY_STRING|"
                                                       "$HTTP_AUTHORIZATION\"\n");
    fs::permissions(script, fs::perms(0755));
    const std::string root = fs::canonical(script).parent_path();

    const free_port service_port, port;
    const std::vector<std::string> flags = {"--root",
                                            root,
                                            "--mount",
                                            mount,
                                            "--env",
                                            "HTTP_AUTHORIZATION",
                                            "--fastcgi",
                                            tcp ? "tcp:127.0.0.1:" + std::to_string(service_port.number())
                                                : "unix:" + (folder / "socket").string()};
    process_options service;
    service.command = {SLUICE_COMMAND, "run", "--socket-mode", "0666"};
    if (tcp)
        service.command.resize(2);
    service.command.insert(service.command.end(), flags.begin(), flags.end());
    service.stderr_file = folder / "service.log";
    process running(service);

    std::vector<std::string> ask = {SLUICE_COMMAND, "config", server};
    ask.insert(ask.end(), flags.begin(), flags.end());
    const said config(ask);
    REQUIRE(config.status == exit_status{0, 0});
    web_server front(configured(server, config.out, folder, port.number()));
    show_on_failure("the service", read_file(folder / "service.log"));

    const std::string prefix = mount == "/" ? "" : mount;
    const auto url = "http://127.0.0.1:" + std::to_string(port.number()) + prefix;
    const auto got = curl(url + "/a.cgi/path%20info?x=1", {"--header", "Authorization: Bearer me"});
    CHECK(got.complete());
    CHECK(got.response.body == prefix + "/a.cgi|/path info|x=1|Bearer me\n");
    CHECK(curl(url + "/nope.cgi").response.status == 404);
}

TEST_CASE("sluice config: wrong use is said in one line")
{
    const struct {
        std::vector<std::string> arguments;
        const char* says;
    } rows[] = {
        {{"iis"}, "must be apache, lighttpd, nginx or haproxy"},
        {{"nginx", "--mount", "cgi"}, "--mount cgi: must be a path"},
        {{"nginx", "--mount", "/a;}"}, "read differently"},
        {{"nginx", "--root", "/a b"}, "read differently"},
        {{"nginx", "--env", "A=1\ndaemon off;"}, "cannot be printed"},
        {{"nginx", "--max-processes", "0"}, "--max-processes 0: must be"},
        {{"nginx", "--pool", "x"}, "--pool x: must be"},
        {{"nginx", "--nope"}, "--nope"},
        {{"nginx", "--fastcgi", "9000"}, "unix:/path or tcp:host:port"},
        {{"nginx", "--fastcgi", "unix:socket"}, "must be a path"},
        {{"nginx", "--fastcgi", "tcp:host:"}, "unix:/path or tcp:host:port"},
        {{}, "SERVER"},
    };
    for (const auto& row : rows) {
        std::vector<std::string> command = {SLUICE_COMMAND, "config"};
        command.insert(command.end(), row.arguments.begin(), row.arguments.end());
        const said s(command);
        CAPTURE(row.says, s.err);
        CHECK(s.status == exit_status{2, 0});
        CHECK(s.out.empty());
        CHECK(s.err.find(row.says) != std::string::npos);
        CHECK(std::count(s.err.begin(), s.err.end(), '\n') == 1);
    }
}

} // namespace sluice::test
