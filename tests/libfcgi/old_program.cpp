// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "libfcgi/old_program.hpp"

#include <cstring>
#include <mutex>

#include <fcgiapp.h>
#include <fcntl.h>
#include <sys/socket.h>

namespace sluice::test {

namespace {

fcgi::listener open(transport t, const temp_dir& folder)
{
    auto l = fcgi::listener::open(t == transport::tcp ? "tcp:127.0.0.1:0"
                                                      : "unix:" + (folder / "socket").string());
    ::fcntl(l.fd(), F_SETFL, ::fcntl(l.fd(), F_GETFL) & ~O_NONBLOCK); // libfcgi waits in accept(2)
    return l;
}

} // namespace

old_program::old_program(const application& app, const libfcgi::bridge_options& options, unsigned threads,
                         transport t)
    : listener_(open(t, folder_))
{
    static std::once_flag once;
    std::call_once(once, [] { FCGX_Init(); });
    for (unsigned i = 0; i < threads; ++i)
        bridges_.emplace_back(app, options);
    for (auto& b : bridges_)
        threads_.emplace_back([this, &b] { serve(b); });
}

old_program::~old_program()
{
    ::shutdown(listener_.fd(), SHUT_RDWR); // accept(2) fails from now on
    for (auto& t : threads_)
        t.join();
}

void old_program::serve(libfcgi::bridge& b)
{
    FCGX_Request r;
    FCGX_InitRequest(&r, listener_.fd(), 0);
    while (FCGX_Accept_r(&r) == 0) {
        const char* const path = FCGX_GetParam("PATH_INFO", r.envp);
        if (path && std::strncmp(path, "/old", 4) == 0)
            FCGX_FPrintF(r.out, "Content-Type: text/plain\r\n\r\nanswered as ever: %s", path);
        else
            ++(b.answer(r) ? well_ : failed_);
        FCGX_Finish_r(&r);
    }
    FCGX_Free(&r, 1);
}

bool old_program::until(const std::function<bool()>& done)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!done()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2)); // the pause between two looks
    }
    return true;
}

bool old_program::answered(unsigned n) const
{
    return until([&] { return well_ + failed_ >= n; });
}

} // namespace sluice::test
