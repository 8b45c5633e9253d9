// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// git's own CGI program behind `sluice run --script`, and the git program as its client.
#include "interop/probe_client.hpp"
#include "interop/servers/lighttpd.hpp"
#include "interop/servers/nginx.hpp"
#include "interop/servers/script_site.hpp"
#include "support/catch.hpp"
#include "support/records.hpp"

namespace sluice::test {

namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

const std::string backend = "/usr/lib/git-core/git-http-backend";

struct git_site : script_site {
    explicit git_site(bool nginx) : script_site("/cgi-bin")
    {
        if (!fs::exists(backend))
            throw std::runtime_error(backend + " is missing; these tests need it: apt-get install git");
        git({"init", "--quiet", "--bare", (folder / "repos/big.git").string()});
        git({"-C", (folder / "repos/big.git").string(), "config", "http.receivepack", "true"});
        start_script_service(*this,
                             {"--script", backend, "--env", "GIT_PROJECT_ROOT=" + (folder / "repos").string(),
                              "--env", "GIT_HTTP_EXPORT_ALL=1"});
        if (nginx)
            start_nginx(*this, "", snippet("nginx"));
        else
            start_lighttpd(*this, response_body::buffered, snippet("lighttpd"), {});
    }

    process_options command(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), {"git", "-c", "user.name=a", "-c", "user.email=a@b", "-c",
                                             "init.defaultBranch=main", "-c", "core.compression=0"});
        return {.command = std::move(arguments),
                .environment = {{"HOME", folder.path()},
                                {"GIT_CONFIG_NOSYSTEM", "1"},
                                {"GIT_TERMINAL_PROMPT", "0"},
                                {"no_proxy", "*"}},
                .stderr_file = folder / "git.log"};
    }

    void git(const std::vector<std::string>& arguments) const
    {
        process run(command(arguments));
        const auto status = run.wait_for(seconds(60));
        INFO("git " << arguments.front() << ":\n" << read_file(folder / "git.log"));
        REQUIRE(status == exit_status{0, 0});
    }

    // Two commits, 10 MiB each.
    void push() const
    {
        const auto work = (folder / "work").string();
        git({"init", "--quiet", work});
        for (const unsigned commit : {1u, 2u}) {
            folder.write("work/file", pattern(10 * 1024 * 1024, commit));
            git({"-C", work, "add", "file"});
            git({"-C", work, "commit", "--quiet", "--message", "a"});
        }
        git({"-C", work, "push", "--quiet", url("/big.git"), "HEAD:refs/heads/main"});
    }
};

} // namespace

TEST_CASE("git http-backend: push, clone and shallow clone of 20 MiB", "[scripts]")
{
    const bool nginx = GENERATE(false, true);
    CAPTURE(nginx);
    git_site site(nginx);
    site.push();
    for (const std::string depth : {"", "--depth=1"}) {
        const auto name = "copy" + depth;
        std::vector<std::string> arguments = {"clone", "--quiet", "--branch", "main"};
        if (!depth.empty())
            arguments.push_back(depth);
        arguments.insert(arguments.end(), {site.url("/big.git"), (site.folder / name).string()});
        site.git(arguments);
        CHECK(difference(read_file(site.folder / (name + "/file")), pattern(10 * 1024 * 1024, 2)) == "");
        CHECK(fs::exists(site.folder / (name + "/.git/shallow")) == !depth.empty());
        site.git({"-C", (site.folder / name).string(), "fsck", "--full"});
    }
    CHECK(becomes_true([&] { return site.script_processes().empty(); }, seconds(10)));
}

TEST_CASE("F10: git http-backend: a clone given up half-way leaves no process", "[scripts]")
{
    const bool nginx = GENERATE(false, true);
    CAPTURE(nginx);
    git_site site(nginx);
    site.push();
    // On a busy machine it may be done before anybody has looked.
    bool half_way = false;
    for (int attempt = 0; attempt < 5 && !half_way; ++attempt) {
        const auto copy = site.folder / ("copy" + std::to_string(attempt));
        process clone(site.command({"clone", "--quiet", site.url("/big.git"), copy.string()}));
        const auto pack_begun = [&] {
            std::error_code none;
            for (fs::directory_iterator at(copy / ".git/objects/pack", none), end; at != end;
                 at.increment(none))
                if (at->path().filename().string().starts_with("tmp_pack") && at->file_size(none) > 0)
                    return true;
            return false;
        };
        const auto deadline = std::chrono::steady_clock::now() + seconds(20);
        while (!pack_begun() && clone.running() && std::chrono::steady_clock::now() < deadline)
            std::this_thread::sleep_for(std::chrono::milliseconds(1)); // the pause between two looks
        half_way = clone.running() && pack_begun();
        clone.kill();
    }
    REQUIRE(half_way);
    CHECK(becomes_true([&] { return site.script_processes().empty(); }, seconds(10)));
    CHECK(site.script_processes() == std::vector<std::string>());
}

} // namespace sluice::test
