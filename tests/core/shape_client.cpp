// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "support/shapes.hpp"

namespace sluice::test {

std::unique_ptr<shape_client> make_shape_client(const application& app)
{
    return make_host_client(app);
}

std::vector<shape> all_shapes()
{
    return core_shapes();
}

} // namespace sluice::test
