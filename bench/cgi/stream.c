// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// QUERY_STRING bytes=N: a body of N bytes in writes of 64 KiB.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char piece[65536];

static int write_all(const char* data, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(STDOUT_FILENO, data, size);
        if (n < 0)
            return 0;
        data += n;
        size -= (size_t)n;
    }
    return 1;
}

int main(void)
{
    static const char head[] = "Content-Type: application/octet-stream\r\n\r\n";
    const char* query = getenv("QUERY_STRING");
    if (query == NULL || strncmp(query, "bytes=", 6) != 0)
        return 1;
    unsigned long long left = strtoull(query + 6, NULL, 10);
    memset(piece, 'x', sizeof piece);
    if (!write_all(head, sizeof head - 1))
        return 1;
    while (left > 0) {
        const size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
        if (!write_all(piece, n))
            return 1;
        left -= n;
    }
    return 0;
}
