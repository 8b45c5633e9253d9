// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// Lets CHECK print pairs, tuples and optionals.
#ifndef CATCH_CONFIG_ENABLE_ALL_STRINGMAKERS
#define CATCH_CONFIG_ENABLE_ALL_STRINGMAKERS
#endif

// Catch2 under one name: version 3 where it is installed, else version 2 (one header).
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp> // IWYU pragma: export
#else
#include <catch2/catch.hpp> // IWYU pragma: export
#endif
