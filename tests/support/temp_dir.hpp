// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <filesystem>
#include <string_view>

namespace sluice::test {

/// A private folder that lives as long as the object.
///
/// Made with mkdtemp below $TMPDIR or /tmp. A path that would leave no room for a unix socket's
/// name (108 bytes in all) goes below /tmp whatever $TMPDIR says.
class temp_dir {
public:
    temp_dir();
    ~temp_dir();
    temp_dir(const temp_dir&) = delete;
    temp_dir& operator=(const temp_dir&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }

    /// The path of something in the folder; it need not exist.
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

    /// Writes a file in the folder, making the folders on the way.
    std::filesystem::path write(std::string_view name, std::string_view content) const;

    /// Lets other users pass through the folder: a server started by root gives up its rights
    /// before it opens a file or a socket here.
    void open_to_all() const;

private:
    std::filesystem::path path_;
};

} // namespace sluice::test
