// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_finder.hpp>

#include "beneath_driver.hpp"
#include "script_folder.hpp"
#include "support/catch.hpp"

#include <cerrno>
#include <cstddef>
#include <thread>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

namespace sluice::test {

namespace {

using links = cgi::script_options::links;

// What each link leads to under each policy: the file it is, or the status of the refusal.
struct row {
    const char* path;
    const char* inside;
    const char* none;
    const char* follow;
};

constexpr row table[] = {
    {"a.cgi", "a.cgi", "a.cgi", "a.cgi"},
    {"sub/b.cgi", "sub/b.cgi", "sub/b.cgi", "sub/b.cgi"},
    {"relative.cgi", "sub/b.cgi", "403", "sub/b.cgi"},
    {"sub/up.cgi", "a.cgi", "403", "a.cgi"},
    {"folder/b.cgi", "sub/b.cgi", "403", "sub/b.cgi"},
    {"folder/up.cgi", "a.cgi", "403", "a.cgi"},
    {"absolute.cgi", "a.cgi", "403", "a.cgi"},
    {"absolute-folder/b.cgi", "sub/b.cgi", "403", "sub/b.cgi"},
    {"to-root/a.cgi", "a.cgi", "403", "a.cgi"},
    {"chain.cgi", "sub/b.cgi", "403", "sub/b.cgi"},
    {"outside.cgi", "403", "403", "../secret.cgi"},
    {"absolute-outside.cgi", "403", "403", "../secret.cgi"},
    {"beside.cgi", "403", "403", "../root-beside/x.cgi"},
    {"out/secret.cgi", "403", "403", "../secret.cgi"},
    {"out-and-in.cgi", "403", "403", "a.cgi"},
    {"sub/far-up.cgi", "403", "403", "../secret.cgi"},
    {"dangling.cgi", "404", "403", "404"},
    {"loop.cgi", "403", "403", "403"},
    {"loop/x.cgi", "403", "403", "403"},
    {"a.cgi/x", "404", "404", "404"},
    {"sub/none.cgi", "404", "404", "404"},
};

struct tree : script_folder {
    tree()
    {
        program("root/a.cgi");
        program("root/sub/b.cgi");
        program("root-beside/x.cgi");
        program("secret.cgi");
        const auto link = [&](std::string_view to, const char* name) {
            std::filesystem::create_symlink(to, *this / "root" / name);
        };
        link("sub/b.cgi", "relative.cgi");
        link("../a.cgi", "sub/up.cgi");
        link("sub/", "folder");
        link(at("root/a.cgi"), "absolute.cgi");
        link(at("root/sub"), "absolute-folder");
        link(at("root"), "to-root");
        link("folder/../relative.cgi", "chain.cgi");
        link("../secret.cgi", "outside.cgi");
        link(at("secret.cgi"), "absolute-outside.cgi");
        link(at("root-beside/x.cgi"), "beside.cgi");
        link("..", "out");
        link("../root/a.cgi", "out-and-in.cgi");
        link("../../secret.cgi", "sub/far-up.cgi");
        link("none.cgi", "dangling.cgi");
        link("loop", "loop");
        link("loop.cgi", "loop.cgi");
    }

    cgi::script_finder finder(links policy) const
    {
        cgi::script_options options;
        options.root = at("root");
        options.symlinks = policy;
        return cgi::script_finder(options);
    }
};

const char* of(const row& r, links policy)
{
    return policy == links::inside ? r.inside : policy == links::none ? r.none : r.follow;
}

bool is_status(std::string_view wanted)
{
    return wanted == "403" || wanted == "404";
}

/// The first row that `finder` sees otherwise; "" when there is none.
std::string first_difference(const tree& dir, links policy)
{
    const auto finder = dir.finder(policy);
    for (const row& r : table) {
        const std::string path = '/' + std::string(r.path);
        std::string wanted = of(r, policy);
        const auto said = text_of(finder.find(environment_of({{"SCRIPT_NAME", path}})));
        if (path == "/a.cgi/x") // no link of a folder: PATH_INFO
            wanted = dir.at("root/a.cgi | /a.cgi | /x");
        else if (!is_status(wanted))
            wanted = dir.at("root") + path + " | " + path + " | ";
        if (said.substr(0, wanted.size()) != wanted)
            return path + ": " + said + ", not " + wanted;
    }
    return {};
}

int openat2_error()
{
    const long fd = ::syscall(SYS_openat2, -1, "", nullptr, 0);
    return fd < 0 ? errno : 0;
}

/// Runs `f` in a thread whose openat2 fails with `error`, as under a seccomp filter that does not know it.
template <class F>
bool without_openat2(int error, F f)
{
    bool filtered = false;
    std::thread([&] {
        sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const sock_fprog program{static_cast<unsigned short>(std::size(code)), code};
        filtered = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 && openat2_error() == error;
        if (filtered)
            f();
    }).join();
    return filtered;
}

} // namespace

TEST_CASE("script_finder: symlinks are followed as the policy says")
{
    const tree dir;
    for (const links policy : {links::inside, links::none, links::follow}) {
        CAPTURE(static_cast<int>(policy));
        CHECK(first_difference(dir, policy) == "");
    }
}

TEST_CASE("script_finder: where openat2 is refused, the same is found")
{
    const tree dir;
    for (const int error : {ENOSYS, EPERM}) {
        for (const links policy : {links::inside, links::none, links::follow}) {
            CAPTURE(error, static_cast<int>(policy));
            std::string difference = "not run";
            REQUIRE(without_openat2(error, [&] { difference = first_difference(dir, policy); }));
            CHECK(difference == "");
        }
    }
}

TEST_CASE("script_finder: the kernel and the walk come to the same file, or to the same error")
{
    const tree dir;
    const auto root = cgi::root_folder::open(dir.at("root"));
    REQUIRE(root.fd);
    const auto found = [](const cgi::unique_fd& fd) {
        const int error = errno;
        struct stat st {};
        return fd && ::fstat(fd.get(), &st) == 0 ? std::pair(0, st.st_ino) : std::pair(error, ino_t{0});
    };
    for (const links policy : {links::inside, links::none}) {
        for (const row& r : table) {
            CAPTURE(r.path, static_cast<int>(policy));
            const auto by_kernel = found(cgi::open_beneath(root, r.path, policy));
            const auto by_walk = found(cgi::walk_beneath(root, r.path, policy));
            CHECK(by_kernel == by_walk);
            struct stat wanted {};
            if (!is_status(of(r, policy))) {
                REQUIRE(::stat(dir.at("root/" + std::string(of(r, policy))).c_str(), &wanted) == 0);
                CHECK(by_walk == std::pair(0, wanted.st_ino));
            } else {
                CHECK(by_walk.first != 0);
            }
        }
    }
}

TEST_CASE("script_finder: a link that climbs and falls without end comes to one")
{
    const tree dir;
    std::string climb;
    for (int i = 0; i < 500; ++i)
        climb += "sub/../";
    std::string target = "a.cgi";
    for (const char* name : {"1.cgi", "2.cgi", "3.cgi", "4.cgi", "5.cgi"}) {
        std::filesystem::create_symlink(climb + target, dir.at("root/" + std::string(name)));
        target = name;
    }
    const auto root = cgi::root_folder::open(dir.at("root"));
    CHECK(cgi::walk_beneath(root, "1.cgi", links::inside));
    CHECK_FALSE(cgi::walk_beneath(root, "5.cgi", links::inside));
    CHECK(errno == ELOOP);
}

} // namespace sluice::test
