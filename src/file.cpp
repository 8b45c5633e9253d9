// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/file_threads.hpp>
#include <sluice/file.hpp>
#include <sluice/response_body.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif

namespace sluice {

namespace {

// O_NONBLOCK: to open a FIFO must not wait for its writer.
constexpr int open_flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

static_assert(sizeof(off_t) == 8, "compile with -D_FILE_OFFSET_BITS=64: files are larger than 2 GiB");

constexpr int open_attempts = 16; // EAGAIN: something on the way was renamed meanwhile

error_code system_code(int error) noexcept
{
    return {error, boost::system::system_category()};
}

int openat_beneath(int root, const char* path) noexcept
{
#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
    open_how how{};
    how.flags = open_flags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    long fd = -1;
    for (int i = 0; i < open_attempts; ++i) {
        fd = ::syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN)
            break;
    }
    return static_cast<int>(fd);
#else
    static_cast<void>(root), static_cast<void>(path);
    errno = ENOSYS;
    return -1;
#endif
}

/// A part of a file, `left` bytes from `at`: neither more nor less goes out, whatever becomes of the file meanwhile (F28).
class file_source final : public body_source {
public:
    file_source(file f, std::uint64_t offset, std::uint64_t length) noexcept
        : file_(std::move(f)), at_(offset), left_(length)
    {}

    std::optional<std::uint64_t> length() const override { return left_; }

    std::optional<std::size_t> try_read(boost::asio::mutable_buffer to) override
    {
        if (left_ == 0)
            return 0;
        const auto n = file_.try_read_at(at_, wanted(to));
        if (n)
            count(*n);
        return n;
    }

    task<std::size_t> read(boost::asio::mutable_buffer to) override
    {
        if (left_ == 0)
            co_return 0;
        const auto n = co_await file_.read_at(at_, wanted(to));
        if (n == 0)
            throw system_error(boost::asio::error::eof,
                               fmt::format("the file '{}' has shrunk while it was sent: it ends at byte {}, "
                                           "{} more were announced",
                                           file_.path(), at_, left_));
        count(n);
        co_return n;
    }

private:
    boost::asio::mutable_buffer wanted(boost::asio::mutable_buffer to) const noexcept
    {
        return {to.data(), static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), left_))};
    }
    void count(std::size_t n) noexcept
    {
        at_ += n;
        left_ -= n;
    }

    file file_;
    std::uint64_t at_, left_;
};

} // namespace

file::~file()
{
    if (fd_ >= 0)
        ::close(fd_);
}

file file::open(const std::string& path, error_code& ec)
{
    ec = {};
    file f;
    if (path.find('\0') != path.npos)
        ec = system_code(EINVAL);
    else
        f.adopt(::open(path.c_str(), open_flags), path, ec);
    return f;
}

file file::open(const std::string& path)
{
    error_code ec;
    auto f = open(path, ec);
    if (ec)
        throw system_error(ec, fmt::format("sluice::file::open: '{}'", path));
    return f;
}

file file::open_beneath(const std::string& root, std::string_view path, error_code& ec)
{
    ec = {};
    file f;
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    const std::string name(path.empty() ? "." : path);
    if (name.find('\0') != name.npos || root.find('\0') != root.npos) {
        ec = system_code(EINVAL);
        return f;
    }
    const int folder = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        ec = system_code(errno);
        return f;
    }
    const int fd = openat_beneath(folder, name.c_str());
    const int error = errno;
    ::close(folder);
    errno = error;
    f.adopt(fd, root + '/' + name, ec);
    return f;
}

void file::adopt(int fd, std::string path, error_code& ec)
{
    if (fd < 0) {
        // What ENXIO says of a socket is no help to anybody.
        ec = system_code(errno == ENXIO ? ENOTSUP : errno);
        return;
    }
    struct stat st {};
    if (::fstat(fd, &st) != 0)
        ec = system_code(errno);
    else if (S_ISDIR(st.st_mode))
        ec = system_code(EISDIR);
    else if (!S_ISREG(st.st_mode))
        ec = system_code(ENOTSUP);
    if (ec) {
        ::close(fd);
        return;
    }
    fd_ = fd;
    path_ = std::move(path);
    size_ = static_cast<std::uint64_t>(st.st_size);
    last_modified_ = st.st_mtim;
    // Nearly all is read from one end to the other: what a thread waits for is then there for the reads behind it.
    static_cast<void>(::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL));
}

void file::fail(int error, std::uint64_t offset) const
{
    throw system_error(system_code(error), fmt::format("reading the file '{}' at byte {}", path_, offset));
}

std::optional<std::size_t> file::try_read_at(std::uint64_t offset, boost::asio::mutable_buffer to)
{
    if (!nowait_)
        return std::nullopt;
    const iovec room{to.data(), to.size()};
    const auto n = ::preadv2(fd_, &room, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (n > 0)
        return static_cast<std::size_t>(n);
    // 0 is no answer: Linux 5.9 and 5.10 give it in mid-file (BUGS of preadv2(2)).
    if (n == 0 || errno == EAGAIN || errno == EINTR)
        return std::nullopt;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        fail(errno, offset);
    nowait_ = false; // tmpfs and FUSE, among others
    return std::nullopt;
}

task<std::size_t> file::read_at(std::uint64_t offset, boost::asio::mutable_buffer to)
{
    if (const auto n = try_read_at(offset, to))
        co_return *n;
    ssize_t n = 0;
    int error = 0;
    const executor own = co_await boost::asio::this_coro::executor;
    co_await detail::file_threads::of(own).run([&, fd = fd_]() noexcept {
        do
            n = ::pread(fd, to.data(), to.size(), static_cast<off_t>(offset));
        while (n < 0 && errno == EINTR);
        error = errno;
    });
    if (n < 0)
        fail(error, offset);
    co_return static_cast<std::size_t>(n);
}

response_body::response_body(file f)
{
    const auto size = f.size();
    source_ = std::make_unique<file_source>(std::move(f), 0, size);
}

response_body::response_body(file f, std::uint64_t offset, std::uint64_t length)
    : source_(std::make_unique<file_source>(std::move(f), offset, length))
{}

} // namespace sluice
