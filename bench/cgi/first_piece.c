// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// One small piece, silence of QUERY_STRING ms=N, and a last piece.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(void)
{
    const char* query = getenv("QUERY_STRING");
    if (query == NULL || strncmp(query, "ms=", 3) != 0)
        return 1;
    const long ms = strtol(query + 3, NULL, 10);
    const struct timespec silence = {ms / 1000, ms % 1000 * 1000000};
    printf("Content-Type: text/plain\r\n\r\nfirst\n");
    fflush(stdout);
    nanosleep(&silence, NULL);
    return printf("last\n") < 0;
}
