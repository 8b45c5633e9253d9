// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <mutex>
#include <string>

namespace sluice::test {

/// What an app finds on a thread of its own, for the test to look at: Catch's assertions are for one thread.
///
///     app_checks checks;
///     … in the app: checks(out.bad(), "out is bad") …
///     CHECK(checks.failed() == "");
class app_checks {
public:
    void operator()(bool held, const char* what)
    {
        if (held)
            return;
        const std::lock_guard lock(mutex_);
        failed_.append(what).append("; ");
    }
    std::string failed() const
    {
        const std::lock_guard lock(mutex_);
        return failed_;
    }

private:
    mutable std::mutex mutex_;
    std::string failed_;
};

} // namespace sluice::test
