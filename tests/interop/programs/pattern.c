// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// As many bytes as the query says, of what the probe's /bytes sends: 61 letters and digits, again and again.
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

static const char unit[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXY";
enum { unit_size = sizeof unit - 1, units = 1024 };

static int write_all(const char* from, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(1, from, size);
        if (n < 0)
            return 0;
        from += n;
        size -= (size_t)n;
    }
    return 1;
}

int main(void)
{
    static const char head[] = "Content-Type: text/plain\n\n";
    static char many[unit_size * units];
    const char* query = getenv("QUERY_STRING");
    unsigned long long left = query ? strtoull(query, NULL, 10) : 0;
    for (int i = 0; i < units; ++i)
        memcpy(many + i * unit_size, unit, unit_size);
    int well = write_all(head, sizeof head - 1);
    while (well && left > 0) {
        const size_t size = left < sizeof many ? (size_t)left : sizeof many;
        well = write_all(many, size);
        left -= size;
    }
    return well ? 0 : 1;
}
