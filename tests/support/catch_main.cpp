// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

// The main function of every Catch2 test program. Our own, so that the same lines serve version 2
// (one header, which defines the runner here) and version 3 (link Catch2::Catch2, not
// Catch2WithMain).
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

int main(int argc, char** argv)
{
    return Catch::Session().run(argc, argv);
}
