// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// A small app on libfcgi, serving the listening socket that is its standard input: says what it was asked, repeats the body, and
// for a filter the data.
#include <fcgiapp.h>

#include <csignal>
#include <cstring>

namespace {

const char* parameter(const FCGX_Request& r, const char* name)
{
    const char* const value = FCGX_GetParam(name, r.envp);
    return value != nullptr ? value : "(none)";
}

void repeat(FCGX_Request& r)
{
    char buffer[4096];
    for (int n; (n = FCGX_GetStr(buffer, sizeof buffer, r.in)) > 0;)
        if (FCGX_PutStr(buffer, n, r.out) < n)
            return;
}

} // namespace

int main()
{
    FCGX_Request r;
    if (FCGX_Init() != 0 || FCGX_InitRequest(&r, 0, 0) != 0)
        return 1;
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, SIG_DFL);
    while (FCGX_Accept_r(&r) == 0) {
        FCGX_FPrintF(r.out, "Content-Type: text/plain\r\n\r\n%s %s %s\n", parameter(r, "FCGI_ROLE"),
                     parameter(r, "REQUEST_METHOD"), parameter(r, "REQUEST_URI"));
        repeat(r);
        if (std::strcmp(parameter(r, "FCGI_ROLE"), "FILTER") == 0 && FCGX_StartFilterData(r.in) == 0) {
            FCGX_PutS("\ndata: ", r.out);
            repeat(r);
        }
        FCGX_PutS("said by libfcgi\n", r.err);
        if (std::strcmp(parameter(r, "QUERY_STRING"), "fail") == 0)
            FCGX_SetExitStatus(7, r.out);
        FCGX_Finish_r(&r);
    }
    return 0;
}
