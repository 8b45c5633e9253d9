// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/spill_file.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sluice::detail {

namespace {

constexpr std::uint64_t punch_size = 4 * 1024 * 1024;

error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

int open_unlinked() noexcept
{
    const char* directory = std::getenv("TMPDIR");
    if (!directory || !*directory)
        directory = "/tmp";
    const int fd = ::open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
        return fd;
    // A file system without O_TMPFILE.
    try {
        std::string name = std::string(directory) + "/sluice-XXXXXX";
        const int named = ::mkostemp(name.data(), O_CLOEXEC);
        if (named >= 0)
            ::unlink(name.c_str());
        return named;
    } catch (...) {
        errno = ENOMEM;
        return -1;
    }
}

} // namespace

error_code spill_file::write(std::span<const std::byte> bytes) noexcept
{
    const auto ec = write_at(end_, bytes);
    if (!ec)
        end_ += bytes.size();
    return ec;
}

error_code spill_file::write_before(std::span<const std::byte> bytes) noexcept
{
    const auto ec = write_at(begin_ - bytes.size(), bytes);
    if (!ec)
        begin_ -= bytes.size();
    return ec;
}

error_code spill_file::write_at(std::uint64_t at, std::span<const std::byte> bytes) noexcept
{
    if (fd_ < 0 && (fd_ = open_unlinked()) < 0)
        return last_error();
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
        if (n < 0 && errno != EINTR)
            return last_error();
        if (n > 0)
            done += static_cast<std::size_t>(n);
    }
    return {};
}

std::size_t spill_file::read_at(std::uint64_t position, std::span<std::byte> to,
                                error_code& ec) const noexcept
{
    const auto left = size() - std::min(size(), position);
    to = to.first(static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), left)));
    std::size_t done = 0;
    while (done < to.size()) {
        const auto at = static_cast<off_t>(begin_ + position + done);
        const auto n = ::pread(fd_, to.data() + done, to.size() - done, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            ec = n < 0 ? last_error() : error_code(EIO, boost::system::system_category());
            return done;
        }
        done += static_cast<std::size_t>(n);
    }
    return done;
}

std::size_t spill_file::read(std::span<std::byte> to, error_code& ec) noexcept
{
    const auto done = read_at(0, to, ec);
    begin_ += done;
    // Disk space goes back, in large pieces, also of a reader who never catches up.
    if (begin_ - punched_ >= punch_size && begin_ < end_) {
        static_cast<void>(::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                      static_cast<off_t>(punched_),
                                      static_cast<off_t>(begin_ - punched_)) == 0);
        punched_ = begin_;
    }
    if (begin_ == end_ && done > 0) {
        begin_ = end_ = punched_ = 0;
        // The disk space goes back now; a file that cannot be cut is written over instead.
        static_cast<void>(::ftruncate(fd_, 0) == 0);
    }
    return done;
}

void spill_file::close() noexcept
{
    if (fd_ >= 0)
        ::close(fd_);
    fd_ = -1;
    begin_ = end_ = punched_ = 0;
}

} // namespace sluice::detail
