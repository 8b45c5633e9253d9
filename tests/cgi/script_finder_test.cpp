// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_finder.hpp>

#include "script_folder.hpp"
#include "support/catch.hpp"

#include <climits>
#include <stdexcept>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace sluice::test {

using Catch::Matchers::Contains;

namespace {

struct tree : script_folder {
    tree()
    {
        program("root/a.cgi");
        program("root/sub/nph-b.cgi");
        program("root/tool");
        program("root/.a.cgi");
        program("secret.cgi");
        write("root/plain.cgi", "no program");
        REQUIRE(::mkfifo(at("root/fifo.cgi").c_str(), 0777) == 0);
    }

    cgi::script_options options() const
    {
        cgi::script_options o;
        o.root = at("root");
        return o;
    }

    std::variant<cgi::found_script, cgi::script_refusal> find(std::string_view path) const
    {
        return cgi::script_finder(options()).find(environment_of({{"SCRIPT_NAME", path}}));
    }
};

} // namespace

TEST_CASE("script_finder: what is left behind the program is PATH_INFO as it came")
{
    const tree dir;
    struct {
        const char *path, *found;
    } const table[] = {
        {"/a.cgi", "/a.cgi | /a.cgi | "},
        {"/a.cgi/", "/a.cgi | /a.cgi | /"},
        {"/a.cgi//x//", "/a.cgi | /a.cgi | //x//"},
        {"/a.cgi/../../secret.cgi", "/a.cgi | /a.cgi | /../../secret.cgi"},
        {"/a.cgi/%2e%41", "/a.cgi | /a.cgi | /%2e%41"},
        {"//./sub///./nph-b.cgi/x/.", "/sub/nph-b.cgi | /sub/nph-b.cgi | /x/."},
    };
    for (const auto& row : table) {
        INFO(row.path);
        CHECK(text_of(dir.find(row.path)) == dir.at("root") + row.found);
    }
    const auto long_info = '/' + std::string(2 * PATH_MAX, 'x');
    CHECK(text_of(dir.find("/a.cgi" + long_info)) == dir.at("root") + "/a.cgi | /a.cgi | " + long_info);
}

TEST_CASE("script_finder: a program that writes its own head is told by its name")
{
    const tree dir;
    const auto result = dir.find("/sub/nph-b.cgi");
    REQUIRE(std::holds_alternative<cgi::found_script>(result));
    CHECK(std::get<cgi::found_script>(result).nph);
    CHECK(std::get<cgi::found_script>(result).directory == dir.at("root/sub"));
}

TEST_CASE("script_finder: what is no program is refused, and the log is told the path")
{
    const tree dir;
    std::string deep;
    while (deep.size() < 2 * PATH_MAX)
        deep += "/.";
    deep += "/" + std::string(NAME_MAX, 'x');
    struct {
        std::string path;
        const char* why;
    } const table[] = {
        {"", "403 \"ROOT/\": a folder, and no index file"},
        {"/", "403 \"ROOT/\": a folder, and no index file"},
        {"/sub", "403 \"ROOT/sub\": a folder, and no index file"},
        {"/sub//", "403 \"ROOT/sub\": a folder, and no index file"},
        {"/none.cgi", "404 \"ROOT/none.cgi\": No such file"},
        {"/none/a.cgi", "404 \"ROOT/none\": No such file"},
        {"/plain.cgi/x", "403 \"ROOT/plain.cgi\": not executable"},
        {"/fifo.cgi", "403 \"ROOT/fifo.cgi\": neither a folder nor a regular file"},
        {"/fifo.cgi/x", "403 \"ROOT/fifo.cgi\": neither a folder nor a regular file"},
        {"/..", "403 \"/..\": \"..\" before the program"},
        {"/../secret.cgi", "403 \"/../secret.cgi\": \"..\" before the program"},
        {"/sub/../a.cgi", "403 \"/sub/../a.cgi\": \"..\" before the program"},
        {"/..\\secret.cgi", "404 \"ROOT/..\\x5Csecret.cgi\": No such file"},
        {"/a\n\x7F.cgi", "404 \"ROOT/a\\x0A\\x7F.cgi\": No such file"},
        {'/' + std::string(NAME_MAX, 'x'), "404 \"ROOT/xxx"},
        {'/' + std::string(NAME_MAX + 1, 'x'), "404 \"/xxx"},
        {deep, "404 \"ROOT/xxx"},
        {std::string("/a.cgi\0/x", 9), "404 \"/a.cgi\\x00/x\": a NUL byte"},
    };
    for (const auto& row : table) {
        INFO(row.path.substr(0, 100));
        auto wanted = std::string(row.why);
        if (const auto at = wanted.find("ROOT"); at != std::string::npos)
            wanted.replace(at, 4, dir.at("root"));
        const auto said = text_of(dir.find(row.path));
        CHECK_THAT(said, Catch::Matchers::StartsWith(wanted));
        CHECK(said.size() < 600);
    }
}

TEST_CASE("script_finder: a program so deep that its name cannot be given to execve is not there")
{
    const script_folder dir;
    const std::string name(200, 'n');
    // Made from folder to folder: no system call takes the whole of it.
    int at = ::open(dir.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    std::string path;
    while (path.size() + dir.path().native().size() < PATH_MAX) {
        REQUIRE(::mkdirat(at, name.c_str(), 0777) == 0);
        const int next = ::openat(at, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        REQUIRE(next >= 0);
        ::close(at);
        at = next;
        path += '/' + name;
    }
    ::close(at);
    cgi::script_options options;
    options.root = dir.path().native();
    const auto said =
        text_of(cgi::script_finder(options).find(environment_of({{"SCRIPT_NAME", path + "/x"}})));
    CHECK_THAT(said, Catch::Matchers::StartsWith("404 ") && Catch::Matchers::EndsWith("File name too long"));
}

TEST_CASE("script_finder: with patterns only files of such names are programs")
{
    const tree dir;
    auto options = dir.options();
    options.patterns = {"*.pl", "*.cgi"};
    const cgi::script_finder finder(options);
    const auto said = [&](const char* path) {
        return text_of(finder.find(environment_of({{"SCRIPT_NAME", path}})));
    };
    CHECK(said("/a.cgi/x") == dir.at("root/a.cgi | /a.cgi | /x"));
    CHECK(said("/sub/nph-b.cgi") == dir.at("root/sub/nph-b.cgi | /sub/nph-b.cgi | "));
    CHECK_THAT(said("/tool"), Contains("403 ") && Contains("no pattern"));
    CHECK_THAT(said("/tool/a.cgi"), Contains("403 ") && Contains("no pattern"));
    CHECK_THAT(said("/.a.cgi"), Contains("403 ") && Contains("no pattern"));
}

TEST_CASE("script_finder: SCRIPT_FILENAME counts below the root only")
{
    const tree dir;
    const cgi::script_finder finder(dir.options());
    const auto said = [&](std::string file) {
        return text_of(finder.find(environment_of({{"SCRIPT_NAME", "/tool"}, {"SCRIPT_FILENAME", file}})));
    };
    CHECK(said(dir.at("root/a.cgi")) == dir.at("root/a.cgi | /tool | "));
    CHECK(said("/bin/sh") == dir.at("root/tool | /tool | "));
    CHECK(said(dir.at("root")) == dir.at("root/tool | /tool | "));
    CHECK(said(dir.at("root.cgi")) == dir.at("root/tool | /tool | "));
    CHECK(said("a.cgi") == dir.at("root/tool | /tool | "));
    CHECK_THAT(said(dir.at("root/../secret.cgi")), Contains("403 ") && Contains("\"..\" before the program"));
}

TEST_CASE("script_finder: a root that is asked for by a symlink is the same root by both names")
{
    const tree dir;
    std::filesystem::create_directory_symlink("root", dir / "link");
    cgi::script_options options;
    options.root = dir.at("link/.");
    const cgi::script_finder finder(options);
    for (const char* name : {"root/a.cgi", "link/a.cgi"}) {
        const auto env = environment_of({{"SCRIPT_NAME", "/x"}, {"SCRIPT_FILENAME", dir.at(name)}});
        CHECK(text_of(finder.find(env)) == dir.at("root/a.cgi | /x | "));
    }
}

TEST_CASE("script_finder: one program for every path takes the path as PATH_INFO")
{
    const tree dir;
    cgi::script_options options;
    options.script = dir.at("./secret.cgi");
    const auto env = environment_of({{"SCRIPT_NAME", "/git"},
                                     {"PATH_INFO", "/a.git/info"},
                                     {"SCRIPT_FILENAME", "/bin/sh"},
                                     {"DOCUMENT_ROOT", "/srv/www"}});
    const auto translated = [&] {
        return std::get<cgi::found_script>(cgi::script_finder(options).find(env)).path_translated;
    };
    CHECK(text_of(cgi::script_finder(options).find(env)) == dir.at("secret.cgi | /git | /a.git/info"));
    CHECK(translated() == "/srv/www/a.git/info");
    options.root = dir.at("root");
    CHECK(translated() == dir.at("root/a.git/info"));

    const cgi::script_finder finder(options);
    std::filesystem::remove(dir / "secret.cgi");
    CHECK_THAT(text_of(finder.find(env)), Catch::Matchers::StartsWith("404 "));
}

TEST_CASE("script_finder: what cannot work is said at the start, in words")
{
    const tree dir;
    const auto complaint = [](std::string root, std::string script) -> std::string {
        cgi::script_options options;
        options.root = std::move(root);
        options.script = std::move(script);
        try {
            const cgi::script_finder finder(options);
        } catch (const std::invalid_argument& e) {
            return e.what();
        }
        return "nothing";
    };
    CHECK(complaint(dir.at("root"), dir.at("secret.cgi")) == "nothing");
    CHECK(complaint(dir.at("none"), "") == "root \"" + dir.at("none") + "\": No such file or directory");
    CHECK(complaint(dir.at("secret.cgi"), "") == "root \"" + dir.at("secret.cgi") + "\": Not a directory");
    CHECK(complaint("", dir.at("none")) == "script \"" + dir.at("none") + "\": No such file or directory");
    CHECK_THAT(complaint("", dir.at("root/plain.cgi")), Contains("not executable"));
    CHECK_THAT(complaint("", dir.at("root/fifo.cgi")), Contains("no regular file"));
    CHECK_THAT(complaint("", dir.at("root")), Contains("no regular file"));
}

TEST_CASE("script_finder: without a root there must be a DOCUMENT_ROOT that is a folder")
{
    const tree dir;
    const cgi::script_finder finder{cgi::script_options()};
    const auto said = [&](std::string_view folder) {
        return text_of(finder.find(environment_of({{"SCRIPT_NAME", "/a.cgi"}, {"DOCUMENT_ROOT", folder}})));
    };
    CHECK(said(dir.at("root")) == dir.at("root/a.cgi | /a.cgi | "));
    CHECK_THAT(said(""), Contains("403 ") && Contains("no root is set"));
    CHECK_THAT(said("root"), Contains("403 ") && Contains("no absolute path"));
    CHECK_THAT(said(std::string_view("/\0", 2)), Contains("403 ") && Contains("no absolute path"));
    CHECK_THAT(said(dir.at("none")), Catch::Matchers::StartsWith("404 "));
    CHECK_THAT(said(dir.at("secret.cgi")), Catch::Matchers::StartsWith("404 "));
}

TEST_CASE("script_finder: a set-uid program is a program")
{
    const tree dir;
    REQUIRE(::chmod(dir.at("root/a.cgi").c_str(), 04755) == 0);
    CHECK(text_of(dir.find("/a.cgi")) == dir.at("root/a.cgi | /a.cgi | "));
}

TEST_CASE("script_finder: out of descriptors it says so, and leaks none")
{
    const tree dir;
    const cgi::script_finder finder(dir.options());
    const auto env = environment_of({{"SCRIPT_NAME", "/sub/nph-b.cgi"}});
    // The words of an error once before: the sanitizer needs descriptors to look at a type for the first time.
    CHECK_THAT(text_of(finder.find(environment_of({{"SCRIPT_NAME", "/nope"}}))),
               Catch::Matchers::StartsWith("404 "));
    struct rlimit old {};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
    const int next = ::dup(0);
    ::close(next);
    // One for the root, one for what is looked at.
    for (const int room : {0, 1, 2}) {
        const struct rlimit few {
            static_cast<rlim_t>(next + room), old.rlim_max
        };
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
        std::string said;
        for (int i = 0; i < 10; ++i)
            said = text_of(finder.find(env));
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
        CHECK_THAT(said, Catch::Matchers::StartsWith(room == 2 ? dir.at("root/sub/nph-b.cgi") : "503 "));
    }
}

} // namespace sluice::test
