// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/errc.hpp>
#include <sluice/task.hpp>

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

/// A regular file, open for reading without making the loop wait for a disk.
///
///     sluice::file f = sluice::file::open("/srv/report.pdf");
///     respond.send(200, {{"Content-Type", "application/pdf"}}, std::move(f));
///
/// What the kernel has in its page cache is read at once (`RWF_NOWAIT`), what it has not by a thread (docs/design/012).
/// Opening does wait for the disk where the folders on the way are not cached.
///
/// Thread safety: none.
class file {
public:
    /// Errors: the system's; EISDIR for a directory; ENOTSUP for a FIFO, a socket or a device, which are never waited for;
    /// EINVAL for a name with a byte 0. The one without `ec` throws `system_error`, and names the file.
    static file open(const std::string& path, error_code& ec);
    static file open(const std::string& path);

    /// The same below the folder `root`, which no `..`, no absolute path and no symbolic link leaves (openat2; Linux 5.6).
    /// A leading `/` of `path` is left out, so that PATH_INFO fits. Other errors: EXDEV for a path that leaves; ENOSYS where the
    /// kernel cannot tell.
    static file open_beneath(const std::string& root, std::string_view path, error_code& ec);

    file() = default;
    file(file&& other) noexcept { swap(other); }
    file& operator=(file&& other) noexcept
    {
        swap(other);
        return *this;
    }
    ~file();

    bool is_open() const noexcept { return fd_ >= 0; }
    int native_handle() const noexcept { return fd_; }

    /// As it was opened, for messages.
    const std::string& path() const noexcept { return path_; }

    /// In bytes, and when it was last changed (since 1970), as it was when it was opened.
    std::uint64_t size() const noexcept { return size_; }
    std::timespec last_modified() const noexcept { return last_modified_; }

    /// Reads some bytes at `offset` if that needs no waiting, into a buffer that is not empty. Nothing when it would have to wait,
    /// or may be at the end: ask `read_at`. Errors: throws `system_error`, which names the file.
    std::optional<std::size_t> try_read_at(std::uint64_t offset, boost::asio::mutable_buffer to);

    /// Reads some bytes at `offset`; 0 at the end of the file. A read that was begun is not cancelled: a disk answers.
    /// Errors: as above. Object lifetimes: the file and the buffer live until the task has ended.
    task<std::size_t> read_at(std::uint64_t offset, boost::asio::mutable_buffer to);

private:
    void swap(file& other) noexcept
    {
        std::swap(fd_, other.fd_);
        std::swap(nowait_, other.nowait_);
        std::swap(size_, other.size_);
        std::swap(last_modified_, other.last_modified_);
        path_.swap(other.path_);
    }
    void adopt(int fd, std::string path, error_code& ec);
    [[noreturn]] void fail(int error, std::uint64_t offset) const;

    int fd_ = -1;
    bool nowait_ = true; ///< the file system can tell whether it would wait
    std::uint64_t size_ = 0;
    std::timespec last_modified_{};
    std::string path_;
};

} // namespace sluice
