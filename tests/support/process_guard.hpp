// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

namespace sluice::test {

/// What the guard tells the test, one message a packet of the lifeline.
struct guard_message {
    enum class kind : int {
        started,     ///< value: the program's pid
        failed,      ///< value: the errno that kept it from starting
        left_behind, ///< value: how many processes below it had to be killed after its end
        ended,       ///< value: the program's wait status; always the last message
    };
    kind what;
    int value;
};

} // namespace sluice::test
