// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/log_capture.hpp"

#include <sluice/testing/app_loop.hpp>
#include <sluice/testing/client.hpp>

namespace sluice::test {

/// The client in memory that ships for the tests of apps is the host of our own.
using fake_host = testing::client;

/// Its loop, with the log of the process taken as long as it lives. Time goes by itself unless `stop_clock` is called.
class fake_loop : private log_capture, public testing::app_loop {
public:
    using app_loop::app_loop;

    log_capture& log() noexcept { return *this; }
};

} // namespace sluice::test
