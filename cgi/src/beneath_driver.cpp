// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "beneath_driver.hpp"

#include "script_path.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif

namespace sluice::cgi {
namespace {

using links = script_options::links;

constexpr int path_only = O_PATH | O_CLOEXEC;
constexpr int max_links = 40;    // MAXSYMLINKS of Linux
constexpr int max_steps = 4096;  // so that links to ".." a thousand times over come to an end
constexpr int max_attempts = 16; // EAGAIN: something was renamed meanwhile

unique_fd failure(int error) noexcept
{
    errno = error;
    return unique_fd();
}

unique_fd open_by_kernel(int root, const std::string& path, links symlinks)
{
#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
    open_how how{};
    how.flags = path_only;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    if (symlinks == links::none)
        how.resolve |= RESOLVE_NO_SYMLINKS;
    long fd = -1;
    for (int i = 0; i < max_attempts; ++i) {
        fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return unique_fd(static_cast<int>(fd));
#else
    static_cast<void>(root), static_cast<void>(path), static_cast<void>(symlinks);
    return failure(ENOSYS);
#endif
}

/// One lookup, component by component. No component is ever followed by the kernel.
class walk {
public:
    walk(const root_folder& root, links symlinks) : root_(root), symlinks_(symlinks) {}

    unique_fd to(std::string path)
    {
        unique_fd at = from_root();
        while (at) {
            const std::size_t begin = path.find_first_not_of('/');
            if (begin == std::string::npos)
                return at;
            if (++steps_ > max_steps)
                return failure(ELOOP);
            const std::size_t end = std::min(path.find('/', begin), path.size());
            const std::string part = path.substr(begin, end - begin);
            std::string rest = path.substr(end);
            if (part == ".") {
                path = std::move(rest);
                continue;
            }
            if (part == "..") {
                if (names_.empty())
                    return failure(EXDEV);
                // Not by "..": the folder may have been moved out of the root meanwhile.
                names_.pop_back();
                at = from_root();
                path = std::move(rest);
                continue;
            }
            unique_fd next(::openat(at.get(), part.c_str(), path_only | O_NOFOLLOW));
            struct stat st {};
            if (!next || ::fstat(next.get(), &st) != 0)
                return unique_fd();
            if (!S_ISLNK(st.st_mode)) {
                names_.push_back(part);
                at = std::move(next);
                path = std::move(rest);
                continue;
            }
            std::string target;
            if (!read_link(next.get(), target))
                return unique_fd();
            if (target.starts_with('/'))
                at = from_root();
            path = target + rest;
        }
        return at;
    }

private:
    bool read_link(int link, std::string& target)
    {
        if (symlinks_ == links::none || ++links_ > max_links) {
            errno = ELOOP;
            return false;
        }
        std::array<char, PATH_MAX> text;
        const ssize_t n = ::readlinkat(link, "", text.data(), text.size());
        if (n < 0)
            return false;
        target.assign(text.data(), static_cast<std::size_t>(n));
        if (!target.starts_with('/'))
            return true;
        for (const std::string& name : root_.names) {
            if (const auto inside = below(name, target)) {
                target = inside->empty() ? "/" : std::string(*inside);
                names_.clear();
                return true;
            }
        }
        errno = EXDEV;
        return false;
    }

    /// The folder that names_ leads to.
    unique_fd from_root()
    {
        unique_fd at(::openat(root_.fd.get(), ".", path_only | O_DIRECTORY));
        for (const std::string& name : names_) {
            if (!at || ++steps_ > max_steps)
                return at ? failure(ELOOP) : std::move(at);
            at = unique_fd(::openat(at.get(), name.c_str(), path_only | O_DIRECTORY | O_NOFOLLOW));
        }
        return at;
    }

    const root_folder& root_;
    links symlinks_;
    std::vector<std::string> names_; ///< where we are, below the root
    int steps_ = 0;
    int links_ = 0;
};

} // namespace

root_folder root_folder::open(const std::string& name)
{
    root_folder root;
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(name.c_str(), nullptr), &std::free);
    if (real == nullptr)
        return root;
    root.fd = unique_fd(::open(real.get(), path_only | O_DIRECTORY));
    root.real = real.get();
    root.names = {root.real, name};
    return root;
}

unique_fd open_beneath(const root_folder& root, const std::string& path, links symlinks)
{
    if (path.size() >= PATH_MAX)
        return failure(ENAMETOOLONG);
    if (symlinks == links::follow)
        return unique_fd(::openat(root.fd.get(), path.c_str(), path_only));
    if (unique_fd fd = open_by_kernel(root.fd.get(), path, symlinks))
        return fd;
    const bool kernel_cannot = errno == ENOSYS || errno == EPERM || errno == EAGAIN;
    if (kernel_cannot || (errno == EXDEV && symlinks == links::inside))
        return walk_beneath(root, path, symlinks);
    return unique_fd();
}

unique_fd walk_beneath(const root_folder& root, const std::string& path, links symlinks)
{
    return walk(root, symlinks).to(path);
}

} // namespace sluice::cgi
