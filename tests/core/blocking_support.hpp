// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/blocking.hpp>

#include "core/app_checks.hpp"
#include "support/app_support.hpp"

#include <atomic>
#include <ostream>
#include <utility>

// A blocking app and its client.
namespace sluice::test {

struct asked {
    explicit asked(application app, const limits& l = {}) : loop(std::move(app), l), client(loop) {}

    bool until_ended()
    {
        return loop.poll_until([this] { return client.ended(); });
    }
    /// Polls until the app has written as much as it can.
    bool until_held(std::size_t n)
    {
        return loop.poll_until([this, n] { return client.held() >= n; });
    }

    fake_loop loop;
    fake_host client;
};

/// For an app that reads its body as it comes.
inline blocking_options unbuffered()
{
    blocking_options o;
    o.buffered_body = 0;
    return o;
}

inline std::ostream& start_text(blocking_request& r)
{
    return r.start(200, {{"Content-Type", "text/plain"}});
}

/// Where an app says that it has got somewhere, and the test polls until it has.
using flag = std::atomic<bool>;

} // namespace sluice::test
