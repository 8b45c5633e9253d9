// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/middleware/around.hpp>

namespace sluice::middleware {

application with_roles_of(const application& inner, application outer)
{
    const bool responds = inner.serves(role::responder);
    const bool filters = inner.serves(role::filter);
    if (responds && filters)
        return application::by_role({outer, application::filter(outer), inner});
    if (responds)
        return inner.serves(role::authorizer) ? application::by_role({outer, inner}) : outer;
    if (filters)
        return application::by_role({application::filter(outer), inner});
    return inner;
}

} // namespace sluice::middleware
