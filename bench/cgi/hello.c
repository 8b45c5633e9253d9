// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <stdio.h>

int main(void)
{
    return printf("Content-Type: text/plain\r\n\r\nHello, world!") < 0;
}
