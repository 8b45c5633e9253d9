// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/temp_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace sluice::test {

namespace fs = std::filesystem;

namespace {

fs::path parent_folder()
{
    // sockaddr_un has room for 107 characters; leave 60 for our folder and the socket's own name.
    const char* wanted = std::getenv("TMPDIR");
    if (wanted != nullptr && *wanted == '/' && std::string_view(wanted).size() <= 47)
        return wanted;
    return "/tmp";
}

} // namespace

temp_dir::temp_dir()
{
    std::string pattern = (parent_folder() / "sluice-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "mkdtemp " + pattern);
    path_ = pattern;
}

temp_dir::~temp_dir()
{
    std::error_code ignored; // what a killed server still holds open must not fail a test
    fs::remove_all(path_, ignored);
}

fs::path temp_dir::write(std::string_view name, std::string_view content) const
{
    fs::path file = path_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream stream(file, std::ios::binary);
    stream.write(content.data(), static_cast<std::streamsize>(content.size()));
    stream.close();
    if (!stream)
        throw std::runtime_error("cannot write " + file.string());
    return file;
}

void temp_dir::open_to_all() const
{
    fs::permissions(path_, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                               fs::perms::others_read | fs::perms::others_exec);
}

} // namespace sluice::test
