// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "probe.hpp"

int main(int argc, char** argv)
{
    return sluice::run(argc, argv, probe);
}
