// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

namespace sluice {

class environment;

namespace detail {

/// What an exception that came out of an app means for its request.
struct app_failure {
    explicit app_failure(const std::exception_ptr& e);

    /// A line about it: a warning where it is answered as what the client sent, else an error.
    void log(std::uint64_t id, const environment& env, bool answered) const;

    std::string what;
    int status = 500; ///< of the answer, where there is none yet: `status_of`
};

} // namespace detail
} // namespace sluice
