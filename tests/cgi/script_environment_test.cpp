// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_environment.hpp>

#include "script_folder.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <set>

#include <sys/wait.h>
#include <unistd.h>

namespace sluice::test {

namespace {

using strings = std::vector<std::string>;

const cgi::found_script hello = {"/srv/app/hello.cgi", "/srv/app", "/app/hello.cgi", "/a b",
                                 "/srv/www/a b",       false};

/// One of our own variables, set as long as this lives.
class own_variable {
public:
    own_variable(const char* name, const char* value) : name_(name)
    {
        if (const char* old = std::getenv(name))
            old_ = old;
        value != nullptr ? ::setenv(name, value, 1) : ::unsetenv(name);
    }
    own_variable(const own_variable&) = delete;
    own_variable& operator=(const own_variable&) = delete;
    ~own_variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

private:
    const char* name_;
    std::optional<std::string> old_;
};

/// Neither TZ nor LANG, wherever the test runs.
struct nothing_of_ours {
    own_variable tz{"TZ", nullptr};
    own_variable lang{"LANG", nullptr};
};

std::string value_of(const strings& variables, std::string_view name)
{
    for (const std::string& v : variables) {
        if (v.starts_with(name) && v.substr(name.size(), 1) == "=")
            return v.substr(name.size() + 1);
    }
    return "(none)";
}

environment small_request()
{
    return environment_of({{"REQUEST_METHOD", "GET"},
                           {"SERVER_NAME", "h"},
                           {"SERVER_PORT", "80"},
                           {"SERVER_PROTOCOL", "HTTP/1.1"}});
}

} // namespace

TEST_CASE("R1-R9, R11: script_variables: all of RFC 3875 section 4.1, and what else the web server sent")
{
    const nothing_of_ours none;
    const auto request = environment_of({
        {"AUTH_TYPE", "Basic"},
        {"CONTENT_LENGTH", "12"},
        {"CONTENT_TYPE", "text/plain"},
        {"GATEWAY_INTERFACE", "CGI/1.2"},
        {"PATH_INFO", "/wrong"},
        {"PATH_TRANSLATED", "/wrong"},
        {"QUERY_STRING", "x=1"},
        {"REMOTE_ADDR", "192.0.2.1"},
        {"REMOTE_HOST", "client.example"},
        {"REMOTE_IDENT", "joe"},
        {"REMOTE_USER", "joe"},
        {"REQUEST_METHOD", "POST"},
        {"SCRIPT_NAME", "/wrong"},
        {"SERVER_NAME", "www.example"},
        {"SERVER_PORT", "443"},
        {"SERVER_PROTOCOL", "HTTP/1.1"},
        {"SERVER_SOFTWARE", "nginx/1.22.1"},
        {"REQUEST_URI", "/app/hello.cgi/a%20b?x=1"},
        {"SCRIPT_FILENAME", "/wrong"},
        {"DOCUMENT_ROOT", "/srv/www"},
        {"HTTPS", "on"},
        {"REQUEST_SCHEME", "https"},
        {"REMOTE_PORT", "4711"},
        {"SSL_CIPHER", "x"},
        {"REDIRECT_STATUS", "200"},
        {"GIT_PROJECT_ROOT", "/srv/git"},
        {"HTTP_USER_AGENT", "() { :; }; x"},
        {"HTTP_X_EMPTY", ""},
    });
    CHECK(cgi::script_variables(request, hello, {.pass = {}, .path = "/bin"}) ==
          strings{
              "AUTH_TYPE=Basic",
              "CONTENT_LENGTH=12",
              "CONTENT_TYPE=text/plain",
              "DOCUMENT_ROOT=/srv/www",
              "GATEWAY_INTERFACE=CGI/1.1",
              "GIT_PROJECT_ROOT=/srv/git",
              "HTTPS=on",
              "HTTP_USER_AGENT=() { :; }; x",
              "HTTP_X_EMPTY=",
              "PATH=/bin",
              "PATH_INFO=/a b",
              "PATH_TRANSLATED=/srv/www/a b",
              "QUERY_STRING=x=1",
              "REDIRECT_STATUS=200",
              "REMOTE_ADDR=192.0.2.1",
              "REMOTE_HOST=client.example",
              "REMOTE_IDENT=joe",
              "REMOTE_PORT=4711",
              "REMOTE_USER=joe",
              "REQUEST_METHOD=POST",
              "REQUEST_SCHEME=https",
              "REQUEST_URI=/app/hello.cgi/a%20b?x=1",
              "SCRIPT_FILENAME=/srv/app/hello.cgi",
              "SCRIPT_NAME=/app/hello.cgi",
              "SERVER_NAME=www.example",
              "SERVER_PORT=443",
              "SERVER_PROTOCOL=HTTP/1.1",
              "SERVER_SOFTWARE=nginx/1.22.1",
              "SSL_CIPHER=x",
          });
}

TEST_CASE("R5, R8: script_variables: what has to be there is, and what stands for nothing is not")
{
    const nothing_of_ours none;
    cgi::found_script script = hello;
    script.path_info.clear();
    auto request = small_request();
    request.add("REMOTE_ADDR", "192.0.2.1");
    request.add("PATH_INFO", "");
    request.add("PATH_TRANSLATED", "/srv/www");
    for (const char* name : {"AUTH_TYPE", "REMOTE_USER", "REMOTE_IDENT", "REMOTE_HOST", "HTTPS",
                             "CONTENT_TYPE", "CONTENT_LENGTH"})
        request.add(name, "");
    CHECK(cgi::script_variables(request, script) ==
          strings{
              "GATEWAY_INTERFACE=CGI/1.1",
              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
              "QUERY_STRING=",
              "REMOTE_ADDR=192.0.2.1",
              "REMOTE_HOST=192.0.2.1",
              "REQUEST_METHOD=GET",
              "SCRIPT_FILENAME=/srv/app/hello.cgi",
              "SCRIPT_NAME=/app/hello.cgi",
              "SERVER_NAME=h",
              "SERVER_PORT=80",
              "SERVER_PROTOCOL=HTTP/1.1",
              "SERVER_SOFTWARE=sluice",
          });
}

TEST_CASE("script_variables: PATH_TRANSLATED is left out where the path has none")
{
    cgi::found_script script = hello;
    script.path_translated.clear();
    auto request = small_request();
    request.add("PATH_TRANSLATED", "/srv/../etc");
    const auto variables = cgi::script_variables(request, script);
    CHECK(value_of(variables, "PATH_INFO") == "/a b");
    CHECK(value_of(variables, "PATH_TRANSLATED") == "(none)");
}

TEST_CASE("R10: no program is given what a peer could plant")
{
    const nothing_of_ours none;
    const auto plain = cgi::script_variables(small_request(), hello);
    const auto planted = GENERATE(
        as<std::string>(), "HTTP_PROXY", "PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "IFS",
        "SHELLOPTS", "BASH_FUNC_ls%%", "BASH_FUNC_ls()", "PERL5OPT", "PERL5LIB", "PYTHONPATH", "RUBYOPT",
        "NODE_OPTIONS", "GLIBC_TUNABLES", "GCONV_PATH", "FCGI_ROLE", "FCGI_WEB_SERVER_ADDRS", "SLUICE_LOG",
        "LISTEN_FDS", "LISTEN_PID", "NOTIFY_SOCKET", "WATCHDOG_USEC", "TZ", "LANG", "HOME", "ZDOTDIR",
        "http_proxy", "GIT_EXEC_PATH", "GIT_SSH_COMMAND", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS",
        "PHP_INI_SCAN_DIR", "OPENSSL_CONF", "DOTNET_STARTUP_HOOKS", "XDG_CONFIG_HOME", "", "1A", "A-B", "A B",
        "A=B", "\xC3\xA4", "HTTP_X\n");
    CAPTURE(planted);
    auto request = small_request();
    request.add(planted, "planted");
    request.add("HTTP_X_NUL", std::string_view("a\0b", 3));
    CHECK(cgi::script_variables(request, hello) == plain);
}

TEST_CASE("R10: no program is given HTTP_PROXY, whoever asks for it")
{
    const own_variable ours("HTTP_PROXY", "ours");
    auto request = small_request();
    request.add("HTTP_PROXY", "the client's");
    for (const std::string asked : {"HTTP_PROXY", "HTTP_PROXY=given"})
        CHECK(value_of(cgi::script_variables(request, hello, {.pass = {asked}}), "HTTP_PROXY") == "(none)");
}

TEST_CASE("script_variables: credentials go to programs that are to have them")
{
    auto request = small_request();
    request.add("HTTP_AUTHORIZATION", "Basic eDp5");
    request.add("HTTP_PROXY_AUTHORIZATION", "Basic eDp6");
    const own_variable ours("HTTP_PROXY_AUTHORIZATION", "ours");
    const auto credentials = [&](strings pass) {
        const auto variables = cgi::script_variables(request, hello, {.pass = std::move(pass)});
        return value_of(variables, "HTTP_AUTHORIZATION") + ", " +
               value_of(variables, "HTTP_PROXY_AUTHORIZATION");
    };
    CHECK(credentials({}) == "(none), (none)");
    CHECK(credentials({"HTTP_AUTHORIZATION"}) == "Basic eDp5, (none)");
    CHECK(credentials({"HTTP_PROXY_AUTHORIZATION"}) == "(none), Basic eDp6");
    request.erase("HTTP_PROXY_AUTHORIZATION");
    CHECK(credentials({"HTTP_PROXY_AUTHORIZATION"}) == "(none), (none)");
}

TEST_CASE("script_variables: of our own environment a program gets TZ, LANG and what it is to have")
{
    const own_variable tz("TZ", "Europe/Berlin"), lang("LANG", "C.UTF-8"), secret("SLUICE_TEST_A", "a"),
        other("OUR_B", "b"), absent("OUR_C", nullptr);
    auto request = small_request();
    request.add("OUR_B", "of the request");
    request.add("OUR_C", "of the request");
    const auto plain = cgi::script_variables(request, hello);
    CHECK(value_of(plain, "TZ") == "Europe/Berlin");
    CHECK(value_of(plain, "LANG") == "C.UTF-8");
    CHECK(value_of(plain, "SLUICE_TEST_A") == "(none)");
    CHECK(value_of(plain, "OUR_B") == "of the request");
    CHECK(value_of(plain, "HOME") == "(none)");

    const auto passed = cgi::script_variables(request, hello,
                                              {.pass = {"SLUICE_TEST_A", "OUR_B", "OUR_C", "PERL5LIB=/lib=x",
                                                        "TZ=", "PATH=/opt", "1=x", "=x", "A B=x"}});
    CHECK(value_of(passed, "SLUICE_TEST_A") == "a");
    CHECK(value_of(passed, "OUR_B") == "b");
    CHECK(value_of(passed, "OUR_C") == "of the request");
    CHECK(value_of(passed, "PERL5LIB") == "/lib=x");
    CHECK(value_of(passed, "TZ") == "");
    CHECK(value_of(passed, "PATH") == "/opt");
    CHECK(passed.size() == plain.size() + 2);
}

TEST_CASE("R16: no name comes twice, and the last counts")
{
    auto request = small_request();
    request.add("APP", "first");
    request.add("APP", "last");
    request.add("SCRIPT_NAME", "/wrong");
    request.add("SCRIPT_NAME", "/wrong too");
    const auto variables = cgi::script_variables(request, hello, {.pass = {"X=1", "X=2"}});
    std::set<std::string> names;
    for (const std::string& v : variables)
        CHECK(names.insert(v.substr(0, v.find('='))).second);
    CHECK(value_of(variables, "APP") == "last");
    CHECK(value_of(variables, "SCRIPT_NAME") == "/app/hello.cgi");
    CHECK(value_of(variables, "X") == "2");
}

TEST_CASE("R8: a body of unknown length has no CONTENT_LENGTH, and one of no bytes keeps its 0")
{
    auto request = small_request();
    request.add("HTTP_TRANSFER_ENCODING", "chunked");
    CHECK(value_of(cgi::script_variables(request, hello), "CONTENT_LENGTH") == "(none)");
    request.add("CONTENT_LENGTH", "0");
    CHECK(value_of(cgi::script_variables(request, hello), "CONTENT_LENGTH") == "0");
}

namespace {

/// What execve says to these variables: 0 or errno.
int exec_error(const strings& variables)
{
    std::vector<char*> environment;
    for (const std::string& v : variables)
        environment.push_back(const_cast<char*>(v.c_str()));
    environment.push_back(nullptr);
    char name[] = "/bin/true";
    char* arguments[] = {name, nullptr};
    const pid_t child = ::fork();
    if (child == 0) {
        ::execve(name, arguments, environment.data());
        ::_exit(errno);
    }
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

} // namespace

TEST_CASE("too_large: one string is refused where execve refuses it, with its name and size")
{
    const cgi::exec_limits limits;
    strings variables{"A=" + std::string(limits.string - 3, 'x')};
    CHECK_FALSE(cgi::too_large(variables, hello, limits));
    CHECK(exec_error(variables) == 0);

    variables[0] += 'x';
    const auto refused = cgi::too_large(variables, hello, limits);
    REQUIRE(refused);
    CHECK(refused->status == 431);
    CHECK(refused->why == "/srv/app/hello.cgi: A of 131072 bytes, and a program can be given one of 131071");
    CHECK(exec_error(variables) == E2BIG);

    variables[0] = std::string(200'000, 'N') + "=";
    CHECK(cgi::too_large(variables, hello, limits)->why.size() < 200);
}

TEST_CASE("too_large: all together are refused before execve would")
{
    const long total = ::sysconf(_SC_ARG_MAX);
    REQUIRE(total > 0);
    cgi::exec_limits limits;
    limits.total = static_cast<std::size_t>(total);
    strings variables;
    int added = 0;
    // Small ones, so that the pointers count.
    while (!cgi::too_large(variables, hello, limits) && added < 2'000'000) {
        for (int i = 0; i < 1000; ++i, ++added)
            variables.push_back("A=0123456789");
    }
    CHECK(cgi::too_large(variables, hello, limits)->status == 431);
    while (!variables.empty() && cgi::too_large(variables, hello, limits))
        variables.pop_back();
    CHECK(variables.size() > 1000);
    CHECK(exec_error(variables) == 0);
}

} // namespace sluice::test
