// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>

namespace sluice::fcgi {

/// Looks for the next bytes of a lone peer for a few microseconds before the loop goes to sleep, where that has proved
/// worth it: a web server that sends one request after the other is answered without a sleep and a wake-up for each.
/// Where it is not, it is tried ever more seldom. See docs/design/010.
class connection_poll {
public:
    /// `longest` is zero: never.
    explicit connection_poll(std::chrono::microseconds longest) noexcept : longest_(longest) {}

    /// Asked once before each sleep: is it worth a try now?
    bool due() noexcept
    {
        if (longest_.count() == 0)
            return false;
        if (skip_ == 0)
            return true;
        --skip_;
        return false;
    }

    /// Looks until something is there to read from `fd`, the end of input too, at most for the time given.
    bool look(int fd) noexcept;

    /// What came of it. Half of the tries have to succeed for the next to be made at once.
    void note(bool came) noexcept
    {
        wait_ = came ? wait_ / 2 : (wait_ < most_skipped ? wait_ * 2 + 1 : wait_);
        skip_ = wait_;
    }

private:
    static constexpr unsigned most_skipped = 1023;

    std::chrono::microseconds longest_;
    unsigned wait_ = 0;
    unsigned skip_ = 0;
};

} // namespace sluice::fcgi
