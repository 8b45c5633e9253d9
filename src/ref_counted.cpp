// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/detail/ref_counted.hpp>

namespace sluice::detail {

void ref_counted::unreferenced() noexcept
{
    delete this;
}

} // namespace sluice::detail
