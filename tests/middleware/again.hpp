// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/response.hpp>

namespace sluice::test {

/// The same once more, for an app that is asked more than once: a response is moved. Precondition: its body is a string.
inline response again(const response& r)
{
    return {r.status, r.headers, r.body.text(), r.reason};
}

} // namespace sluice::test
