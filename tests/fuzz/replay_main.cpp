// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A fuzzer without the fuzzing: runs the inputs that are kept, in the order of their names. So every build, with whatever
// compiler, shows that what was found once stays found.
#include "fuzz/fuzz.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <vector>

namespace {

void replay(const std::filesystem::path& file)
{
    std::ifstream from(file, std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(from)), {});
    // Said before, so that after a crash it stands there; a copy of its own, so that a sanitizer sees what is read past it.
    std::cout << file.filename().string() << std::endl;
    const std::vector<std::uint8_t> data(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(data.data(), data.size());
}

} // namespace

int main(int argc, char** argv)
{
    std::set<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i) {
        if (std::filesystem::is_directory(argv[i]))
            files.insert(std::filesystem::directory_iterator(argv[i]), {});
        else
            files.insert(argv[i]);
    }
    if (files.empty()) {
        std::cerr << "usage: " << argv[0] << " FOLDER|FILE...\n";
        return 2;
    }
    for (const auto& file : files)
        replay(file);
    std::cout << files.size() << " inputs\n";
    return 0;
}
