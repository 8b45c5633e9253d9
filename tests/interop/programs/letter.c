// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// A letter that is part of the program, and behind it what the client has sent.
#include <stdio.h>
#include <stdlib.h>

static const char letter[] = "Dear client,\nthis is what you said:\n";

static const char* variable(const char* name)
{
    const char* value = getenv(name);
    return value ? value : "";
}

int main(void)
{
    const size_t announced = (size_t)strtoul(variable("CONTENT_LENGTH"), NULL, 10);
    char* said = malloc(announced + 1);
    if (!said)
        return 1;
    const size_t size = fread(said, 1, announced, stdin);
    printf("Status: 201 Written\nContent-Type: text/plain\nContent-Length: %zu\n", sizeof letter - 1 + size);
    printf("X-Method: %s\nX-Script-Name: %s\nX-Path-Info: %s\n", variable("REQUEST_METHOD"),
           variable("SCRIPT_NAME"), variable("PATH_INFO"));
    printf("X-Query-String: %s\nX-Content-Length: %s\n\n", variable("QUERY_STRING"),
           variable("CONTENT_LENGTH"));
    fputs(letter, stdout);
    fwrite(said, 1, size, stdout);
    free(said);
    return 0;
}
