// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// Files of any size from a folder, as browsers and download managers like them: a download that broke off goes on where
// it was, and a video starts in the middle.
//
//     FILES=/srv/files ./07_file_streaming --mount / --fastcgi unix:/tmp/files.sock
#include <sluice/sluice.hpp>

#include <cstdlib>

namespace {

sluice::file_options options()
{
    const char* folder = std::getenv("FILES");
    return {.root = folder ? folder : "."};
}

// Nothing of the file is in memory but what the client is about to read: at most 64 KiB, however large the file and however
// slow the client. Nor does anybody else wait while a disk is slow. The path comes from the client, and may be anything:
// nothing outside the folder is found by it.
sluice::response download(sluice::request& req)
{
    auto r = sluice::file_response(req, req.env().path_info(), options());
    r.headers.add("Cache-Control", "no-cache"); // the browser may keep it, and asks whether it has changed
    return r;
}

} // namespace

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, download);
}
